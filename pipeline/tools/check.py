"""`wm check`: validate params.yaml before anything runs."""

from pipeline.arguments import PARAMS, ParamsFile


def command(params: ParamsFile = PARAMS) -> None:
    """Validate every key, value and name in params.yaml; takes about two seconds."""
    from pipeline.families import FAMILIES
    from pipeline.params import read

    settings = read(params)
    members = {family.selector: settings.values[family.selector] for family in FAMILIES}
    print(f"{params}: " + ", ".join(f"{key} {name}" for key, name in members.items()))

"""`wm check`: find every mistake in params.yaml before anything runs."""

from pipeline.arguments import PARAMS, ParamsFile


def command(params: ParamsFile = PARAMS) -> None:
    """Check params.yaml whole: every key, value and name, in about two seconds."""
    from pipeline.families import FAMILIES
    from pipeline.params import read

    settings = read(params)
    chosen = {family.selector: settings.values[family.selector] for family in FAMILIES}
    print(f"{params}: " + ", ".join(f"{key} {name}" for key, name in chosen.items()))

"""`wm check`: validate params.yaml before anything runs."""

from pipeline.arguments import PARAMS, ParamsFile


def command(params: ParamsFile = PARAMS) -> None:
    """Validate params.yaml, and refuse what a later stage would."""
    from pipeline.families import FAMILIES
    from pipeline.params import read
    from pipeline.tools.check.ahead import check_ahead

    settings = read(params)
    check_ahead(settings)
    members: dict[str, str | None] = {"dataset": settings.dataset}
    families = sorted(FAMILIES, key=lambda family: family.of_dataset)
    members |= {family.selector: settings.chosen(family) for family in families}
    print(f"{params}: " + ", ".join(f"{key} {name}" for key, name in members.items()))

"""Runs of the paper at once, each in a folder of its own; runs on the same latents share them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import params, stage
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError, ParamsError
from pipeline.evaluate import Options as EvaluateOptions
from pipeline.metrics import perceptual
from pipeline.params import Settings
from pipeline.tools.dvc_yaml import read as dvc_yaml
from pipeline.tools.reproduce import comparison
from pipeline.tools.reproduce.comparison import Comparison
from pipeline.tools.reproduce.preset import check_episodes, with_data
from pipeline.tools.reproduce.published import PublishedRuns, Run
from pipeline.tools.reproduce.run import SIMULATED, Request, measuring, recorded
from pipeline.tools.tables import show
from pipeline.tools.workspaces import spread
from pipeline.tools.workspaces.workspace import Recipe, Workspace

LATENTS = "encode"
"""The last stage whose outputs runs share."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A run of the paper, and where it is reproduced: all stages from `train` on."""

    name: str
    published: Run
    run: spread.Run

    def compare(self, published: PublishedRuns) -> list[Comparison]:
        """Its scores beside the paper's."""
        workspace = self.run.workspace
        paths = recorded(self.published, workspace.recipe.values)
        records = {path: workspace.folder / path for path in paths}
        return comparison.compare(self.published, published, records)


def reproduce(
    published: PublishedRuns, names: Sequence[str], request: Request, out: Path, jobs: int | None
) -> bool:
    """Train and evaluate runs; print their scores and the paper's, and write OUT/reproduced.json.

    Args:
        published: all runs of the paper.
        names: of those to carry out.
        request: for each of them.
        out: folder for the runs; finished ones are kept.
        jobs: runs at once, on this machine; None leaves it to `cluster` of params.yaml.

    Returns:
        Whether every score that can be compared is within its tolerance.

    Raises:
        UserError: the request cannot be carried out; or some runs failed, after all others ended.
    """
    if request.checkpoint is not None:
        raise ParamsError("--checkpoint goes without --out, and with one run")
    settings = params.read(request.params)
    chosen = dict.fromkeys(published.resolve(name) for name in names)
    laid_out = _laid_out({name: published.runs[name] for name in chosen}, settings, request, out)
    data = dict.fromkeys(each.run.after for each in laid_out if each.run.after is not None)
    runs = [*data, *(each.run for each in laid_out)]
    unfinished: DataError | None = None
    try:
        for line in spread.carry_out(out, runs, spread.at_once(settings, jobs)):
            print(f"reproduce: {line}", flush=True)
    except DataError as error:
        unfinished = error  # the scores of the others are there
    done = [each for each in laid_out if each.run.time() is not None]
    compared = {each.name: each.compare(published) for each in done}
    if request.simulated:
        print(f"reproduce: {SIMULATED}")
    for each in done:
        print(f"reproduce: {each.name}, {each.published.place} of {published.paper}")
        show(comparison.table(compared[each.name], comparable=not request.simulated))
    scores = {name: [asdict(score) for score in each] for name, each in compared.items()}
    stage.write_json(out / "reproduced.json", {"simulated": request.simulated, "runs": scores})
    if unfinished is not None:
        raise unfinished
    return request.simulated or all(score.passes for each in compared.values() for score in each)


def _laid_out(
    runs: Mapping[str, Run], settings: Settings, request: Request, out: Path
) -> list[Reproduction]:
    """The runs in folders of their own, each after the run that makes its latents."""
    stages = dvc_yaml.stages(request.params.with_name("dvc.yaml"))
    data: dict[Path, spread.Run] = {}
    found = []
    for name, run in runs.items():
        changes = _with_absolute_root(run, settings, request)
        recipe = Recipe.changed(stages, settings.values, changes, request.params)
        checked = Settings(request.params, recipe.values)
        check_episodes(checked)
        perceptual.prepare(checked.section("evaluate", EvaluateOptions).perceptual)
        shared = recipe.needed(LATENTS)
        folder = out / "latents" / _name_of_latents(recipe, checked)
        latents = data.setdefault(folder, spread.Run(Workspace(folder, recipe), shared))
        own = tuple(each for each in recipe.needed(*measuring(run)) if each not in shared)
        workspace = Workspace(out / name, recipe, latents.workspace)
        found.append(Reproduction(name, run, spread.Run(workspace, own, latents)))
    return found


def _with_absolute_root(run: Run, settings: Settings, request: Request) -> dict[str, Any]:
    """Its changes to params.yaml; a folder of episodes is found from every other folder too."""
    changes = with_data(run, request.params, request.root, simulated=request.simulated)
    key = f"datasets.{run.dataset}.root"
    root = changes.get(key, settings.values["datasets"][run.dataset]["root"])
    return changes if root is None else {**changes, key: str(Path(root).absolute())}


def _name_of_latents(recipe: Recipe, settings: Settings) -> str:
    """The same for runs whose latents are the same."""
    stages = {name: each.params for name, each in recipe.identity(LATENTS).items()}
    digest = hashlib.sha256(json.dumps(stages, sort_keys=True).encode()).hexdigest()
    return f"{settings.dataset}-{settings.chosen(ENCODERS)}-{digest[:8]}"

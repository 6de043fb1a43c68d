"""Carry out a study of samplers, and write and show what comes out."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from pydantic import Field
from rich.table import Table

from pipeline import stage
from pipeline.compute import device
from pipeline.diffusion.config import Config
from pipeline.errors import ParamsError
from pipeline.files.json_model import FileModel
from pipeline.files.versioned import Format
from pipeline.latents.cache import open_cache
from pipeline.metrics import frames
from pipeline.metrics.schema.rollout import StudyRow
from pipeline.report.rollouts import study_svg
from pipeline.rollout import Study
from pipeline.rollout.card import LatentsCard, ModelCard
from pipeline.rollout.generate import Generator, load_frames_model
from pipeline.rollout.score import Scorer
from pipeline.rollout.study import study
from pipeline.samplers import SAMPLERS
from pipeline.tools import tables
from pipeline.tools.out_folder import check_out
from pipeline.tools.rollout.request import Start, Steps
from pipeline.tools.rollout.starts import Place, clips_of
from pipeline.tools.rollout.write import latents_card, model_card, parts, sampling_of

FORMAT = Format()
"""Of study.json; a change that earlier files do not go with needs a migration."""
STUDY = "study.json"
SPACINGS = ("trailing", "linspace")
STEPS = (1, 2, 4, 10, 50)


class StudyFile(FileModel):
    """The content of study.json.

    Attributes:
        model: that generated.
        latents: that it started from.
        seed: of the noise, and of the choice of clips.
        clips: that every way generated.
        frames: generated of each.
        history: frames that were given.
        simulated: whether clips were simulated for this.
        ways: what came out.
    """

    model: ModelCard
    latents: LatentsCard
    seed: int = Field(ge=0)
    clips: int = Field(gt=0)
    frames: int = Field(gt=0)
    history: int = Field(gt=0)
    simulated: bool
    ways: list[StudyRow]


@dataclass(frozen=True, slots=True)
class Ways:
    """Samplers, spacings and steps of which all combinations are compared; None for the default."""

    samplers: list[str] | None
    spacings: list[str] | None
    steps: list[int] | None

    def suiting(self, config: Config) -> "Ways":
        """The same; where nothing is named, a student is compared in the ways that it knows."""
        if config.student is None:
            return self
        steps = [count for count in STEPS if count <= config.default_steps]
        return Ways(
            self.samplers or [config.default_sampler],
            self.spacings or ["trailing"],
            self.steps or steps,
        )

    def study(self) -> Study:
        """The same, checked.

        Raises:
            ParamsError: there is no such sampler or spacing, or steps are out of range.
        """
        for name in self.samplers or ():
            SAMPLERS.load(name, "--sampler")
        for name in self.spacings or ():
            if name not in SPACINGS:
                raise ParamsError(f"--spacing {name}: choose {' or '.join(SPACINGS)}")
        for count in self.steps or ():
            if not 0 < count <= 1000:
                raise ParamsError(f"--steps {count}: choose 1 to 1000")
        return Study(
            samplers=tuple(self.samplers or SAMPLERS.names()),
            spacings=cast(
                tuple[Literal["trailing", "linspace"], ...], tuple(self.spacings or SPACINGS)
            ),
            steps=tuple(self.steps or STEPS),
        )


def write(
    ways: Ways, start: Start, base: Steps, places: tuple[Path, Path, Path, Path], out: Path
) -> list[StudyRow]:
    """Compare, and write study.json, study.csv and study.svg.

    Args:
        ways: to be compared.
        start: clips, as of `wm rollout`.
        base: options that all ways share.
        places: folder of the model, latents, shards and params.yaml.
        out: folder to write.

    Raises:
        UserError: an option is wrong, or a file is missing or damaged.
    """
    check_out(out, STUDY, "study")
    folder, latents, shards, params = places
    cache = open_cache(latents)
    model, encoder = load_frames_model(*parts(folder), cache)
    asked = ways.suiting(model.config).study()
    place = Place(cache.whitened_by(model.spec), shards, params)
    clips = clips_of(start, model, place, base.seed)
    generator = Generator(model, encoder, sampling_of(base, model), base.seed)
    scorer = Scorer(generator, frames.build((), device.pick()), cache.spec)
    rows = study(scorer, asked, clips, base.batch)
    first = clips[0]()
    content = StudyFile(
        model=model_card(folder),
        latents=latents_card(cache),
        seed=base.seed,
        clips=len(clips),
        frames=len(first.actions) - len(first.history) + 1,
        history=len(first.history),
        simulated=start.simulate,
        ways=rows,
    )
    with stage.output(out) as partial:
        partial.mkdir()
        (partial / STUDY).write_text(FORMAT.text(content))
        (partial / "study.svg").write_bytes(study_svg(rows))
        _write_csv(partial / "study.csv", rows)
    return rows


def _write_csv(path: Path, rows: list[StudyRow]) -> None:
    ends = ("latent_interval", "psnr_interval")
    names = [name for name in StudyRow.model_fields if name not in ends]
    sides = [f"{name}_{side}" for name in ends for side in ("low", "high")]
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*names, *sides])
        for row in rows:
            values = [getattr(row, name) for name in names]
            numbers = [end for name in ends for end in getattr(row, name)]
            table.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in (*values, *numbers)])


def show(rows: list[StudyRow]) -> None:
    """Print one row for each way to sample."""
    table = Table("order", "spacing", "steps", "latent error", "PSNR, dB", "evaluations", "CPU, ms")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        low, high = row.psnr_interval
        table.add_row(
            row.sampler,
            row.spacing,
            str(row.steps),
            f"{row.latent_mse:.4f}",
            f"{row.psnr:.2f} ({low:.2f} - {high:.2f})",
            f"{row.evaluations:.1f}",
            f"{1000 * row.cpu_seconds:.2f}",
        )
    tables.show(table)

"""Lengths and numbers of the episodes that will be simulated, against what stages ask of them."""

from dataclasses import dataclass

from pipeline.encode import Options as EncodeOptions
from pipeline.errors import ParamsError
from pipeline.evaluate import Options as EvaluateOptions
from pipeline.formats import FORMATS, frame_interval
from pipeline.ingest import Options as IngestOptions
from pipeline.ingest.split import split_by_share
from pipeline.latents.validation_clips import too_few
from pipeline.params import Settings
from pipeline.plan import Options as PlanOptions
from pipeline.train import Options as TrainOptions
from pipeline.worlds import WORLDS


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a world will record.

    Attributes:
        place: of its length in params.yaml.
        steps: frames of each episode.
        interval: steps between two frames of a model.
    """

    place: str
    steps: int
    interval: int

    def check_length(self, what: str, needed: int) -> None:
        """Refuse episodes of fewer than `needed` frames.

        Raises:
            ParamsError: they are shorter.
        """
        if self.steps < needed:
            raise ParamsError(
                f"{what} needs episodes of {needed} frames, but {self.place} = {self.steps}; lower "
                "the one or raise the other"
            )


def check_simulated(settings: Settings) -> None:
    """Refuse what the episodes of the chosen world are too short or too few for.

    Raises:
        ParamsError: the first such option.
    """
    world, train = settings.variant(WORLDS), settings.section("train", TrainOptions)
    ingest, plan = settings.section("ingest", IngestOptions), settings.section("plan", PlanOptions)
    evaluate = settings.section("evaluate", EvaluateOptions)
    interval = train.interval or frame_interval(settings.variant(FORMATS))
    place = f"{settings.path}: worlds.{world.name}"
    simulated = Simulated(f"worlds.{world.name}.steps", world.options.steps, interval)
    by_frames = {
        "train.frames": train.frames,
        "evaluate.dream_frames": evaluate.dream_frames,
        "plan.execute": plan.execute,
    }
    simulated.check_length(f"{settings.path}: ingest.shortest", ingest.shortest)
    for key, frames in by_frames.items():
        what = f"{settings.path}: {key} x interval = {frames} x {interval}"
        simulated.check_length(what, frames * interval)
    away = plan.goals.frames[0] + plan.context - 1
    what = "plan.goals.frames[0] + plan.context - 1"
    place_of = f"{settings.path}: ({what}) x interval = {away} x {interval}"
    simulated.check_length(place_of, away * interval + 1)
    if world.options.own_split:
        return
    splits = split_by_share(world.options.episodes, ingest.train_share, ingest.split_seed)
    for name, episodes in zip(("train", "val"), splits, strict=True):
        if not episodes:
            raise ParamsError(
                f"{place}.episodes = {world.options.episodes} leaves none for the {name} split; "
                "raise it or change ingest.train_share"
            )
    stride = settings.section("encode", EncodeOptions).stride
    starts = len(range(0, simulated.steps - train.frames * interval + 1, stride))
    there = len(splits[1]) * starts
    counts = {"evaluate.clips": evaluate.clips, "train.validation.clips": train.validation.clips}
    for key, count in counts.items():
        if there < count:
            raise too_few(there, count, f"worlds.{world.name}", f"{settings.path}: {key}")

"""The stage: long rollouts of the model that params.yaml describes."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.compute import device
from pipeline.diffusion.sampling import build_sampling
from pipeline.latents.cache import open_cache
from pipeline.metrics import frames
from pipeline.metrics.schema.rollout import RolloutMetrics
from pipeline.params import Settings
from pipeline.rollout import Options, clips
from pipeline.rollout.clips import Length, Load
from pipeline.rollout.files import Form
from pipeline.rollout.generate import Generator, load
from pipeline.rollout.score import Scorer, curves, score_and_write
from pipeline.rollout.study import study
from pipeline.worlds import WORLDS


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What earlier stages made."""

    latents: Path
    shards: Path
    codec: Path
    world_model: Path


def run(settings: Settings, options: Options, artefacts: Artefacts, out: Path) -> RolloutMetrics:
    """Roll out, score and write some videos into a folder.

    Raises:
        DataError: an artefact is missing or damaged, or the model gives NaN.
        ParamsError: the options fit neither the model nor the data.
    """
    cache = open_cache(artefacts.latents)
    model, encoder = load(artefacts.world_model, artefacts.codec, cache)
    sampling = model.own(build_sampling(settings, options.sampling), "rollout.sampling")
    window = model.config.frames
    if model.context is not None:
        options = options.model_copy(update={"context": model.context})
    length = Length(options.context, options.frames(window), model.config.interval)
    if options.source == "simulated":
        loads = _simulated(settings, options, length)
    else:
        own, place = cache.whitened_by(model.spec), "rollout.clips"
        loads = clips.fixed(own, artefacts.shards, length, options.clips, options.seed, place)
    generator = Generator(model, encoder, sampling, options.seed)
    perceptual = tuple(n for n in settings.value("evaluate", "perceptual") if n == "lpips")
    scorer = Scorer(generator, frames.build(perceptual, device.pick()), cache.spec)
    form = Form(fps=options.fps, native=False, videos=True, images=False)
    view = model.spec.view
    if options.videos:
        form.check((view.height, view.width))
    scored = score_and_write(scorer, loads, options.batch, (out, form), options.videos)
    return RolloutMetrics(
        clips=len(loads),
        source=options.source,
        history=length.history,
        frames=length.frames,
        window=window,
        decoder=encoder.decoder_kind,
        model=curves(scored.model),
        repeat_last=curves(scored.repeat_last),
        study=study(scorer, options.study, loads, options.batch),
    )


def _simulated(settings: Settings, options: Options, length: Length) -> list[Load]:
    """New episodes of the data set's simulator, without which params.yaml is refused."""
    world = settings.variant(WORLDS).build()
    return clips.simulated(world, length, options.clips, options.seed)

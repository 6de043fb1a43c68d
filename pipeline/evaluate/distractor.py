"""What generated frames make of a world's distractor: clean objects, at all of its places."""

from dataclasses import replace

import torch

from pipeline.errors import ParamsError
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.spec import LatentSpec
from pipeline.metrics.backend import OWN, Backend
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.distractor import NOWHERE, Distractor, diversity
from pipeline.metrics.frames import FrameMetrics
from pipeline.metrics.schema.distractor import DistractorMetrics
from pipeline.params import Settings
from pipeline.worlds import WORLDS

CONDITIONS, SAMPLES = 4, 64
"""Clips that are continued by several samples each, to see how much these differ."""


def of_world(settings: Settings, spec: LatentSpec) -> Distractor | None:
    """The distractor of the chosen world, as encoders see it; None if it has none."""
    world = settings.optional(WORLDS)
    frames = None if world is None else world.options.distractor_frames()
    if frames is None:
        return None
    return Distractor(spec.view.to_float(torch.from_numpy(frames.transpose(0, 3, 1, 2).copy())))


def scorers(metrics: FrameMetrics, distractor: Distractor | None) -> FrameMetrics:
    """Also score whether frames show the distractor, and the rest of them."""
    if distractor is None:
        return metrics
    by_frame = {
        "validity": distractor.validity,
        "predictable_psnr": distractor.predictable_psnr,
    }
    backends = metrics.backends | dict.fromkeys(by_frame, Backend(OWN))
    return replace(metrics, by_frame={**metrics.by_frame, **by_frame}, backends=backends)


def measure(
    evaluator: Evaluator, clips: Clips, distractor: Distractor, batch: int, seed: int
) -> DistractorMetrics:
    """How many decoded frames show the distractor at best, and the diversity of its places.

    Raises:
        ParamsError: the recorded frames do not show it.
    """
    places = []
    for start in range(0, len(clips), batch):
        part = clips.part(start, start + batch)
        if (distractor.places(part.pixels().flatten(0, 1)) == NOWHERE).any():
            raise ParamsError(
                "the options of the world have a distractor, but recorded frames show none of its "
                "kind; set it to null or simulate the data again"
            )
        frames = evaluator.decode_float(part.latents[:, evaluator.context :])
        places.append(distractor.places(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]))
    codec = (torch.cat(places) != NOWHERE).double().mean(1)
    low, high = mean_intervals(codec).tolist()
    # A generator of its own: it changes no other number.
    generator = torch.Generator().manual_seed(seed + 2)
    conditions = min(CONDITIONS, len(clips))
    found = diversity(
        _sampled(evaluator, clips.part(0, conditions), distractor, batch, generator),
        len(distractor),
    )
    return DistractorMetrics(
        places=len(distractor),
        codec_validity=float(codec.mean()),
        codec_interval=(low, high),
        entropy=None if found is None else found.value,
        entropy_interval=None if found is None else found.interval,
        conditions=conditions,
        samples=SAMPLES,
    )


def _sampled(
    evaluator: Evaluator,
    clips: Clips,
    distractor: Distractor,
    batch: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Places [B F, SAMPLES] of samples of every generated frame of each clip."""
    repeated = clips.repeated(SAMPLES)
    noise, places = evaluator.noise(repeated, generator), []
    for start in range(0, len(repeated), batch):
        part = repeated.part(start, start + batch)
        latents = evaluator.generate(part, part.actions, noise.part(start, start + batch))
        shown = distractor.places(evaluator.decode_float(latents).flatten(0, 1))
        places.append(shown.unflatten(0, latents.shape[:2]))
    return torch.cat(places).unflatten(0, (len(clips), SAMPLES)).transpose(1, 2).flatten(0, 1)

"""Ways to sample, compared on the same clips and noise: steps, their order and their spacing."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from torch import Tensor, nn

from pipeline import stage
from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.metrics.bootstrap import mean_intervals
from pipeline.metrics.schema.rollout import StudyRow
from pipeline.rollout import Study
from pipeline.rollout.clips import Load
from pipeline.rollout.score import Scorer, score
from pipeline.samplers import SAMPLERS


@dataclass(slots=True)
class Counter:
    """Frames that passed through a network."""

    frames: int = 0


def study(scorer: Scorer, asked: Study, loads: Sequence[Load], batch: int) -> list[StudyRow]:
    """Score every combination of a study on the same clips, from the same noise.

    Raises:
        ParamsError: there is no such sampler, or the model cannot do what is asked.
    """
    if not isinstance(scorer.generator.model, WorldModel):
        return []  # no way of sampling changes what a state model predicts
    ways = [
        (name, spacing, steps)
        for name, spacing, steps in product(asked.samplers, asked.spacings, asked.steps)
        if spacing == "trailing" or steps > 1  # linspace has two ends
    ]
    return [
        _row(scorer, name, spacing, steps, loads, batch)
        for name, spacing, steps in stage.track(ways, "study")
    ]


def _row(
    scorer: Scorer, name: str, spacing: Any, steps: int, loads: Sequence[Load], batch: int
) -> StudyRow:
    module = SAMPLERS.load(name, "rollout.study.samplers")
    options = scorer.generator.sampling.options.model_copy(
        update={"steps": steps, "spacing": spacing}
    )
    sampling = Sampling(module.build(module.Options()), options)
    generator = replace(scorer.generator, sampling=sampling)
    model = generator.model
    assert isinstance(model, WorldModel)
    with counting(model.denoiser) as counter:
        scores = score(replace(scorer, generator=generator), loads, batch).model
    clips, frames = scores["psnr"].shape
    by_clip = {score: values.double().mean(1) for score, values in scores.items()}
    ends = {score: mean_intervals(values).tolist() for score, values in by_clip.items()}
    return StudyRow(
        sampler=name,
        spacing=spacing,
        steps=steps,
        latent_mse=float(by_clip["latent_mse"].mean()),
        latent_interval=ends["latent_mse"],
        psnr=float(by_clip["psnr"].mean()),
        psnr_interval=ends["psnr"],
        evaluations=counter.frames / (clips * frames),
        cpu_seconds=cpu_seconds(replace(scorer, generator=generator), loads, batch),
    )


def cpu_seconds(scorer: Scorer, loads: Sequence[Load], batch: int) -> float:
    """CPU time of a generated frame of one clip, on the first batch, decoding left out."""
    clips = [load() for load in loads[:batch]]
    history = scorer.generator.history(clips)
    begun, frames = time.process_time(), 0
    for latents in scorer.generator.latents(clips, history):
        frames += len(latents)
    return (time.process_time() - begun) / frames


@contextmanager
def counting(network: nn.Module) -> Iterator[Counter]:
    """Count the frames that pass through a network, [B, T, ...] being B T of them."""
    counter = Counter()

    def count(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        counter.frames += inputs[0].shape[0] * inputs[0].shape[1]

    handle = network.register_forward_pre_hook(count)
    try:
        yield counter
    finally:
        handle.remove()

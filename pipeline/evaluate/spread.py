"""Batches of clips scored by several processes, each of which loads the model itself."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import torch

from pipeline import encoders
from pipeline.compute import device
from pipeline.compute import parallel as cluster
from pipeline.compute.threads import threads
from pipeline.diffusion.sampling import build_sampling
from pipeline.dynamics.load import load_for
from pipeline.evaluate import Options, distractor
from pipeline.evaluate.batches import Batch, BatchScores, score_batch
from pipeline.evaluate.evaluate import ScoreAll
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.metrics import frames
from pipeline.metrics.distractor import Distractor
from pipeline.params import read


@dataclass(frozen=True, slots=True)
class Inputs:
    """Paths of all that clips are scored with."""

    params: Path
    latents: Path
    codec: Path
    world_model: Path


@dataclass(frozen=True, slots=True)
class Loaded:
    """What lies there, on the device of this process."""

    options: Options
    cache: LatentCache
    evaluator: Evaluator
    distractor: Distractor | None


def load(inputs: Inputs) -> Loaded:
    """Load it, whatever this process has loaded from these paths before.

    Raises:
        UserError: an input is missing, damaged or does not fit.
    """
    loaded.cache_clear()
    return loaded(inputs)


@lru_cache(maxsize=1)
def loaded(inputs: Inputs) -> Loaded:
    """The same; once per process.

    Raises:
        UserError: an input is missing, damaged or does not fit.
    """
    where, settings = device.of_process(), read(inputs.params)
    options, cache = settings.section("evaluate", Options), open_cache(inputs.latents)
    model = load_for(inputs.world_model, where, cache)
    options = options.given(model.context)
    encoder = encoders.load_for(model.spec, inputs.codec).to(where)
    sampling = model.own(build_sampling(settings, options.sampling), "evaluate.sampling")
    distracting = distractor.of_world(settings, cache.spec)
    scorers = distractor.scorers(frames.build(options.perceptual, where), distracting)
    evaluator = Evaluator(model, encoder, sampling, options.context, cache.spec, scorers)
    return Loaded(options, cache, evaluator, distracting)


def scorer(inputs: Inputs, asked: cluster.Options, count: int) -> ScoreAll | None:
    """Scores `count` batches where the options say; None if that is in this process alone.

    So it is where denoising draws noise (eta > 0), as batches draw one after another.
    """
    draws = loaded(inputs).evaluator.sampling.options.eta > 0
    where = asked.for_pieces(1 if draws else count)
    if not where.spread:
        return None
    if draws:
        print("evaluate: batches draw noise in turn (eta > 0), in one process", file=sys.stderr)
        return None

    def score_all(batches: Sequence[Batch]) -> Iterator[BatchScores]:
        score = partial(_score, inputs, torch.get_num_threads())
        return cluster.parallel_map(score, batches, where, on_gpu=True)

    return score_all


def _score(inputs: Inputs, count: int, batch: Batch) -> BatchScores:
    """Score a batch with as many threads as the first process has."""
    with threads(count):
        return score_batch(loaded(inputs).evaluator, batch)

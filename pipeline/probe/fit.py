"""Fit a readout and an inverse model to the training episodes, and score them on the others."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline import stage
from pipeline.compute.adamw import SHORT_BETAS
from pipeline.compute.device import pick
from pipeline.compute.optimiser import Optimiser
from pipeline.compute.threads import one_on_cpu
from pipeline.latents.cache import LatentCache
from pipeline.metrics.schema.probe import ProbeMetrics
from pipeline.probe import FitOptions, Options
from pipeline.probe.data import Coordinates, Frames, Pairs, frames_of, pairs_of
from pipeline.probe.probe import Architecture, Config, Probe, networks, within

SMALL_ERROR = 0.1
"""In std of a coordinate: larger errors count by their absolute value, so outliers pull less."""
WEIGHT_DECAY = 0.01
PAIRS = 4096
"""Validation pairs on which the inverse model is scored."""
BATCH = 512


def fit(
    cache: LatentCache, coordinates: Coordinates, interval: int, options: Options
) -> tuple[Probe, ProbeMetrics]:
    """A probe, and metrics/probe.json; the same for the same seed.

    Args:
        cache: latents, states and actions.
        coordinates: of states.
        interval: environment steps of a model frame.
        options: of both networks.

    Raises:
        DataError: the cache has no training or no validation episode.
        ParamsError: no episode is longer than a model frame.
    """
    train, val = (frames_of(cache, split, coordinates) for split in ("train", "val"))
    pairs = pairs_of(train, interval, options.inverse.frames)
    config = Config(
        readout=Architecture(width=options.readout.width, depth=options.readout.depth),
        inverse=Architecture(width=options.inverse.width, depth=options.inverse.depth),
        coordinates=train.coordinates.shape[1],
        frames=pairs.farthest,
        interval=interval,
        spec=cache.spec,
    )
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)  # layers initialise from the global generator
        built = networks(config)
    built.mean, built.std = _scale(train.coordinates)
    probe = Probe(config, built.to(pick()), cache.spec)
    generator = torch.Generator().manual_seed(options.seed)
    _fit_readout(probe, train, options.readout, generator)
    read = _read(probe, train)
    with one_on_cpu():  # its products are too small to be shared
        _fit_inverse(probe, pairs, read, options.inverse, generator)
    built.eval().requires_grad_(False)
    return probe, _score(probe, train, val, generator)


def _fit_readout(
    probe: Probe, train: Frames, options: FitOptions, generator: torch.Generator
) -> None:
    """Smooth L1 loss against the true coordinates, from samples of the posteriors."""
    networks = probe.networks
    truth = (train.coordinates.to(networks.mean) - networks.mean) / networks.std

    def loss() -> Tensor:
        rows = torch.randint(len(train), (options.batch,), generator=generator)
        latents = train.cache.latents(train.latents[rows.numpy()], generator).to(truth)
        read = networks.readout(latents)
        return F.smooth_l1_loss(read, truth[rows.to(truth.device)], beta=SMALL_ERROR)

    _optimise(networks.readout, loss, options, "readout")


def _fit_inverse(
    probe: Probe, pairs: Pairs, read: Tensor, options: FitOptions, generator: torch.Generator
) -> None:
    """Squared error of the actions that were recorded between two frames, from their readouts.

    From the readouts and not the true coordinates, so that it learns how far to trust them.
    """
    networks = probe.networks
    read = (read - networks.mean) / networks.std

    def loss() -> Tensor:
        now, goal, between = (x.to(read.device) for x in pairs.draw(options.batch, generator))
        proposed = networks.inverse(read[now], read[goal], between)
        counted = within(between, pairs.farthest)[..., None].expand_as(proposed)
        error = (proposed - pairs.actions(now.cpu()).to(proposed)).square()
        return (error * counted).sum() / counted.sum()

    _optimise(networks.inverse, loss, options, "inverse model")


def _optimise(
    network: nn.Module, loss: Callable[[], Tensor], options: FitOptions, what: str
) -> None:
    """AdamW with a warm-up and a cosine."""
    rate, steps = options.learning_rate, options.steps
    optimiser = Optimiser(network.parameters(), rate, steps, WEIGHT_DECAY, SHORT_BETAS)
    for _ in stage.track(range(steps), f"probe: {what}"):
        optimiser.step(loss())


def _scale(coordinates: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and std of coordinates [N, D]; a std of 1 for those that never vary."""
    mean, std = coordinates.mean(0), coordinates.std(0, correction=0)
    return mean, torch.where(std > 0, std, torch.ones_like(std))


@torch.no_grad()
def _read(probe: Probe, frames: Frames) -> Tensor:
    """Coordinates [N, D] as read from the posterior means of all frames."""
    parts = [frames.latents[first : first + BATCH] for first in range(0, len(frames), BATCH)]
    return torch.cat([probe.coordinates(frames.cache.latents(rows, None)) for rows in parts])


@torch.no_grad()
def _score(probe: Probe, train: Frames, val: Frames, generator: torch.Generator) -> ProbeMetrics:
    """Errors on validation frames, beside those of the mean of the training frames."""
    read = _read(probe, val)
    errors = (read.cpu() - val.coordinates).abs()
    mean = (train.coordinates.mean(0) - val.coordinates).abs()
    pairs = pairs_of(val, probe.config.interval, probe.config.frames)
    now, goal, between = pairs.draw(PAIRS, generator)
    proposed = probe.proposals(read[now], read[goal], between)[:, 0].cpu()
    recorded = pairs.actions(now)[:, 0]
    return ProbeMetrics(
        median_error=errors.median(0).values.tolist(),
        high_error=errors.quantile(0.9, 0).tolist(),
        mean_median_error=mean.median(0).values.tolist(),
        distance=float(errors.norm(dim=1).median()),
        high_distance=float(errors.norm(dim=1).quantile(0.9)),
        action_error=float((proposed - recorded).square().mean()),
        mean_action_error=float(recorded.square().mean()),
        train_frames=len(train),
        val_frames=len(val),
    )

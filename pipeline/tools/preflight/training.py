"""Updates, a checkpoint and samples of a small run, of a world model or of a state model."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.compute import device
from pipeline.diffusion.sampling import build_sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.dynamics.state_model import StateModel
from pipeline.encoders import ENCODERS
from pipeline.errors import DataError, RunError
from pipeline.evaluate import Options as Evaluate
from pipeline.families import STATE
from pipeline.latents.cache import LatentCache
from pipeline.latents.windows import Windows
from pipeline.params import Settings
from pipeline.tools.preflight.findings import Findings
from pipeline.train import setup
from pipeline.train.checkpoint import Checkpoint, State
from pipeline.train.distributed.group import single_process
from pipeline.train.state import setup as state_setup
from pipeline.train.trainer import Trainer

CLIPS = 2
"""That are sampled."""


def exercise(settings: Settings, cache: LatentCache, folder: Path, found: Findings) -> None:
    """Train, save, reload and sample.

    Raises:
        UserError: one of these does not do what it should.
    """
    model, trainer = prepare(settings, cache)
    _check_windows(trainer.batches.windows)
    found.passed(
        f"windows: {len(trainer.batches.windows):,} of {model.config.frames} frames, "
        f"{model.config.interval} steps apart; none crosses an episode's end"
    )
    states = folder / "states"
    trainer.fit(states)
    losses = trainer.curve[: trainer.step, 0].tolist()
    found.passed(f"train: losses {', '.join(f'{loss:.4g}' for loss in losses)}, all finite")
    _check_states(settings, cache, trainer, states)
    found.passed(f"checkpoint of step {trainer.step}: reloaded, every tensor equal to the bit")
    reloaded = _check_model(model, folder / "model")
    found.passed("model: saved and reloaded, every weight equal to the bit")
    _sample(settings, reloaded, cache, found)


def _check_windows(windows: Windows) -> None:
    """Hold every window against the episode that it is of.

    Raises:
        DataError: one crosses an episode's end.
    """
    span, entries = windows.frames * windows.interval, windows.cache.seal.episodes
    for episode, start in windows.rows.tolist():
        if start + span > entries[episode].length:
            raise DataError(
                f"window of {span} steps from step {start} of episode {entries[episode].key} "
                f"crosses its end after {entries[episode].length}; restore pipeline/latents"
            )


def prepare(settings: Settings, cache: LatentCache) -> tuple[WorldModel | StateModel, Trainer]:
    """The untrained model that params.yaml describes, on this machine's device."""
    group = single_process(device.pick())
    if settings.chosen(ENCODERS) == STATE:
        return state_setup.prepare(settings, cache, group)
    return setup.prepare(settings, cache, group)


def _check_states(settings: Settings, cache: LatentCache, trainer: Trainer, folder: Path) -> None:
    """Read the newest state back, and resume another trainer from it.

    Raises:
        DataError: it is damaged, or not what was written.
    """
    checkpoint, written = Checkpoint(folder), trainer.state_dict()
    state = checkpoint.read()
    if checkpoint.damaged or state is None:
        damaged = ", ".join(path.name for path in checkpoint.damaged) or "no file"
        raise DataError(
            f"checkpoint: {damaged} cannot be read back as it was written; check the disk that "
            "holds temporary files, or name another one in TMPDIR"
        )
    _require_equal(written, state, "checkpoint")
    _, resumed = prepare(settings, cache)
    resumed.load_state_dict(state)
    _require_equal(written, resumed.state_dict(), "checkpoint, once resumed from")


def _check_model(model: WorldModel | StateModel, folder: Path) -> WorldModel | StateModel:
    """Write the model's folder and load it."""
    model.save_pretrained(folder)
    reloaded = type(model).from_pretrained(folder, device=model.device)
    _require_equal(_weights(model), _weights(reloaded), "model")
    return reloaded


def _weights(model: WorldModel | StateModel) -> State:
    return dict((model.denoiser if isinstance(model, WorldModel) else model.network).state_dict())


def _require_equal(written: State, read: State, what: str) -> None:
    differing = [n for n in written if n not in read or not _same(written[n], read[n])]
    if differing or len(read) != len(written):
        first = differing[0] if differing else "a tensor"
        raise DataError(
            f"{what}: {first} is not what was written, to the bit; check the disk that holds "
            "temporary files, or name another one in TMPDIR"
        )


def _same(first: Tensor, second: Tensor) -> bool:
    return first.dtype == second.dtype and torch.equal(first.cpu(), second.cpu())


def _sample(
    settings: Settings, model: WorldModel | StateModel, cache: LatentCache, found: Findings
) -> None:
    """Generate what follows the first frames of recorded windows.

    Raises:
        RunError: what is generated is not finite.
    """
    config = model.config
    windows = Windows(
        cache.whitened_by(config.spec), "val", config.frames, config.interval, every=False
    )
    chosen = np.arange(min(CLIPS, len(windows)))
    latents, actions = windows.latents(chosen, None), windows.actions(chosen)
    evaluate = settings.section("evaluate", Evaluate)
    context = model.context or evaluate.context
    sampling = build_sampling(settings, evaluate.sampling)
    generator, new = torch.Generator().manual_seed(0), latents.shape[1] - context
    noise = sampling.noise(len(latents), context, new, cache.spec.latent_shape, generator)
    with torch.no_grad():
        sampled = model.rollout(latents[:, :context], actions[:, :-1], noise, sampling)
    if sampled.shape != latents[:, context:].shape or not sampled.isfinite().all():
        raise RunError(
            f"samples of shape {tuple(sampled.shape)} are not finite, or not what follows "
            f"{context} frames; look at the latents with `wm inspect`"
        )
    how = f"by {settings.values['sampler']}" if isinstance(model, WorldModel) else "fed back"
    found.passed(f"sampling: {new} frames after {context}, {how}, all finite")

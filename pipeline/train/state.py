"""All that a run needs to go on as if it had never stopped, as named tensors.

Random numbers and the position in the data follow from seed and step, so the number of steps is
all that is kept of them. A state is of the whole model, however many processes hold it: a run may
go on with another number of them.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint import state_dict as states
from torch.distributed.checkpoint.state_dict import StateDictOptions

from pipeline.diffusion.world_model import WorldModel
from pipeline.train.checkpoint import State
from pipeline.train.loop import Trainer

WEIGHTS, AVERAGE, MOMENTS, CURVE = "model.", "average.", "optimiser.", "curve"
LOOKS = "looks"
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)


def gathered(trainer: Trainer) -> State:
    """The state after the steps so far; every process must ask, the first one is answered."""
    denoiser = trainer.model.denoiser
    state: State = {}
    for prefix, network in _networks(trainer).items():
        state |= {f"{prefix}{name}": value for name, value in _weights(network).items()}
    if trainer.done:  # before that, asking would make a step of the optimiser
        found: Any = states.get_optimizer_state_dict(denoiser, trainer.optimiser, options=WHOLE)
        for weight, values in found.get("state", {}).items():
            state |= {f"{MOMENTS}{weight}:{name}": value for name, value in values.items()}
    return {**state, CURVE: trainer.curve[: trainer.done].contiguous(), LOOKS: trainer.looks}


def restore(trainer: Trainer, state: State | None) -> None:
    """Put a state back in place that the first process has read; None where there is none.

    Every process must call this; those after the first pass None.
    """
    group, found = trainer.group, state or {}
    done = torch.tensor(len(found.get(CURVE, ())), device=trainer.model.device)
    trainer.done = int(group.agree(done))
    if not trainer.done:
        return
    denoiser, optimiser = trainer.model.denoiser, trainer.optimiser
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=group.size > 1)
    for prefix, network in _networks(trainer).items():
        states.set_model_state_dict(network, dict(_under(prefix, found)), options=options)
    moments: dict[str, Any] = {}
    for name, value in _under(MOMENTS, found).items():
        weight, field = name.rsplit(":", 1)
        moments.setdefault(weight, {})[field] = value
    fresh: Any = states.get_optimizer_state_dict(denoiser, optimiser, options=WHOLE)
    whole = {**fresh, "state": moments} if found else {}
    states.set_optimizer_state_dict(denoiser, optimiser, whole, options=options)
    trainer.looks = found.get(LOOKS, trainer.looks)
    curve = found.get(CURVE, trainer.curve[: trainer.done])
    trainer.curve[: trainer.done] = group.agree(curve.to(trainer.model.device)).cpu()


def result(trainer: Trainer) -> WorldModel | None:
    """The trained model on the CPU; every process must ask, the first one is answered."""
    weights = _weights(trainer.kept.denoiser)
    if not trainer.group.first:
        return None
    model = WorldModel(trainer.model.config, torch.device("cpu"))
    model.denoiser.load_state_dict(weights)
    return model


def _networks(trainer: Trainer) -> dict[str, nn.Module]:
    """Whose weights are kept, by what their names begin with."""
    networks: dict[str, nn.Module] = {WEIGHTS: trainer.model.denoiser}
    if trainer.average is not None:
        networks[AVERAGE] = trainer.average.denoiser
    return networks


def _weights(network: nn.Module) -> dict[str, Any]:
    return states.get_model_state_dict(network, options=WHOLE)


def _under(prefix: str, state: State) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

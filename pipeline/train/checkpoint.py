"""What an interrupted training run resumes from: safetensors, written whole or not at all."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline import stage


class Checkpoint:
    """The newest state of one run, in a folder that only this run finds."""

    def __init__(self, folder: Path) -> None:
        """Keep it in `folder`."""
        self.path = folder / "latest.safetensors"

    def write(
        self, model: nn.Module, optimiser: torch.optim.Optimizer, curve: Tensor, looks: Tensor
    ) -> None:
        """Replace the state on disk; a kill in between leaves the previous one."""
        tensors = {f"model.{name}": value.cpu() for name, value in model.state_dict().items()}
        for index, values in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{name}": v.cpu() for name, v in values.items()}
        with stage.output(self.path) as partial:
            save_file({**tensors, "curve": curve.contiguous(), "looks": looks}, partial)

    def read(self) -> dict[str, Tensor] | None:
        """The state on disk; None where there is none that can be read."""
        try:
            return load_file(self.path)
        except (FileNotFoundError, SafetensorError):
            return None

    def restore(
        self, state: dict[str, Tensor], model: nn.Module, optimiser: torch.optim.Optimizer
    ) -> int:
        """Put a state back in place; returns the number of steps that it has behind it."""
        model.load_state_dict(_under("model.", state))
        restored = optimiser.state_dict()
        restored["state"] = {}
        for name, value in _under("optimiser.", state).items():
            index, field = name.split(".", 1)
            restored["state"].setdefault(int(index), {})[field] = value
        optimiser.load_state_dict(restored)
        return len(state["curve"])


def _under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

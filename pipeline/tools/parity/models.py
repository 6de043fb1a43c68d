"""The networks and objectives that the golden files were recorded with."""

from typing import Any

from torch import Tensor

from pipeline.denoisers import Denoiser, Size, nanowm
from pipeline.objectives import OBJECTIVES, Objective
from pipeline.tools.parity.golden import Folder

COSINE = {"schedule": "squared_cosine", "zero_terminal_snr": True, "shift": 1.0}
PREDICTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "v": ("v", COSINE),
    "x": ("x", COSINE),
    "epsilon": ("eps", {"schedule": "linear", "zero_terminal_snr": False, "shift": 1.0}),
    "flow": ("flow", {"shift": 1.0}),
}
"""Our objective and its options for each prediction type of the reference."""


def objective(prediction: str) -> Objective:
    """The objective for a prediction type of the reference."""
    name, options = PREDICTIONS[prediction]
    module = OBJECTIVES.load(name, prediction)
    built: Objective = module.build(module.Options.model_validate(options))
    return built


def tiny(folder: Folder, injection: str, *, causal: bool = True) -> Denoiser:
    """The network of tiny_INJECTION.safetensors: width 64, depth 4, patch 2, latents 4 x 8 x 8."""
    size = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)
    shape = {"width": 64, "depth": 4, "heads": 4}
    return _built(folder.weights(f"tiny_{injection}"), injection, shape, 2, size, causal=causal)


def tiny_p1c16(folder: Folder) -> Denoiser:
    """The network of tiny_p1c16.safetensors: width 64, depth 2, patch 1, latents 16 x 4 x 4."""
    size = Size(latent_shape=(16, 4, 4), action_dim=3, frames=4)
    shape = {"width": 64, "depth": 2, "heads": 4}
    return _built(folder.weights("tiny_p1c16"), "additive", shape, 1, size, causal=True)


def _built(
    weights: dict[str, Tensor],
    injection: str,
    shape: dict[str, int],
    patch: int,
    size: Size,
    *,
    causal: bool,
) -> Denoiser:
    model = nanowm.build(nanowm.published_options(shape, patch, injection, causal), size)
    model.load_state_dict(weights)
    return model

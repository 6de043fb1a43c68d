"""How networks are compiled, as options name it: the modes of torch.compile."""

from typing import Literal

Mode = Literal["none", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]
CAPTURING: tuple[Mode, ...] = ("reduce-overhead", "max-autotune")
"""Those that capture CUDA graphs on a GPU: launched as one, over memory that stays in place."""

"""`wm extract-vjepa`: the image encoder out of V-JEPA 2.1's published checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.arguments import output

if TYPE_CHECKING:
    from torch import Tensor

PART = "ema_encoder"
WRAPPERS = ("module.", "backbone.")


def command(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="The .pt of V-JEPA 2.1, as published.")
    ],
    out: Annotated[Path, output("OUT", "A .safetensors to write; must not exist yet.")],
    sha256: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Expected sha256, for a checkpoint of your own."),
    ] = None,
) -> None:
    """Extract the encoder from a training checkpoint of V-JEPA 2.1; no code is executed."""
    from safetensors.torch import save_file

    from pipeline import checksum, stage
    from pipeline.encoders.vjepa2_1.vit import load_network
    from pipeline.errors import DataError

    if out.exists():
        raise DataError(f"{out}: exists already; remove it or name another file")
    _require_digest(checkpoint, sha256)
    tensors = load_network(encoder_of(checkpoint), 1, checkpoint).state_dict()
    with stage.output(out) as partial:
        save_file({name: value.contiguous() for name, value in tensors.items()}, partial)
    parameters = sum(value.numel() for value in tensors.values())
    print(f"extract-vjepa: {parameters:,} parameters in {out}, sha256 {checksum.sha256(out)}")


def _require_digest(checkpoint: Path, expected: str | None) -> None:
    """Check the sha256 of the checkpoint: torch verifies no checksums of a memory-mapped file.

    Raises:
        DataError: the file is missing, or another than the expected or the published one.
    """
    from pipeline.checksum import sha256
    from pipeline.encoders.vjepa2_1 import SHA256
    from pipeline.errors import DataError

    if not checkpoint.is_file():
        raise DataError(f"{checkpoint}: no such file; name a training checkpoint of V-JEPA 2.1")
    digest = sha256(checkpoint)
    if digest != (expected or SHA256).lower():
        named = f"the {expected} of --sha256" if expected else f"the published {SHA256}"
        raise DataError(
            f"{checkpoint}: has sha256 {digest}, not {named}; download it again, or pass "
            f"`--sha256 {digest}` if it is a checkpoint of your own"
        )


def encoder_of(checkpoint: Path) -> "dict[str, Tensor]":
    """Tensors of the encoder by its own names, memory-mapped.

    The checkpoint also holds the student, the predictor and the optimiser state, three quarters of
    its bytes, which are never read. A file in torch's format before zip is read whole.

    Raises:
        DataError: the file is damaged, of another kind, or would execute code when loaded.
    """
    import torch

    from pipeline.errors import DataError
    from pipeline.weights import torch_load as torch_file
    from pipeline.weights.contents import described

    values = torch_file.load(
        checkpoint,
        if_damaged="download it anew",
        if_unsafe=f"save its {PART} alone with torch.save, and extract that",
    )
    part = values.get(PART) if isinstance(values, dict) else None
    if not isinstance(part, dict) or not all(isinstance(v, torch.Tensor) for v in part.values()):
        raise DataError(
            f"{checkpoint}: holds {described(values)}, no tensors of an {PART}; name another "
            "checkpoint"
        )
    return {_strip_wrappers(name): value for name, value in part.items()}


def _strip_wrappers(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    return name

"""`wm extract-vjepa`: the one part of V-JEPA 2.1's published checkpoint that encoding needs."""

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
        str | None, typer.Option(metavar="HEX", help="Digest of a checkpoint of your own.")
    ] = None,
) -> None:
    """Take the encoder out of a training checkpoint of V-JEPA 2.1; nothing is executed."""
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
    print(f"extract-vjepa: {parameters:,} parameters, in {out}, sha256 {checksum.sha256(out)}")


def _require_digest(checkpoint: Path, named: str | None) -> None:
    """Refuse any file but the published one, or the one named: nothing checks what torch maps.

    Raises:
        DataError: it is another one, or not there.
    """
    from pipeline.checksum import sha256
    from pipeline.encoders.vjepa2_1 import SHA256
    from pipeline.errors import DataError

    if not checkpoint.is_file():
        raise DataError(f"{checkpoint}: no such file; name a training checkpoint of V-JEPA 2.1")
    found = sha256(checkpoint)
    if found != (named or SHA256).lower():
        expected = f"the {named} of --sha256" if named else f"the published {SHA256}"
        raise DataError(
            f"{checkpoint}: has sha256 {found}, not {expected}; download it anew, or take it as it "
            f"is with `--sha256 {found}` if it is a checkpoint of your own"
        )


def encoder_of(checkpoint: Path) -> "dict[str, Tensor]":
    """Tensors of the encoder by its own names, mapped from the file rather than read.

    The checkpoint also holds the student, the predictor and the optimiser's moments, three
    quarters of its bytes: those are never touched. A file of before torch wrote zips is read whole.

    Raises:
        DataError: damaged, of another kind, or it would have to execute code.
    """
    import torch

    from pipeline.errors import DataError
    from pipeline.weights import torch_load as torch_file

    held = torch_file.load(
        checkpoint,
        if_damaged="download it anew",
        if_unsafe=f"save its {PART} alone with torch.save, and extract that",
    )
    part = held.get(PART) if isinstance(held, dict) else None
    if not isinstance(part, dict) or not all(isinstance(v, torch.Tensor) for v in part.values()):
        found = ", ".join(map(str, held)) if isinstance(held, dict) else type(held).__name__
        raise DataError(
            f"{checkpoint}: holds no tensors of an {PART}, but {found}; name another checkpoint"
        )
    return {_bare(name): value for name, value in part.items()}


def _bare(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    return name

"""What encoders make of pictures; which of them, the files beside the cases tell."""

from collections.abc import Iterator

from pipeline.tools.parity import dinov2, vjepa
from pipeline.tools.parity.golden import Arrays, Check, Folder


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """Those of a Dinov2 model, which has a config.json, or of V-JEPA 2.1, which has none."""
    arrays.inputs(*(name for name in arrays if name.endswith((".input_u8", ".frames_u8"))))
    of_hub = (folder.path / "config.json").is_file()
    return (dinov2 if of_hub else vjepa).check(arrays, folder)

"""Outputs of encoders; the files beside the cases say which encoder."""

from collections.abc import Iterator

from pipeline.tools.parity import dinov2, vjepa
from pipeline.tools.parity.golden import Arrays, Check, Folder


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """Cases of DINOv2, which has a config.json, or of V-JEPA 2.1, which has none."""
    arrays.inputs(*(name for name in arrays if name.endswith((".input_u8", ".frames_u8"))))
    is_dinov2 = (folder.path / "config.json").is_file()
    return (dinov2 if is_dinov2 else vjepa).check(arrays, folder)

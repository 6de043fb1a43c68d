"""Networks of Hugging Face's transformers, loaded from local files only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders._shared.patch_codec import CONFIG, TENSORS
from pipeline.errors import DataError, ParamsError
from pipeline.files.content import parsing
from pipeline.files.json_model import FileModel, read_json
from pipeline.files.tensors import read_shapes
from pipeline.weights.shapes import require_size
from pipeline.weights.state_dict import listed


class Config(FileModel):
    """Fields of any config.json that say what it is of, and how many blocks it has."""

    model_type: str | None = None
    num_hidden_layers: int = Field(1, ge=0, le=1000)


def import_transformers(place: str) -> Any:
    """The package transformers; `place` names the encoder in the error.

    Raises:
        ParamsError: it is not installed.
    """
    make_importable()
    try:
        import transformers
    except ImportError:
        raise ParamsError(
            f"{place} runs in transformers, which is not installed: `pip install -e "
            "'.[transformers]'`, or choose another encoder"
        ) from None
    # Our errors name what is wrong with a file, and loading takes only a second.
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def pretrained(model: Any, folder: Path, changes: Mapping[str, int]) -> Any:
    """A pretrained model of a class of transformers, in float32 for inference.

    Nothing is downloaded, unpickled or executed, whatever the folder holds.

    Args:
        model: the class.
        folder: holds config.json and model.safetensors.
        changes: overrides of fields of the config.

    Raises:
        DataError: a file is damaged or of another class, or the two do not match.
    """
    remedy = f"name a folder with both files of one {model.__name__}"
    _require_kind(folder / CONFIG, model.config_class.model_type, remedy)
    read_shapes(folder / TENSORS, "download it again")
    with parsing(folder / CONFIG, remedy):
        config = model.config_class.from_pretrained(folder, local_files_only=True, **changes)
    require_size(lambda: model(config), folder / TENSORS, remedy)
    with parsing(folder, remedy):
        network, report = model.from_pretrained(
            folder,
            **changes,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            attn_implementation="sdpa",
            ignore_mismatched_sizes=True,  # reported, and refused below
            output_loading_info=True,
        )
    wrong = [
        *listed("missing keys", sorted(report["missing_keys"])),
        *listed("unexpected keys", sorted(report["unexpected_keys"])),
        *listed("other shapes", sorted(key for key, *_ in report["mismatched_keys"])),
    ]
    if wrong:
        raise DataError(
            f"{folder / TENSORS}: does not match {CONFIG}: {'; '.join(wrong)}; {remedy}"
        )
    return network.eval().requires_grad_(False)


def _require_kind(path: Path, kind: str, remedy: str) -> None:
    """Refuse a config of another class, for which transformers only warns."""
    model_type = read_json(path, Config, remedy).model_type
    if model_type != kind:
        raise DataError(f"{path}: model_type = {model_type!r}, not {kind!r}; {remedy}")

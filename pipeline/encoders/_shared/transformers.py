"""Networks of Hugging Face's transformers, from files on this machine and from nowhere else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from pipeline.compute.torchvision_shim import make_importable
from pipeline.encoders._shared.patch_codec import CONFIG, TENSORS
from pipeline.errors import DataError, ParamsError
from pipeline.weights.state_dict import listed


def imported(place: str) -> Any:
    """The package transformers, for the encoder at `place` in params.yaml.

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
    # What is wrong with a file is told by an error of ours, and to load it takes a second.
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def pretrained(model: Any, folder: Path, changes: Mapping[str, int]) -> Any:
    """A model of a class of transformers, in float32 for inference.

    Nothing is downloaded, unpickled or executed, whatever the folder holds.

    Args:
        model: the class.
        folder: holds config.json and model.safetensors.
        changes: fields of the config, in place of those in the file.

    Raises:
        DataError: a file is damaged or of another class, or the two do not belong together.
    """
    remedy = f"name a folder with both files of one {model.__name__}"
    _require_kind(folder / CONFIG, model.config_class.model_type, remedy)
    from huggingface_hub.errors import StrictDataclassError

    try:
        network, report = model.from_pretrained(
            folder,
            **changes,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            attn_implementation="sdpa",
            ignore_mismatched_sizes=True,  # they are reported, and refused below
            output_loading_info=True,
        )
    except StrictDataclassError as error:
        raise DataError(f"{folder / CONFIG}: {' '.join(str(error).split())}; {remedy}") from None
    except SafetensorError as error:
        raise DataError(f"{folder / TENSORS}: damaged ({error}); download it again") from None
    wrong = [
        *listed("missing keys", sorted(report["missing_keys"])),
        *listed("unexpected keys", sorted(report["unexpected_keys"])),
        *listed("other shapes", sorted(key for key, *_ in report["mismatched_keys"])),
    ]
    if wrong:
        raise DataError(f"{folder / TENSORS}: not as {CONFIG} has it: {'; '.join(wrong)}; {remedy}")
    return network.eval().requires_grad_(False)


def _require_kind(path: Path, kind: str, remedy: str) -> None:
    """Refuse a config of another class, which transformers would only warn of."""
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path}: no JSON ({error}); {remedy}") from None
    found = config.get("model_type") if isinstance(config, dict) else None
    if found != kind:
        raise DataError(f"{path}: model_type = {found!r}, not {kind!r}; {remedy}")

"""World models on the Hugging Face hub."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import DataError


def folder(name: str | Path, revision: str | None, files: Sequence[str]) -> Path:
    """A local folder as it is; a hub id's files downloaded, or found in the hub's own cache.

    Raises:
        DataError: there is no such folder, and no such repository can be reached.
    """
    path = Path(name)
    if path.exists() or isinstance(name, Path):
        return path
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{name}: neither a folder nor a repository that can be read on the hub ({reason}); "
            "check the name and the network, or log in with `hf auth login`"
        ) from None


def push(save: Callable[[Path], None], repo_id: str, *, private: bool, message: str) -> str:
    """Upload what `save` writes into a folder.

    Raises:
        DataError: the hub refuses or cannot be reached, or nobody is logged in.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError

    with tempfile.TemporaryDirectory() as temporary:
        written = Path(temporary) / "world_model"
        save(written)
        try:
            api = HfApi()
            api.create_repo(repo_id, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repo_id,
                folder_path=written,
                commit_message=message or "Upload a world model",
            )
        except (HTTPError, HFValidationError, LocalTokenNotFoundError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"{repo_id}: the hub did not take it ({reason}); check the network, or log in "
                "with `hf auth login`"
            ) from None
    return str(commit.commit_url)

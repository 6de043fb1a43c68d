"""World models on the Hugging Face hub."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import DataError


def folder(name: str | Path, revision: str | None, files: Sequence[str]) -> Path:
    """A local folder, or the files of a hub repository, downloaded into the hub's own cache.

    Raises:
        DataError: there is no such folder, and no such repository, or it cannot be reached.
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
    """Upload the files that `save` writes into a folder; the URL of the commit.

    Raises:
        DataError: the hub refuses or cannot be reached, or there is no login.
    """
    from httpx2 import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, LocalTokenNotFoundError

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "world_model"
        save(folder)
        try:
            api = HfApi()
            api.create_repo(repo_id, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repo_id,
                folder_path=folder,
                commit_message=message or "Upload a world model",
            )
        except (HTTPError, HFValidationError, LocalTokenNotFoundError, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"{repo_id}: the upload to the hub failed ({reason}); check the network, or log in "
                "with `hf auth login`"
            ) from None
    return str(commit.commit_url)

"""Where a model and its episodes are, and what of a published model only its data set tells."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.diffusion.config import FORMAT, Config
from pipeline.diffusion.model_folder import CONFIG
from pipeline.episodes.manifest import MANIFEST, Manifest, read_manifest
from pipeline.errors import DataError
from pipeline.latents.spec import UNRECORDED, LatentSpec
from pipeline.tools.rollout.write import DYNAMICS, parts

RESTORE = "`dvc checkout` restores it"


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a model, its data and its parameters are.

    Attributes:
        folder: of the model, see `parts`: `codec` and `world_model`, or a student beside its codec.
        probe: of its codec; need not be there.
        latents: cache of the data set; need not be there.
        shards: recorded episodes.
        params: params.yaml of the workspace, which describes simulator and planner; need not be.
    """

    folder: Path
    probe: Path
    latents: Path
    shards: Path
    params: Path


@dataclass(frozen=True, slots=True)
class Recordings:
    """Episodes to start from.

    Attributes:
        manifest: of all.
        validation: key and length of those of the validation split.
    """

    manifest: Manifest
    validation: list[tuple[str, int]]


def paths_of(folder: Path, latents: Path | None, shards: Path | None, params: Path) -> Paths:
    """The paths of a model: those that are given, else those of its workspace.

    Raises:
        DataError: the model's config is missing or damaged.
    """
    world_model, codec = parts(folder)
    spec = config_of(world_model).spec
    data = params.parent / "data" / spec.dataset
    return Paths(
        codec.parent if world_model.name == DYNAMICS else world_model,
        codec.parent / "probe",
        latents or data / "latents" / f"{spec.encoder}.zarr",
        shards or data / "shards",
        params,
    )


def config_of(world_model: Path) -> Config:
    """All of a world model but its weights.

    Raises:
        DataError: its file is missing or damaged.
    """
    return FORMAT.read(world_model / CONFIG, Config, RESTORE)


def recordings(shards: Path) -> Recordings:
    """The episodes of a folder of shards.

    Raises:
        DataError: it is missing or damaged.
    """
    if not (shards / MANIFEST).is_file():
        raise DataError(
            f"{shards}: no recorded episodes to start from; name the folder of shards of the "
            "model's data set by --shards"
        )
    manifest = read_manifest(shards)
    listed = [(key, length) for key, split, length in manifest.listed() if split == "val"]
    if not listed:
        raise DataError(f"{shards}: holds no validation episode to start from; name others")
    return Recordings(manifest, listed)


def adopted(spec: LatentSpec, manifest: Manifest, shards: Path) -> LatentSpec:
    """A model's spec, with what a published checkpoint does not record read off its data set.

    Raises:
        DataError: the episodes have actions of another size.
    """
    if manifest.action_dim != spec.action_dim:
        raise DataError(
            f"{shards}: its actions have {manifest.action_dim} numbers, those of the model "
            f"{spec.action_dim}; name the shards of the model's data set by --shards"
        )
    if spec.source != UNRECORDED:
        return spec
    found = ("dataset", "state_dim", "actions")
    return spec.model_copy(update={name: getattr(manifest, name) for name in found})

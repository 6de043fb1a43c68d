"""What stages would refuse once they run, as far as params.yaml and the disk tell it now."""

from pathlib import Path

from pipeline.collect.listing import folder_of
from pipeline.collect.root import check_pinned, place_of
from pipeline.compute import device
from pipeline.denoisers import DENOISERS, Size
from pipeline.encoders import ENCODERS, SizedOptions
from pipeline.files.places import from_project
from pipeline.formats import FORMATS
from pipeline.latents.cameras import MOTION
from pipeline.params import Settings
from pipeline.tools.check.packages import check_packages
from pipeline.tools.check.simulated import check_simulated
from pipeline.train import Options as TrainOptions
from pipeline.train.data.batches import check_batch
from pipeline.train.distributed import options as distributed
from pipeline.weights.shapes import shapes_alone
from pipeline.worlds import WORLDS, World


def check_ahead(settings: Settings) -> None:
    """Refuse settings with which a stage would end.

    Raises:
        UserError: what the stage would say.
    """
    check_packages(settings)
    dataset = settings.variant(FORMATS)
    if dataset.options.root is not None:
        _check_files(settings)
    else:
        check_simulated(settings)
    _check_sizes(settings)
    train, spread = (
        settings.section("train", TrainOptions),
        settings.section("distributed", distributed.Options),
    )
    check_batch(train, spread.processes or len(device.all_devices()))


def _check_files(settings: Settings) -> None:
    """The user's files; those of the hub as soon as they are here."""
    dataset, name = settings.variant(FORMATS), settings.dataset
    root, revision = dataset.options.root, dataset.options.revision
    if root is not None and revision is not None:
        check_pinned(root, revision, name)
    place = place_of(dataset.options, Path("data") / name)
    if place is not None and (revision is None or from_project(place).is_dir()):
        dataset.build().open(folder_of(place))


def _check_sizes(settings: Settings) -> None:
    """Frames against the encoder, its latents against the denoiser; where their size is known."""
    dataset, encoder = settings.variant(FORMATS), settings.variant(ENCODERS)
    simulated = dataset.options.root is None
    recorded = settings.variant(WORLDS).options.frame_size if simulated else None
    frames = dataset.options.resolution or recorded
    if frames is None:
        return
    if isinstance(encoder.options, SizedOptions):
        denoiser = settings.variant(DENOISERS)
        rows, columns = encoder.options.latent_grid(*frames)
        window = settings.section("train", TrainOptions).frames
        motion = MOTION if _may_have_cameras(settings) else 0
        size = Size(latent_shape=(1, rows, columns), action_dim=1, frames=window, motion_dim=motion)
        with shapes_alone():  # of no weight, however large
            denoiser.module.build(denoiser.options, size)


def _may_have_cameras(settings: Settings) -> bool:
    """Whether the cameras of frames may be known: of files, those of the first episode are."""
    dataset, denoiser = settings.variant(FORMATS), settings.variant(DENOISERS)
    if not denoiser.module.takes_cameras(denoiser.options):
        return True  # nobody asks
    if dataset.options.root is None:
        world = settings.variant(WORLDS).build()
        return isinstance(world, World) and type(world).cameras is not World.cameras
    place = place_of(dataset.options, Path("data") / settings.dataset)
    if place is None or not from_project(place).is_dir():
        return True
    return dataset.build().open(folder_of(place))[0].cameras is not None

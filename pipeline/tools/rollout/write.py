"""Carry out a request: load the model, roll out its clips, write everything or nothing."""

from pathlib import Path
from typing import Literal, cast

from pipeline import encoders, stage
from pipeline.checksum import sha256
from pipeline.diffusion.config import refuse_skipped
from pipeline.diffusion.model_folder import CONFIG, WEIGHTS
from pipeline.diffusion.sampling import Sampling
from pipeline.diffusion.world_model import WorldModel
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.metadata import METADATA
from pipeline.rollout.card import CARD, FORMAT, LatentsCard, ModelCard, RolloutCard
from pipeline.rollout.generate import Generator, load_frames_model
from pipeline.rollout.run import roll_out
from pipeline.tools.out_folder import check_out
from pipeline.tools.rollout.request import Request, Steps
from pipeline.tools.rollout.starts import Place, clips_of

CODEC, DYNAMICS = "codec", "world_model"


def write(
    request: Request, folder: Path, latents: Path, shards: Path, params: Path, out: Path
) -> RolloutCard:
    """Write the files of a rollout.

    Args:
        request: of the user.
        folder: of the model, see `parts`.
        latents: cache of the data set.
        shards: folder with its recorded frames.
        params: params.yaml, which describes its simulator.
        out: folder to write.

    Returns:
        The content of rollout.json.

    Raises:
        UserError: the request cannot be met, or a file is missing or damaged.
    """
    check_out(out, CARD, "rollout")
    cache = open_cache(latents)
    model, encoder = load_frames_model(*parts(folder), cache)
    sampling = sampling_of(request.steps, model)
    place = Place(cache.whitened_by(model.spec), shards, params)
    loads = clips_of(request.start, model, place, request.steps.seed)
    generator = Generator(model, encoder, sampling, request.steps.seed)
    with stage.output(out) as partial:
        partial.mkdir()
        written = roll_out(generator, loads, request.steps.batch, request.form, partial)
        card = RolloutCard(
            model=model_card(folder),
            latents=latents_card(cache),
            sampler=request.steps.sampler or model.config.default_sampler,
            sampling=sampling.options,
            seed=request.steps.seed,
            batch=request.steps.batch,
            history=written.history,
            frames=written.frames,
            interval=model.config.interval,
            fps=request.form.fps,
            height=written.size[0],
            width=written.size[1],
            recorded_height=written.recorded[0],
            recorded_width=written.recorded[1],
            native=request.form.native,
            videos=request.form.videos,
            images=request.form.images,
            clips=written.clips,
        )
        (partial / CARD).write_text(FORMAT.text(card))
    return card


def parts(folder: Path) -> tuple[Path, Path]:
    """World model and codec: those in a folder that holds both, or a model beside its codec.

    Raises:
        DataError: they are not there, or the stage of that model was skipped.
    """
    refuse_skipped(folder)
    for model, codec in ((folder, folder.parent / CODEC), (folder / DYNAMICS, folder / CODEC)):
        if (model / CONFIG).is_file() and codec.is_dir():
            return model, codec
    raise DataError(
        f"{folder}: holds no {DYNAMICS} with its {CODEC}; give a folder of both, such as "
        "models/DATASET/ENCODER of a workspace, or the student in it"
    )


def sampling_of(steps: Steps, model: WorldModel) -> Sampling:
    """How a request samples.

    Raises:
        ParamsError: an option is out of range, or the model cannot do it.
    """
    if steps.spacing not in ("trailing", "linspace"):
        raise ParamsError(f"--spacing {steps.spacing}: choose trailing or linspace")
    return model.sampling(
        steps.sampler,
        steps.steps,
        spacing=cast(Literal["trailing", "linspace"], steps.spacing),
        stabilisation=steps.stabilisation,
        context=steps.context,
    )


def model_card(folder: Path) -> ModelCard:
    """Names and hashes of a model's files."""
    world_model, codec = parts(folder)
    return ModelCard(
        folder=str(folder),
        sha256=sha256(world_model / WEIGHTS),
        config_sha256=sha256(world_model / CONFIG),
        codec_sha256=encoders.digest(codec),
    )


def latents_card(cache: LatentCache) -> LatentsCard:
    """Names and hashes of a cache."""
    spec = cache.spec
    return LatentsCard(
        folder=str(cache.path),
        sha256=sha256(cache.path / METADATA),
        dataset=spec.dataset,
        encoder=spec.encoder,
        shards_sha256=spec.source,
    )

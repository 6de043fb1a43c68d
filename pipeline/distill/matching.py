"""Distribution matching as params.yaml describes it, before its first step."""

from pathlib import Path

from pipeline.checksum import sha256
from pipeline.diffusion.make import load
from pipeline.diffusion.world_model import WEIGHTS, WorldModel
from pipeline.distill import Options
from pipeline.distill.dmd import Matching
from pipeline.distill.students import begun_as, student_config
from pipeline.distill.trainer import MatchingTrainer
from pipeline.errors import DataError, ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.train import Options as TrainOptions
from pipeline.train.data.batches import Batches
from pipeline.train.distributed.group import Group
from pipeline.train.losses.teacher_forcing import require_causal


def matching(
    options: Options,
    training: TrainOptions,
    batches: Batches,
    cache: LatentCache,
    teacher: Path,
    group: Group,
) -> tuple[WorldModel, MatchingTrainer]:
    """The student, which begins as `distill.init`, and its trainer.

    Raises:
        DataError: a model cannot be loaded, or knows other latents than the cache's.
        ParamsError: the models do not go together, or training is spread or accumulated.
    """
    if group.size > 1 or training.accumulation > 1:
        raise ParamsError(
            "distill.method = 'dmd' trains in one process, a whole batch at a time; set "
            "distributed.processes and train.accumulation to 1"
        )
    init, real = options.init or teacher, options.real or teacher
    begun, known = _load("init", init, cache, group), _load("real", real, cache, group)
    require_causal(begun, "distill.init")
    for place, path, other in (("init", init, begun), ("real", real, known)):
        ours = batches.windows.frames, batches.windows.interval
        if (other.config.frames, other.config.interval) != ours:
            raise ParamsError(
                f"distill.{place} = {path}: its windows differ from the world model's"
            )
    if begun.config.objective != known.config.objective:
        raise ParamsError(
            f"distill.real = {real}: it predicts {known.config.objective.name}, the student "
            f"{begun.config.objective.name}; train both with the same objective"
        )
    if known.config.student is not None:
        raise ParamsError(
            f"distill.real = {real}: a student; name a model that was trained on data"
        )
    parents = {"init": sha256(init / WEIGHTS), "real": sha256(real / WEIGHTS)}
    config = student_config(begun, options, parents)
    student = begun_as(begun, config, training)
    fake = begun_as(known, known.config, training)
    critic = training.model_copy(
        update={"learning_rate": options.critic.learning_rate, "ema": None}
    )
    schedule = options.critic.warmup, options.critic.ratio
    shared = Matching(student, known, fake, options.guidance, options.seed)
    return student, MatchingTrainer(shared, batches, training, critic, schedule, group)


def _load(key: str, folder: Path, cache: LatentCache, group: Group) -> WorldModel:
    try:
        return load(folder, group.device, cache)
    except DataError as error:
        raise DataError(f"distill.{key}: {error}") from None

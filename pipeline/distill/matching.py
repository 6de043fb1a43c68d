"""Distribution matching as params.yaml describes it, before its first step."""

from pathlib import Path

from pipeline.checksum import sha256
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.distill.dmd import Matching
from pipeline.distill.students import begun_as, parent, require_same_objective, student_config
from pipeline.distill.trainer import MatchingTrainer
from pipeline.errors import ParamsError
from pipeline.latents.cache import LatentCache
from pipeline.train import Options as TrainOptions
from pipeline.train.data.batches import Batches
from pipeline.train.distributed.group import Group
from pipeline.train.losses.teacher_forcing import require_causal
from pipeline.trajectories.guided_steps import require_dropped


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
    windows, named = batches.windows, options.real or teacher
    init, begun = parent("init", options.init or teacher, windows, cache, group)
    real, known = parent("real", named, windows, cache, group)
    require_causal(begun, "distill.init")
    require_same_objective("real", named, known, begun)
    require_dropped(known, options.guidance, f"distill.real = {named}")
    if known.config.student is not None:
        raise ParamsError(
            f"distill.real = {named}: a student; name a model that was trained on data"
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

"""Students before their first step: as their teachers, but for how they are sampled."""

from pipeline.diffusion.config import Config, Student
from pipeline.diffusion.sample import ddim_timesteps
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.train import Options as TrainOptions


def begun_as(model: WorldModel, config: Config, training: TrainOptions) -> WorldModel:
    """A model of that config with the same weights, to be trained."""
    begun = WorldModel(config, model.device)
    begun.denoiser.load_state_dict(model.denoiser.state_dict())
    begun.denoiser.activation_checkpointing = training.checkpointing
    return begun


def student_config(teacher: WorldModel, options: Options, parents: dict[str, str]) -> Config:
    """The teacher's config, with the levels that a student starts from: its own if it is one."""
    known = teacher.config.student
    drawn = ddim_timesteps(options.student_steps, teacher.objective.levels)[:-1]
    levels = tuple(drawn.tolist()) if known is None else known.levels
    student = Student(method=options.method, levels=levels, parents=parents)
    return teacher.config.model_copy(update={"student": student})

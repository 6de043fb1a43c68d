"""Forecast of a distillation's memory: the student's training, and the models beside it."""

from pipeline.diffusion.config import build_denoiser
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options
from pipeline.train import Options as TrainOptions
from pipeline.train.distributed.group import Group
from pipeline.train.memory.cost import FLOAT, parameters
from pipeline.train.memory.forecast import TrainingPlan
from pipeline.weights.shapes import shapes_alone

CRITIC = 4
"""Of dmd's critic: its weights, their gradients and AdamW's two moments."""


def plan_of(
    student: WorldModel, options: Options, training: TrainOptions, group: Group
) -> TrainingPlan:
    """What determines the memory of each process.

    dmd keeps the activations of a call for each generated frame, which together are those of a
    window, and for each the KV cache before it.
    """
    config = student.config
    weights = parameters(config.denoiser, config.size) * FLOAT
    dmd, cached = options.method == "dmd", 0
    others = {"consistency": weights, "dmd": (1 + CRITIC) * weights}.get(options.method, 0)
    if dmd:
        with shapes_alone():
            cache = build_denoiser(config.denoiser, config.size).kv_cache(1)
        numbers = sum(tensor.numel() for tensor in (*cache.keys, *cache.values))
        cached = (config.frames - 1) * numbers * FLOAT
        training = training.model_copy(update={"loss": "diffusion_forcing"})
    return TrainingPlan(
        config.denoiser,
        config.size,
        training,
        group.size,
        group.strategy,
        stage="distill",
        others=others,
        cached=cached,
        whole_batch=dmd,
    )

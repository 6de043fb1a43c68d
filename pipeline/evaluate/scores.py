"""All that evaluate.json holds: what is measured of any model, and of some models and worlds."""

import torch

from pipeline.dynamics.state_model import StateModel
from pipeline.evaluate import distractor, evaluate, forecast, motion, summary
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.evaluate import Evaluation, ScoreAll
from pipeline.evaluate.spread import Loaded
from pipeline.metrics.schema.evaluate import EvaluateMetrics
from pipeline.worlds import World


def score(
    loaded: Loaded,
    fixed: Clips,
    world: World | None,
    generator: torch.Generator,
    score_all: ScoreAll | None,
) -> tuple[Evaluation, EvaluateMetrics]:
    """Scores of the fixed clips, clip by clip and as metrics.

    Args:
        loaded: the model, and what else is needed.
        fixed: validation clips.
        world: locates frames of a model that is conditioned by cameras; None of any other.
        generator: draws the noise.
        score_all: scores batches elsewhere; None: here.
    """
    evaluator, options = loaded.evaluator, loaded.options
    evaluation = evaluate.evaluate(evaluator, fixed, options.batch, generator, score_all)
    scores = summary.to_metrics(evaluation, evaluator.encoder.decoder_kind)
    if loaded.distractor is not None:
        found = distractor.measure(evaluator, fixed, loaded.distractor, options.batch, options.seed)
        scores = scores.model_copy(update={"distractor": found})
    if world is not None:
        moved = motion.measure(evaluator, fixed, world, options.batch, options.seed)
        scores = scores if moved is None else scores.model_copy(update={"motion": moved})
    if isinstance(evaluator.model, StateModel):
        measured = forecast.measure(
            evaluator.model, loaded.cache, options.clips, options.batch, options.seed
        )
        scores = scores.model_copy(update={"state_model": measured})
    return evaluation, scores

"""All that evaluate.json holds: what is measured of any model, and of some models and worlds."""

import torch

from pipeline.dynamics.state_model import StateModel
from pipeline.evaluate import Options, distractor, evaluate, forecast, summary
from pipeline.evaluate.clips import Clips
from pipeline.evaluate.evaluate import Evaluation
from pipeline.evaluate.generate import Evaluator
from pipeline.latents.cache import LatentCache
from pipeline.metrics.distractor import Distractor
from pipeline.metrics.schema.evaluate import EvaluateMetrics


def score(
    evaluator: Evaluator,
    cache: LatentCache,
    fixed: Clips,
    distracting: Distractor | None,
    options: Options,
    generator: torch.Generator,
) -> tuple[Evaluation, EvaluateMetrics]:
    """Scores of the fixed clips, clip by clip and as metrics.

    Args:
        evaluator: generates and decodes.
        cache: of the clips' latents.
        fixed: validation clips.
        distracting: the world's distractor; None if it has none.
        options: of the stage.
        generator: draws the noise.
    """
    model = evaluator.model
    evaluation = evaluate.evaluate(evaluator, fixed, options.batch, generator)
    scores = summary.to_metrics(evaluation, evaluator.encoder.decoder_kind)
    if distracting is not None:
        found = distractor.measure(evaluator, fixed, distracting, options.batch, options.seed)
        scores = scores.model_copy(update={"distractor": found})
    if isinstance(model, StateModel):
        measured = forecast.measure(model, cache, options.clips, options.batch, options.seed)
        scores = scores.model_copy(update={"state_model": measured})
    return evaluation, scores

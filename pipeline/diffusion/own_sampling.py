"""How a model can be sampled: a few-step student only by renoising, at levels that it knows."""

from dataclasses import replace

from pipeline.diffusion.config import Student
from pipeline.diffusion.sampling import Sampling
from pipeline.errors import ParamsError
from pipeline.objectives import Objective


def own_sampling(
    student: Student | None, window: int, objective: Objective, sampling: Sampling, place: str
) -> Sampling:
    """How a model samples when it is asked for `sampling`: a student by its own levels.

    Args:
        student: of the model; None of one that is none.
        window: frames of its window.
        objective: what it predicts.
        sampling: sampler and options.
        place: key of the options in params.yaml, for errors.

    Raises:
        ParamsError: the model cannot be sampled so.
    """
    options = sampling.options
    stochastic = objective.stochastic_steps and not sampling.sampler.renoises
    options.check_fits(window, stochastic=stochastic, place=place)
    if student is None:
        return sampling
    known = len(student.levels)
    if not sampling.sampler.renoises:
        raise ParamsError(
            f"{place}: this model is a student of {known} steps, by {student.method}, which steps "
            "of DDIM do not go with; choose sampler: consistency"
        )
    if options.steps > known:
        raise ParamsError(
            f"{place}.steps = {options.steps}, but this model is a student of {known} steps; "
            f"choose at most {known}"
        )
    return replace(sampling, student=student)

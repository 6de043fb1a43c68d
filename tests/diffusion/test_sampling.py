"""Sampling options: by name, and against the model that is sampled."""

import pytest
from train_helpers import sampling, world_model

from pipeline.errors import ParamsError


def test_a_sampler_is_built_by_its_name(model):
    built = model.sampling("pyramid", 7, stabilisation=0.02, context=2, generate=1)
    assert (
        built.options
        == sampling("pyramid", steps=7, stabilisation=0.02, context=2, generate=1).options
    )
    assert (built.options.context, model.sampling("pyramid", 7).options.context) == (2, None)
    with pytest.raises(ParamsError, match="sampler = 'piramid' is unknown; did you mean pyramid"):
        model.sampling("piramid", 7)
    with pytest.raises(ParamsError, match=r"sampling.steps = 0: Input should be greater than 0"):
        model.sampling("pyramid", 0)
    with pytest.raises(ParamsError, match=r"sampling.context = 9, but the world model's windows"):
        model.sampling("pyramid", 7, context=9)


@pytest.mark.parametrize(
    ("changes", "objective", "message"),
    [
        (
            {"context": 4},
            "v",
            "plan.sampling.context = 4, but .* windows have 4 frames .*; choose at most 3",
        ),
        ({"generate": 7}, "v", "plan.sampling.generate = 7, but the world model's windows have 4"),
        ({"eta": 0.5}, "flow", "plan.sampling.eta = 0.5, but the steps of a flow are determin"),
    ],
)
def test_a_sampling_that_the_model_cannot_do_is_refused(cache, changes, objective, message):
    model = world_model(cache, objective=objective)
    fit = {"stochastic": model.objective.stochastic_steps, "place": "plan.sampling"}
    with pytest.raises(ParamsError, match=message):
        sampling(**changes).options.check_fits(4, **fit)
    sampling().options.check_fits(4, **fit)

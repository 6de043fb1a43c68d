"""Conformance suites: inherit one, name your member, and pytest holds it to its family's Protocol.

    from pipeline.testing.encoders import EncoderTests

    class TestMeanColour(EncoderTests):
        name = "mean_colour"

There is a class for each family: `FormatTests`, `RecorderTests` and `WorldTests`, `EncoderTests`,
`DenoiserTests`, `ObjectiveTests`, `SamplerTests`, `PlannerTests`. A test uses nothing but the
Protocol and the member's options, and asks for no quality: an encoder that draws badly passes.
"""

try:
    import pytest
except ModuleNotFoundError:
    raise ModuleNotFoundError(
        "pipeline.testing needs pytest, which nothing else in pipeline does: pip install pytest"
    ) from None

SUITES = ("denoisers", "encoders", "formats", "objectives", "planners", "samplers", "worlds")

pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in ("member", *SUITES)))

"""Autoregressive sampling, whatever sampler params.yaml names."""

from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.sampling import Sampling
from pipeline.samplers import sequential


def sequential_sampling(steps: int) -> Sampling:
    """One frame after the other in deterministic, trailing steps, without stabilisation.

    The sampler is imported rather than loaded by its name, so that the stages that use it depend on
    its file, and not on `sampler` in params.yaml.
    """
    options = SamplingOptions(
        steps=steps,
        spacing="trailing",
        eta=0,
        clip=False,
        stabilisation=0,
        context=None,
        generate=None,
        compile="none",
    )
    return Sampling(sequential.build(sequential.Options()), options)

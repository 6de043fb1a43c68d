"""The published sampling protocol, whatever params.yaml chooses."""

from pipeline.diffusion import SamplingOptions
from pipeline.diffusion.sampling import Sampling
from pipeline.samplers import sequential


def published_sampling(steps: int) -> Sampling:
    """Sequential DDIM with trailing steps and no noise of its own (Nano World Models).

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

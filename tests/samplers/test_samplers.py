"""Every sampler keeps the promises of `pipeline.samplers.Sampler`."""

import pytest
from helpers import every, member_of

from pipeline.samplers import SAMPLERS
from pipeline.testing.samplers import SamplerTests


class TestEverySampler(SamplerTests):
    @pytest.fixture(scope="class", params=every(SAMPLERS))
    @classmethod
    def member(cls, request):
        return member_of(SAMPLERS, request.param)

"""Every denoiser keeps the promises of `pipeline.denoisers.Denoiser`."""

import pytest
from helpers import every, member_of

from pipeline.denoisers import DENOISERS
from pipeline.testing.denoisers import DenoiserTests


class TestEveryDenoiser(DenoiserTests):
    @pytest.fixture(scope="class", params=every(DENOISERS))
    @classmethod
    def member(cls, request):
        return member_of(DENOISERS, request.param)

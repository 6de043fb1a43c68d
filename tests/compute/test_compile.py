"""Compiled work gives the same, and says in one line that there is no compiler."""

import pytest
import torch
from torch._inductor import config

from pipeline.compute.compile import compiled
from pipeline.errors import ParamsError


def twice(numbers):
    if not numbers.numel():
        raise RuntimeError("nothing there")
    return numbers.sin() * 2


def test_work_by_no_mode_is_the_work_itself():
    assert compiled(twice, "none", "train.compile") is twice


def test_compiled_work_gives_the_same():
    numbers = torch.arange(7.0)
    torch.testing.assert_close(compiled(twice, "default", "train.compile")(numbers), twice(numbers))


def test_a_missing_compiler_is_one_line():
    torch._dynamo.reset()
    with (
        config.patch({"cpp.cxx": (None, "/no/such/g++"), "fx_graph_cache": False}),
        pytest.raises(ParamsError, match=r"^encode.compile = 'default': torch.compile failed"),
    ):
        compiled(twice, "default", "encode.compile")(torch.ones(5, 3))
    torch._dynamo.reset()


def test_errors_of_the_work_are_its_own():
    with pytest.raises(RuntimeError, match="nothing there") as raised:
        compiled(twice, "default", "train.compile")(torch.ones(0))
    assert not isinstance(raised.value, ParamsError)

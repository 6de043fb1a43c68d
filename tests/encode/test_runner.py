"""A runner puts an encoder to work on a device, and makes the next frames ready meanwhile."""

import threading

import pytest
import torch
from helpers import default
from torch._dynamo.utils import counters

from pipeline.compute.prefetch import prefetch
from pipeline.encode.runner import Execution, Runner
from pipeline.encoders import ENCODERS, Posterior
from pipeline.errors import DataError

CPU, META = torch.device("cpu"), torch.device("meta")
PLAIN = Execution(precision="float32", compile="none")
COMPILED = Execution(precision="float32", compile="default")
PATIENCE = 20
"""Seconds after which a wait among threads has failed."""


class Seen:
    """An encoder that remembers what it was given, and answers with the first pixel on the CPU."""

    stochastic = False

    def __init__(self):
        self.home, self.given = None, []

    def to(self, device):
        self.home = device
        return self

    def encode(self, frames):
        self.given.append(frames)
        pixel = torch.zeros(len(frames)) if frames.is_meta else frames[:, 0, 0, 0].float()
        return Posterior(pixel[:, None, None, None], None)


def batches(count):
    return (torch.full((2, 3, 4, 4), number, dtype=torch.uint8) for number in range(count))


def test_encoder_and_frames_go_to_the_device():
    encoder = Seen()
    runner = Runner(encoder, META, PLAIN)
    assert encoder.home == META
    runner.encode(next(batches(1)))
    list(runner.run(batches(2)))
    assert [frames.device for frames in encoder.given] == [META] * 3


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_batches_come_out_in_order(count):
    found = list(Runner(Seen(), CPU, PLAIN).run(batches(count)))
    assert [raw.mean.flatten().tolist() for raw in found] == [[n, n] for n in range(count)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_are_computed_in_the_precision_that_is_asked_for(precision):
    class Product(Seen):
        def encode(self, frames):
            self.given.append(frames.flatten(1).float() @ torch.ones(48, 1))
            return Posterior(self.given[-1][..., None, None], torch.ones(2, 1, 1, 1).bfloat16())

    encoder = Product()
    runner = Runner(encoder, CPU, Execution(precision=precision, compile="none"))
    raw = runner.encode(next(batches(1)))
    assert runner.precision == precision
    assert encoder.given[0].dtype == getattr(torch, precision)
    assert raw.mean.dtype == raw.std.dtype == torch.float32


@pytest.mark.slow
def test_a_compiled_encoder_gives_the_same(generator):
    frames = torch.randint(256, (4, 3, 16, 16), generator=generator).byte()
    module, options = default(ENCODERS, "patch_pca", patch=4, components=3)
    encoder = module.fit(frames, options, 0)
    compiled = Runner(encoder, CPU, COMPILED).encode(frames)
    torch.testing.assert_close(compiled.mean, encoder.encode(frames).mean, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_an_encoder_is_compiled_for_each_size_of_batch_by_itself(generator):
    """Else what a batch becomes would hang on those that its process was given before."""
    frames = torch.randint(256, (4, 3, 16, 16), generator=generator).byte()
    module, options = default(ENCODERS, "patch_pca", patch=4, components=3)
    runner = Runner(module.fit(frames, options, 0), CPU, COMPILED)
    torch._dynamo.reset()
    counters.clear()
    for size in (4, 3, 2, 4, 2):
        runner.encode(frames[:size])
    assert counters["stats"]["unique_graphs"] == 3


def test_compilation_is_left_alone_on_a_cpu_unless_asked_for(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda work, **_: compiled.append(work) or work)
    for wish, expected in ((None, 0), ("none", 0), ("default", 1)):
        compiled.clear()
        Runner(Seen(), CPU, Execution(precision="float32", compile=wish))
        assert len(compiled) == expected


def test_frames_are_made_ready_while_the_device_is_busy():
    """Each waits for the other within its own work: one after the other, neither would end."""
    busy, ready = threading.Event(), threading.Event()

    class Slow(Seen):
        def encode(self, frames):
            busy.set()
            assert ready.wait(PATIENCE)
            return super().encode(frames)

    def made():
        first, second = batches(2)
        yield first
        assert busy.wait(PATIENCE)
        ready.set()
        yield second

    assert len(list(Runner(Slow(), CPU, PLAIN).run(made()))) == 2


def test_what_making_frames_raises_comes_through():
    def broken():
        yield from batches(1)
        raise DataError("episode 3 is damaged")

    with pytest.raises(DataError, match="episode 3 is damaged"):
        list(Runner(Seen(), CPU, PLAIN).run(broken()))


def test_no_more_is_made_ready_than_fits():
    made = []
    ahead = prefetch((made.append(n) or n for n in range(10)), 3)
    assert next(ahead) == 0
    assert next(ahead) == 1
    ahead.close()
    assert 2 <= len(made) <= 5


def test_stopping_early_ends_the_thread():
    closed = []

    def endless():
        try:
            while True:
                yield from batches(1)
        finally:
            closed.append(threading.current_thread())

    source, before = endless(), threading.active_count()
    running = Runner(Seen(), CPU, PLAIN).run(source)
    next(running)
    running.close()
    assert threading.active_count() == before
    source.close()  # would raise ValueError, were it still running
    assert len(closed) == 1

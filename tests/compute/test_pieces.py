"""How many processes work in pieces has where nobody says it."""

import pytest
import torch

from pipeline.compute import device, memory
from pipeline.compute import parallel as cluster

UNASKED = cluster.Options(workers=None, ray=None)


@pytest.fixture
def machine(monkeypatch):
    """A machine of so many cores, on which this process holds that share of the memory."""

    def of(cores, held=0.01):
        monkeypatch.setattr(cluster, "cores", lambda: cores)
        monkeypatch.setattr(memory, "device_memory", lambda _: 10**9)
        monkeypatch.setattr(memory, "peak_memory", lambda: int(held * 10**9))

    return of


@pytest.mark.parametrize(
    ("cores", "held", "pieces", "workers"),
    [(2, 0.01, 5, 2), (64, 0.01, 5, 5), (64, 0.01, 1, 1), (64, 0.2, 5, 2), (8, 0.9, 5, 1)],
)
def test_cores_share_pieces_as_far_as_memory_holds(machine, cores, held, pieces, workers):
    machine(cores, held)
    assert UNASKED.for_pieces(pieces) == cluster.Options(workers=workers, ray=None)


def test_what_is_asked_for_is_done(machine):
    machine(cores=2)
    for asked in (cluster.Options(workers=7, ray=None), cluster.Options(workers=2, ray="local")):
        assert asked.for_pieces(5) == asked
    assert cluster.Options(workers=None, ray="local").for_pieces(1).spread


def test_beside_a_gpu_one_process_does_all(machine, monkeypatch):
    machine(cores=64)
    monkeypatch.setattr(device, "pick", lambda: torch.device("cuda"))
    assert not UNASKED.for_pieces(5).spread

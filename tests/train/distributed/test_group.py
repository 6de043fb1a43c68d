"""How the processes of a run meet and how long they are waited for, without starting any."""

import os

import pytest
import torch
from torch import distributed, nn

from pipeline.errors import ParamsError
from pipeline.train.distributed import group, launch
from pipeline.train.distributed.group import Group, join
from pipeline.train.distributed.options import Options


@pytest.fixture
def launched(monkeypatch):
    """As torchrun has started the last of three processes, on a machine with two GPUs."""
    monkeypatch.setattr(group.devices, "pick", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID")
    for name, value in zip(names, "22331", strict=True):
        monkeypatch.setenv(name, value)


def test_more_processes_than_gpus_are_refused_before_they_meet(launched):
    message = r"^distributed.processes = 3, but this machine has 2 GPUs.*; choose at most 2"
    with pytest.raises(ParamsError, match=message), join("ddp"):
        pass


class Constant(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)
        self.register_buffer("position", torch.zeros(2))


def test_constants_are_not_sent_before_every_step():
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        joined = Group(0, 2, torch.device("cpu"), "ddp").data_parallel(Constant())
        assert not joined.will_sync_module_buffers()
    finally:
        distributed.destroy_process_group()


@pytest.mark.parametrize(
    ("environment", "expected"), [({}, launch.SHUTDOWN_TIMEOUT), ({"120": 120}, 120)]
)
def test_a_signal_leaves_time_to_finish_a_step_and_save(monkeypatch, environment, expected):
    name, timeouts = "TORCH_ELASTIC_SHUTDOWN_TIMEOUT", []
    others = {k: v for k, v in os.environ.items() if k != name}
    monkeypatch.setattr(
        os, "environ", {**others, **dict.fromkeys([name][: len(environment)], "120")}
    )

    def start(config, work):
        timeouts.append(config.shutdown_timeout)
        return lambda *_: None

    monkeypatch.setattr(launch, "elastic_launch", start)
    launch.launch(print, Options(processes=2, strategy="ddp"))
    assert timeouts == [expected]
    assert launch.SHUTDOWN_TIMEOUT >= 600

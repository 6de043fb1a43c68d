"""Memory of training by a params.yaml, for this device or one of a given size."""

from pipeline.compute import device
from pipeline.denoisers import DENOISERS, Size
from pipeline.errors import ParamsError
from pipeline.params import Settings
from pipeline.train import Options
from pipeline.train.distributed import options as distributed
from pipeline.train.memory.available import AvailableMemory, available_memory
from pipeline.train.memory.forecast import TrainingPlan
from pipeline.train.setup import variant_config


def available_to(settings: Settings, memory: float | None) -> AvailableMemory:
    """Memory of this machine for each process, or that of a GPU of `memory` GB.

    Raises:
        ParamsError: `memory` is no size.
    """
    if memory is None:
        return available_memory(device.pick(), processes(settings))
    if not 0 < memory * 1e9 < float("inf"):
        raise ParamsError(f"--memory {memory}: not a memory size; give GB, such as 24")
    return AvailableMemory(int(memory * 1e9), gpu=True, bfloat16=True)


def plan_of(settings: Settings, size: Size) -> TrainingPlan:
    """What determines the memory of training the chosen denoiser on windows of a size."""
    strategy = settings.section("distributed", distributed.Options).strategy
    denoiser, options = variant_config(settings, DENOISERS), settings.section("train", Options)
    return TrainingPlan(denoiser, size, options, processes(settings), strategy)


def processes(settings: Settings) -> int:
    """Processes that train together: as many as params.yaml says, or devices are here."""
    options = settings.section("distributed", distributed.Options)
    return options.processes or len(device.all_devices())

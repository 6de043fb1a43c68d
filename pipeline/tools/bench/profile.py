"""Profile a step by torch.profiler: a table of operators, and a trace."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity

from pipeline import stage

OPERATORS = 30
NAME_WIDTH = 60
"""Characters of an operator's name; those of compiled kernels are long."""


def write_profile(work: Callable[[], object], path: Path) -> None:
    """Profile one warm run of `work`.

    The table at `path` lists the most expensive operators by self time, on the GPU if there is one.
    The trace, at the same path with the suffix `.json`, opens in Perfetto or chrome://tracing.
    """
    on_gpu = torch.cuda.is_available()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with torch.profiler.profile(activities=activities) as profile:
        work()
        if on_gpu:
            torch.cuda.synchronize()
    order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    table = profile.key_averages().table(order, OPERATORS, max_name_column_width=NAME_WIDTH)
    with stage.output(path) as partial:
        partial.write_text(table)
    with stage.output(path.with_suffix(".json")) as partial:
        profile.export_chrome_trace(str(partial))

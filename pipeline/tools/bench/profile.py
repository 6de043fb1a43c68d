"""Where the time of a step goes: torch's own profile, as a table and as a trace to look at."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity

from pipeline import stage

OPERATORS = 30
NAME_WIDTH = 60
"""Columns of an operator's name; those of compiled kernels are long."""


def write_profile(work: Callable[[], object], path: Path) -> None:
    """Run something once more, warm; write its most expensive operators, and a trace beside.

    The table at `path` is sorted by an operator's own time: the GPU's where there is one. The
    trace, at the same path with `.json` for its ending, is for chrome://tracing or Perfetto.
    """
    on_gpu = torch.cuda.is_available()
    watched = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with torch.profiler.profile(activities=watched) as found:
        work()
        if on_gpu:
            torch.cuda.synchronize()
    order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
    table = found.key_averages().table(order, OPERATORS, max_name_column_width=NAME_WIDTH)
    with stage.output(path) as partial:
        partial.write_text(table)
    with stage.output(path.with_suffix(".json")) as partial:
        found.export_chrome_trace(str(partial))

"""Interrupt stages at random moments; the next `dvc repro` must end with the same bytes.

`python tests/fuzz/interrupts.py --seed 1 --kill 100 --term 30 --int 30`: rounds in a tiny workspace
in which all stages have run. In a round every stage is to run again, as its code has changed (by a
comment). `dvc repro` is sent a signal at a random moment while the first stage runs or DVC saves
what it wrote; the next `dvc repro` ends that stage, and is interrupted in the second; and so on.
The last one is left alone: all outputs but the seconds must be those of before the round.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # where the tests' helpers are

from pipeline_helpers import ENVIRONMENT, make_workspace, results, run  # noqa: E402

from pipeline import params  # noqa: E402

STAGES = ("locate", *params.STAGES)

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
AIMS = {"kill": ("all", "all", "stage"), "term": ("all", "stage"), "int": ("all",)}
"""Whom a signal hits: DVC and its stage, as from a terminal, or the stage alone."""
AFTER = 0.15
"""Share of the moments that lie after the end of a stage, while DVC saves what it wrote."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """One signal: whom it hits, in which stage, and when, as a share of the stage's CPU time."""

    name: str
    aim: str
    stage: str
    share: float


def rounds(seed: int, counts: dict[str, int]) -> list[list[Interruption]]:
    """Interruptions in a random order of signals, one a stage in every round."""
    rng = random.Random(seed)
    names = [name for name, count in counts.items() for _ in range(count)]
    rng.shuffle(names)
    drawn = [
        Interruption(name, rng.choice(AIMS[name]), STAGES[index % len(STAGES)], rng.random())
        for index, name in enumerate(names)
    ]
    return [drawn[start : start + len(STAGES)] for start in range(0, len(drawn), len(STAGES))]


def timed(folder: Path) -> dict[str, float]:
    """Run every stage for the first time; the CPU seconds that each takes."""
    return {stage: _run_to(folder, stage, sys.maxsize)[1] for stage in STAGES}


def interrupt(folder: Path, chosen: Interruption, seconds: float) -> bool:
    """Run DVC and send the signal in the stage; False if DVC had ended before it came."""
    process, _ = _run_to(folder, chosen.stage, chosen.share * (1 + AFTER) * seconds)
    in_time, number = process.poll() is None, SIGNALS[chosen.name]
    if in_time and chosen.aim == "all":
        os.killpg(process.pid, number)
    elif in_time:
        for pid in _children(process.pid) or [process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
    process.communicate()
    return in_time


def _run_to(folder: Path, stage: str, seconds: float) -> tuple[subprocess.Popen[str], float]:
    """Run DVC until a stage has taken so many CPU seconds, or has ended; the seconds it took.

    CPU time is the same however busy the machine is.
    """
    words = ["dvc", "repro", *(["-s", stage] if seconds == sys.maxsize else [])]
    process = subprocess.Popen(
        words, cwd=folder, env=ENVIRONMENT, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if f"Running stage '{stage}'" in line:
            break
    taken = 0.0
    while taken < seconds:
        now = sum(map(_cpu_seconds, _children(process.pid)))
        if now < taken or process.poll() is not None:
            break
        taken = now
        time.sleep(0.01)
    if seconds == sys.maxsize:
        process.communicate()
    return process, taken


def _cpu_seconds(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _children(parent: int) -> list[int]:
    """The processes below one: the shell and the stage."""
    found = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            found += [*_children(int(child)), int(child)]
    return found


def work_off(base: Path, folder: Path, planned: list[Interruption], nonce: str) -> str | None:
    """One round; None if all is as it was, else what is wrong."""
    for stage in STAGES:
        name = "collect/locate" if stage == "locate" else f"{stage}/__main__"
        code = folder / f"pipeline/{name}.py"
        code.write_text(code.read_text() + f"# {nonce}\n")
    seconds = json.loads((base / "seconds.json").read_text())
    for chosen in planned:
        hit = interrupt(folder, chosen, seconds[chosen.stage])
        print(f"{nonce}: {chosen}{'' if hit else ' came too late'}", flush=True)
    after = run(folder, "dvc", "repro", check=False)
    if after.returncode:
        return f"the next dvc repro failed: {after.stdout[-2000:]}{after.stderr[-2000:]}"
    wanted, there = results(base), results(folder)
    other = sorted(name for name in wanted | there if wanted.get(name) != there.get(name))
    left = [str(path.relative_to(folder)) for path in folder.rglob("*.partial")]
    return f"{other} differ, {left} are left" if other or left else None


def main() -> int:
    """Run the rounds that the command line asks for; 1 if one ended with other bytes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    for name in SIGNALS:
        parser.add_argument(f"--{name}", type=int, default=0, help=f"how many SIG{name.upper()}")
    parser.add_argument("--jobs", type=int, default=1, help="workspaces side by side")
    chosen = parser.parse_args()
    planned = rounds(chosen.seed, {name: getattr(chosen, name) for name in SIGNALS})
    with tempfile.TemporaryDirectory(prefix="interrupts-") as work:
        base = make_workspace(Path(work) / "base")
        seconds = timed(base)
        (base / "seconds.json").write_text(json.dumps(seconds))
        print({stage: round(taken, 2) for stage, taken in seconds.items()}, flush=True)
        wrong: list[str] = []

        def job(number: int) -> None:
            folder = shutil.copytree(base, Path(work) / f"job-{number}", symlinks=True)
            for index in range(number, len(planned), chosen.jobs):
                end = work_off(base, folder, planned[index], f"round {index}")
                print(f"round {index}: {end or 'the same bytes'}", flush=True)
                if end is not None:
                    wrong.append(end)
                    shutil.rmtree(folder)
                    shutil.copytree(base, folder, symlinks=True)

        with ThreadPoolExecutor(chosen.jobs) as pool:
            list(pool.map(job, range(chosen.jobs)))
    print(f"{sum(map(len, planned))} signals, {len(wrong)} rounds ended with other bytes")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

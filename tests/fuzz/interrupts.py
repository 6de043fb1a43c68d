"""Interrupt stages at random moments; the next `dvc repro` must end with the same bytes.

`python tests/fuzz/interrupts.py --seed 1 --kill 100 --term 30 --int 30`: in a tiny workspace in
which all stages have run, a stage is made to run again (by a comment in its code), and a signal is
sent at a random moment while `dvc repro` runs it or saves what it wrote. All outputs but the
seconds must then be those of before. A failure is printed with what repeats it.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # where the tests' helpers are

from pipeline_helpers import ENVIRONMENT, executed, make_workspace, results, run  # noqa: E402

from pipeline import params  # noqa: E402

STAGES = ("locate", *params.STAGES)

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
AIMS = {"kill": ("all", "all", "stage"), "term": ("all", "stage"), "int": ("all",)}
"""Whom a signal hits: DVC and its stage, as from a terminal, or the stage alone."""
SAVED = 1.0
"""Seconds after a stage in which DVC saves what it wrote, of which a signal may hit any moment."""


@dataclass(frozen=True, slots=True)
class Case:
    """One interruption: the signal, whom it hits, the stage, and when, as a share of its time."""

    number: int
    name: str
    aim: str
    stage: str
    share: float


def drawn(seed: int, counts: dict[str, int]) -> list[Case]:
    """All cases in a random order: every stage equally often for every signal."""
    rng, cases = random.Random(seed), []
    for name, count in counts.items():
        for index in range(count):
            stage = STAGES[index % len(STAGES)]
            cases.append((name, rng.choice(AIMS[name]), stage, rng.random()))
    rng.shuffle(cases)
    return [Case(number, *drawn) for number, drawn in enumerate(cases)]


def timed(folder: Path) -> dict[str, float]:
    """Run every stage for the first time; the seconds that each takes, its start included."""
    seconds = {}
    for stage in STAGES:
        start = time.monotonic()
        run(folder, "dvc", "repro", "-s", stage)
        seconds[stage] = time.monotonic() - start
    return seconds


def interrupted(folder: Path, case: Case, seconds: float) -> str:
    """Have DVC run the stage again and send the signal; what DVC printed until then."""
    name = "collect/locate" if case.stage == "locate" else f"{case.stage}/__main__"
    code = folder / f"pipeline/{name}.py"
    code.write_text(code.read_text() + f"# {case.number}\n")
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=folder, env=ENVIRONMENT, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if f"Running stage '{case.stage}'" in line:
            break
    time.sleep(case.share * (seconds + SAVED))
    try:
        if case.aim == "all":
            os.killpg(process.pid, SIGNALS[case.name])
        else:
            for pid in _children(process.pid):
                os.kill(pid, SIGNALS[case.name])
    except ProcessLookupError:
        said.append("(the signal came after the end)\n")
    said.append(process.communicate()[0])
    return "".join(said)


def _children(parent: int) -> list[int]:
    """The processes below one: the shell and the stage."""
    found = []
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        found += [*_children(int(child)), int(child)]
    return found


def repeated(base: Path, folder: Path, case: Case, seconds: float) -> str | None:
    """Interrupt, then run `dvc repro`; None if all is as it was, else what is wrong."""
    said = interrupted(folder, case, seconds)
    after = run(folder, "dvc", "repro", check=False)
    if after.returncode:
        return f"the next dvc repro failed: {after.stdout[-2000:]}{after.stderr[-2000:]}"
    wanted, there = results(base), results(folder)
    other = {name for name in wanted | there if wanted.get(name) != there.get(name)}
    left = [str(path.relative_to(folder)) for path in folder.rglob("*.partial")]
    if other or left:
        return (
            f"differ: {sorted(other)}; left: {left}; ran {executed(after.stdout)}; {said[-2000:]}"
        )
    return None


def main() -> int:
    """Run the cases that the command line names; 1 if one ended otherwise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    for name in SIGNALS:
        parser.add_argument(f"--{name}", type=int, default=0, help=f"cases of SIG{name.upper()}")
    parser.add_argument("--jobs", type=int, default=1, help="workspaces side by side")
    parser.add_argument("--only", type=int, help="the case with this number alone")
    chosen = parser.parse_args()
    cases = drawn(chosen.seed, {name: getattr(chosen, name) for name in SIGNALS})
    if chosen.only is not None:
        cases = [case for case in cases if case.number == chosen.only]
    with tempfile.TemporaryDirectory(prefix="interrupts-") as work:
        base = make_workspace(Path(work) / "base")
        seconds = timed(base)
        print("seconds:", {stage: round(value, 1) for stage, value in seconds.items()}, flush=True)
        counts: Counter[str] = Counter()

        def work_off(job: int) -> None:
            folder = shutil.copytree(base, Path(work) / f"job-{job}", symlinks=True)
            for case in cases[job :: chosen.jobs]:
                wrong = repeated(base, folder, case, seconds[case.stage])
                counts[f"{case.name} {case.stage} {'wrong' if wrong else 'same bytes'}"] += 1
                print(case, wrong or "same bytes", flush=True)
                if wrong:
                    shutil.copytree(folder, f"{folder}-{case.number}-kept", symlinks=True)
                    shutil.rmtree(folder)
                    shutil.copytree(base, folder, symlinks=True)

        with ThreadPoolExecutor(chosen.jobs) as pool:
            list(pool.map(work_off, range(chosen.jobs)))
        for name in sorted(counts):
            print(f"{name}: {counts[name]}")
        return int(any(re.search("wrong", name) for name in counts))


if __name__ == "__main__":
    sys.exit(main())

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

from fuzz import zygote  # noqa: E402
from helpers import ROOT  # noqa: E402
from pipeline_helpers import ENVIRONMENT, make_workspace, results  # noqa: E402

from pipeline.tools import dvc  # noqa: E402
from pipeline.tools.dvc_yaml import DVC_YAML  # noqa: E402
from pipeline.tools.dvc_yaml.read import stages  # noqa: E402

STAGES = stages(ROOT / DVC_YAML)

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
AIMS = {"kill": ("all", "all", "stage", "dvc"), "term": ("all", "stage", "dvc"), "int": ("all",)}
"""Whom a signal hits: DVC and its stage, as from a terminal; the stage alone; or DVC alone."""
LEAST = 0.7
"""CPU time that a stage takes at least, as a share of what it took when it was timed."""
AFTER = 0.15
"""Share of the moments that lie after the end of a stage, while DVC saves what it wrote."""
SAVING = 0.5
"""Seconds in which it does."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """One signal: whom it hits, in which stage, and when, as a share of the stage's CPU time."""

    name: str
    aim: str
    stage: str
    share: float


def rounds(seed: int, counts: dict[str, int]) -> list[list[Interruption]]:
    """Interruptions in a random order of signals, one a stage in every round."""
    rng, in_order = random.Random(seed), list(STAGES)
    names = [name for name, count in counts.items() for _ in range(count)]
    rng.shuffle(names)
    drawn = [
        Interruption(name, rng.choice(AIMS[name]), in_order[index % len(STAGES)], rng.random())
        for index, name in enumerate(names)
    ]
    return [drawn[start : start + len(STAGES)] for start in range(0, len(drawn), len(STAGES))]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs DVC in workspaces, its stages forked from a process that has imported everything."""

    python: Path
    zygote: int

    @property
    def environment(self) -> dict[str, str]:
        """That of DVC."""
        return {**ENVIRONMENT, "PATH": f"{self.python}:{ENVIRONMENT['PATH']}"}

    def begin(self, folder: Path, stage: str) -> tuple[subprocess.Popen[bytes], int | None]:
        """Run `dvc repro`; its process and that of the stage as soon as it runs, None if never."""
        _mend(folder)
        log = folder.with_suffix(".log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["dvc", "repro"], cwd=folder, env=self.environment, start_new_session=True,
                stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        while process.poll() is None:
            if f"Running stage '{stage}'" in log.read_text(errors="replace"):
                pids = self.stages_in(folder)
                if pids:
                    return process, pids[0]
            time.sleep(0.005)
        return process, None

    def stages_in(self, folder: Path) -> list[int]:
        """The processes of stages in a workspace."""
        children = Path(f"/proc/{self.zygote}/task/{self.zygote}/children").read_text().split()
        found = []
        for pid in children:
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                if Path(f"/proc/{pid}/cwd").readlink() == folder:
                    found.append(int(pid))
        return found


def _mend(folder: Path) -> None:
    """Do what `wm run` does of files that DVC left half-written, and say so."""
    for path in dvc.remove_half_written(folder):
        print(f"{folder.name}: DVC was killed while it wrote {path.name}", flush=True)


def finish(runner: Runner, base: Path, spare: Path) -> None:
    """Make a workspace in which all stages have run, and note what each of them takes."""
    make_workspace(base)
    subprocess.run(["dvc", "repro"], cwd=base, env=runner.environment, check=True)
    seconds = timed(runner, shutil.copytree(base, spare, symlinks=True))
    (base / "seconds.json").write_text(json.dumps(seconds))


def timed(runner: Runner, folder: Path) -> dict[str, float]:
    """Run every stage once more; the CPU seconds that each takes, at least."""
    seconds = {}
    for stage in STAGES:
        _edit(folder, stage, "timed")
        process, pid = runner.begin(folder, stage)
        while (now := _cpu_seconds(pid)) is not None:
            seconds[stage] = LEAST * now
            time.sleep(0.002)
        process.wait()
    return seconds


def _edit(folder: Path, stage: str, nonce: str) -> None:
    """Give a stage other code that does the same, so that DVC runs it again."""
    code = folder / f"{STAGES[stage].module.replace('.', '/')}.py"
    code.write_text(code.read_text() + f"# {nonce}\n")


def interrupt(runner: Runner, folder: Path, chosen: Interruption, seconds: float) -> bool:
    """Run DVC and send the signal in the stage; False if DVC had ended before it came."""
    process, pid = runner.begin(folder, chosen.stage)
    moment = chosen.share * (1 + AFTER) * seconds
    while (now := _cpu_seconds(pid)) is not None and (now < moment or moment > seconds):
        time.sleep(0.002)
    if moment > seconds:
        time.sleep((moment / seconds - 1) / AFTER * SAVING)
    in_time, seen = process.poll() is None, set[int]()
    # DVC takes no notice of Ctrl-C while a stage runs, and goes on if it had just ended: once more.
    while process.poll() is None:
        there = set(runner.stages_in(folder))
        if not seen or there - seen:
            aim = chosen.aim if there or chosen.aim == "dvc" else "all"
            _send(process, there, SIGNALS[chosen.name], aim)
            seen |= there or {0}
        time.sleep(0.02)
    return in_time


def _send(process: subprocess.Popen[bytes], stages: set[int], number: int, aim: str) -> None:
    with suppress(ProcessLookupError):
        if aim == "dvc":
            process.send_signal(number)
        elif aim == "all":
            os.killpg(process.pid, number)
    for stage in stages if aim != "dvc" else ():
        with suppress(ProcessLookupError):
            os.kill(stage, number)


def _cpu_seconds(pid: int | None) -> float | None:
    """CPU time of a process, which does not depend on how busy the machine is; None: it ended."""
    with suppress(FileNotFoundError, ProcessLookupError):  # as for None
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return None


def work_off(
    runner: Runner, base: Path, folder: Path, planned: list[Interruption], nonce: str
) -> str | None:
    """One round; None if all is as it was, else what is wrong."""
    for stage in STAGES:
        _edit(folder, stage, nonce)
    seconds = json.loads((base / "seconds.json").read_text())
    for chosen in planned:
        hit = interrupt(runner, folder, chosen, seconds[chosen.stage])
        print(f"{nonce}: {chosen} {'came' if hit else 'came too late'}", flush=True)
    _mend(folder)
    after = subprocess.run(
        ["dvc", "repro"], cwd=folder, env=runner.environment, capture_output=True, text=True
    )
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
    parser.add_argument("--base", type=Path, help="finished workspace to keep for the next call")
    parser.add_argument("--jobs", type=int, default=1, help="workspaces side by side")
    chosen = parser.parse_args()
    planned = rounds(chosen.seed, {name: getattr(chosen, name) for name in SIGNALS})
    with tempfile.TemporaryDirectory(prefix="interrupts-") as work:
        python, address = zygote.install(Path(work) / "bin")
        base: Path = chosen.base or Path(work) / "base"
        warm = make_workspace(Path(work) / "warm")
        runner = Runner(python, zygote.start(address, warm))
        if not base.exists():
            finish(runner, base, Path(work) / "timed")
        wrong: list[str] = []

        def job(number: int) -> None:
            folder = shutil.copytree(base, Path(work) / f"job-{number}", symlinks=True)
            for index in range(number, len(planned), chosen.jobs):
                end = work_off(runner, base, folder, planned[index], f"round {index}")
                print(f"round {index}: {end or 'the same bytes'}", flush=True)
                if end is not None:
                    wrong.append(end)
                    shutil.rmtree(folder)
                    shutil.copytree(base, folder, symlinks=True)

        with ThreadPoolExecutor(chosen.jobs) as pool:
            list(pool.map(job, range(chosen.jobs)))
        os.kill(runner.zygote, signal.SIGKILL)
    print(f"{sum(map(len, planned))} signals, {len(wrong)} rounds ended with other bytes")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

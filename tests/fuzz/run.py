"""Fuzz every file that a stage or a tool reads back.

`python tests/fuzz/run.py --seed 1 --count 1000`: valid artefacts are mutated by a seeded generator
and read, each in a forked child. Each must be read, or refused in one line: no traceback, no hang,
no more than 2 GB. A fault is printed with the command that repeats it.
"""

import argparse
import gc
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", DVC_NO_ANALYTICS="1")
sys.path[0] = str(Path(__file__).parents[1])  # where the tests' helpers are

import torch  # noqa: E402
from fuzz import artefacts, forked  # noqa: E402
from fuzz.forked import Outcome  # noqa: E402
from fuzz.kinds import Kind, kinds  # noqa: E402
from fuzz.mutate import mutate  # noqa: E402


@dataclass(frozen=True, slots=True)
class Case:
    """One mutated input: the kind, its number, what was done to it, and how it was answered."""

    kind: str
    number: int
    change: str
    words: list[str]
    outcome: Outcome


class Fuzzer:
    """Mutates artefacts below `base` and has them read, in folders below `work`."""

    def __init__(self, base: Path, work: Path, seed: int) -> None:
        """Warm this process: children are forked from it, and import nothing."""
        self.kinds, self.work, self.seed = kinds(base), work, seed
        self.base = base
        torch.set_num_threads(1)

    def warm(self, names: Iterable[str]) -> None:
        """Every command once, on the valid artefact, so that all it imports is there.

        Raises:
            AssertionError: a valid artefact was refused.
        """
        refused = []
        for name in names:
            for turn in range(len(self.kinds[name].commands)):
                folder = self._case(self.kinds[name], f"{name}-warm")
                words = self.kinds[name].commands[turn](folder)
                code, said = forked.in_this_process(words, folder)
                if code != 0:
                    refused.append(f"{name}: wm {' '.join(words)}: {code} {said[-300:]}")
                shutil.rmtree(folder)
        assert not refused, "\n".join(refused)
        gc.collect()
        gc.freeze()

    def run(self, name: str, number: int, *, keep: bool = False) -> Case:
        """The case of a kind with a number, the same for the same seed."""
        kind, rng = self.kinds[name], random.Random(f"{self.seed} {name} {number}")
        folder = self._case(kind, f"{name}-{number}")
        target = folder / kind.place
        files = sorted({p for glob in kind.files for p in target.glob(glob) if p.is_file()})
        change = mutate(target, files, rng)
        words = kind.commands[number % len(kind.commands)](folder)
        outcome = forked.run(words, folder)
        if not keep:
            shutil.rmtree(folder)
        return Case(name, number, change, words, outcome)

    def _case(self, kind: Kind, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "o").mkdir(parents=True)
        shutil.copytree(self.base / kind.source, folder / kind.place, symlinks=True)
        return folder


def cases(names: list[str], count: int, first: int) -> Iterator[tuple[str, int]]:
    """Kinds in turn, each with rising numbers."""
    for index in range(count):
        yield names[index % len(names)], first + index // len(names)


def line(case: Case, seed: int) -> str:
    """A fault in one line: its kind, the command that repeats it, what was said, and where."""
    again = f"python tests/fuzz/run.py --seed {seed} --only {case.kind} --number {case.number}"
    done = case.outcome
    return (
        f"{done.fault} | {case.kind} | {again} | {case.change} | wm {case.words[0]} | "
        f"{done.said[:200]} | {done.place or f'exit {done.code}'}"
    )


def main() -> int:
    """Run the cases that the command line names; 1 if there is a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300, help="cases, over all kinds in turn")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first case of each kind"
    )
    parser.add_argument("--number", type=int, help="this case alone; its folder is kept")
    parser.add_argument(
        "--only", action="append", metavar="KIND", help="may be given several times"
    )
    parser.add_argument(
        "--base", type=Path, help="folder of valid artefacts; made if it is not there"
    )
    parser.add_argument("--faults", type=Path, help="file to which each fault is appended")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        work, base = Path(folder), chosen.base or Path(folder) / "base"
        if not base.exists():
            artefacts.make(base)
        fuzzer = Fuzzer(base, work / "cases", chosen.seed)
        names = chosen.only or list(fuzzer.kinds)
        fuzzer.warm(names)
        if chosen.number is not None:
            return _one(fuzzer, names[0], chosen.number)
        return _many(fuzzer, list(cases(names, chosen.count, chosen.first)), chosen.faults)


def _one(fuzzer: Fuzzer, name: str, number: int) -> int:
    case = fuzzer.run(name, number, keep=True)
    kept = Path(tempfile.gettempdir()) / f"fuzz-case-{name}-{number}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(fuzzer.work / f"{name}-{number}", kept, symlinks=True)
    print((kept / ".stderr").read_text(errors="replace"))
    print(f"{case.change}; wm {' '.join(case.words)}; in {kept}\n{line(case, fuzzer.seed)}")
    return int(case.outcome.fault is not None)


def _many(fuzzer: Fuzzer, numbered: list[tuple[str, int]], faults: Path | None) -> int:
    start, counts, found = time.monotonic(), Counter[tuple[str, str]](), 0
    slowest = 0.0
    for name, number in numbered:
        case = fuzzer.run(name, number)
        done = case.outcome
        counts[name, done.fault or ("read" if done.code == 0 else "refused")] += 1
        slowest = max(slowest, done.seconds)
        if done.fault is not None:
            found += 1
            print(line(case, fuzzer.seed), flush=True)
            if faults is not None:
                with faults.open("a") as file:
                    file.write(line(case, fuzzer.seed) + "\n")
    ends = ("read", "refused", "traceback", "words", "hang", "memory", "signal")
    print(f"{'kind':20}" + "".join(f"{end:>10}" for end in ends))
    for name in sorted({name for name, _ in numbered}):
        print(f"{name:20}" + "".join(f"{counts[name, end]:10}" for end in ends))
    total = time.monotonic() - start
    print(f"{len(numbered)} cases, {found} faults, {total:.0f} s, the slowest {slowest:.1f} s")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())

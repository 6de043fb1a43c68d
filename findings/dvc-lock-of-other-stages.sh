#!/usr/bin/env bash
# DVC 3.67.1: running one stage takes longer the more dependencies *other* stages have.
#
# dvc.lock looks like a record that each stage adds its own entry to. But every run of a stage parses the
# whole file and writes all of it anew, with comments kept, which is done in Python even where
# ruamel.yaml's C extension is installed. So a stage without any dependency takes twice the processor time
# in a project in which another stage, which is not run, depends on a thousand small files: a second more a
# stage where ten stages have a hundred files of code each. A dependency on one file that lists the others
# with their digests costs nothing.
#
# Installs the pinned packages into a temporary folder, and fails if what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dvc==3.67.1 ruamel.yaml==0.19.1 ruamel.yaml.clib==0.2.15
PATH="$folder/venv/bin:$PATH" FOLDER="$folder" "$folder/venv/bin/python" - <<'PYTHON'
import os
import resource
import statistics
import subprocess
from importlib.metadata import version
from pathlib import Path

FILES = 1000


def stage(name: str, deps: list[str]) -> str:
    listed = "".join(f"      - {dep}\n" for dep in deps)
    read = f"    deps:\n{listed}" if deps else ""
    return f"  {name}:\n    cmd: echo done > {name}.txt\n{read}    outs:\n      - {name}.txt\n"


def run(project: Path, *command: str) -> float:
    """Processor seconds of a command and what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def project(name: str, other: list[str]) -> Path:
    made = Path(os.environ["FOLDER"], name)
    (made / "many").mkdir(parents=True)
    for number in range(FILES):
        (made / f"many/{number}.txt").write_text(f"{number}\n")
    (made / "dvc.yaml").write_text("stages:\n" + stage("small", []) + stage("other", other))
    run(made, "dvc", "init", "--no-scm", "--quiet")
    run(made, "dvc", "repro", "--quiet")
    return made


print(f"dvc {version('dvc')}, ruamel.yaml {version('ruamel.yaml')}")
listing = [f"many/{number}.txt" for number in range(FILES)]
projects = {"1 file": project("one", listing[:1]), "1,000 files": project("thousand", listing)}
seconds: dict[str, list[float]] = {name: [] for name in projects}
for _ in range(5):
    for name, made in projects.items():  # by turns
        taken = run(made, "dvc", "repro", "--quiet", "--force", "--single-item", "small")
        seconds[name].append(taken)
for name, made in projects.items():
    lines = len((made / "dvc.lock").read_text().splitlines())
    print(
        f"another stage depends on {name}: dvc.lock has {lines} lines, "
        f"a stage without dependencies takes {statistics.median(seconds[name]):.2f} CPU-seconds"
    )
ratio = statistics.median(seconds["1,000 files"]) / statistics.median(seconds["1 file"])
print(f"{ratio:.1f} times as long")
assert ratio > 1.5, "it was 2.5 times"
PYTHON

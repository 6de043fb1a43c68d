"""Importing nanowm is light, and works beside a pipeline.py of the caller's own."""

import os
import subprocess
import sys

import pytest
import yaml
from helpers import ROOT

import nanowm
import pipeline

SPAWNED = """
import multiprocessing
if __name__ == "__main__":
    import nanowm
    model = nanowm.load({pair!r})
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(repr, (model,)).split(":")[0])
"""

SPREAD = """
import nanowm
from pipeline.compute import parallel
from pipeline.files.units import readable
if __name__ == "__main__":
    where = parallel.Options(workers=2, ray=None)
    print(list(parallel.parallel_map(readable, [10**6, 2 * 10**6], where)))
"""


@pytest.fixture
def beside(tmp_path):
    """Runs a script beside the user's own pipeline.py."""
    (tmp_path / "pipeline.py").write_text("NAME = 'mine'\n")

    def run(script, *words):
        (tmp_path / "script.py").write_text(script)
        command = [sys.executable, *(words or ["script.py"])]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_every_public_name_is_there_and_no_other():
    for name in nanowm.__all__:
        assert getattr(nanowm, name) is not None
    assert dir(nanowm) == sorted(nanowm.__all__)
    with pytest.raises(AttributeError, match="module 'nanowm' has no attribute 'Model'"):
        nanowm.Model  # noqa: B018
    assert nanowm.__version__ == pipeline.__version__


def test_a_script_beside_a_pipeline_py_works_and_loads_no_torch(beside):
    done = beside("import nanowm, sys\nprint(nanowm.__version__, 'torch' in sys.modules)")
    assert done.stdout == f"{nanowm.__version__} False\n", done.stderr


@pytest.mark.slow
def test_worker_processes_beside_a_pipeline_py_work(beside, pair):
    done = beside(SPAWNED.format(pair=str(pair)))
    assert done.stdout == "WorldModel of wall\n", done.stderr


def test_work_beside_a_pipeline_py_is_spread(beside):
    done = beside(SPREAD)
    assert done.stdout == "['1.00 MB', '2.00 MB']\n", done.stderr


def test_a_pipeline_that_was_imported_before_is_refused_in_one_line(beside, tmp_path):
    done = beside("import pipeline\nimport nanowm")
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"ImportError: {tmp_path}/pipeline.py: a module called 'pipeline' is")
    assert said.endswith("rename yours, or move it into a package")


def test_who_gets_ours_in_place_of_their_own_is_told(beside):
    done = beside("import nanowm\nimport pipeline\npipeline.NAME")
    said = done.stderr.splitlines()[-1]
    assert said.startswith("AttributeError: module 'pipeline' has no attribute 'NAME': it is that")
    assert f"in {ROOT}/pipeline; a pipeline.py of yours needs another name" in said


def test_wm_works_beside_a_pipeline_py(beside):
    done = beside("", "-m", "nanowm", "--version")
    assert done.stdout == f"nano-world-models {nanowm.__version__}\n", done.stderr


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == nanowm.__version__
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= cited.keys()

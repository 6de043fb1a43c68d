"""What tools read of a dvc.yaml."""

import pytest

from pipeline.errors import DataError
from pipeline.tools.dvc_yaml.families import families_of
from pipeline.tools.dvc_yaml.read import stages


@pytest.mark.parametrize("command", ["python", "python -m pip install x", "python -m pipeline.no"])
def test_a_command_that_runs_no_stage_is_named(tmp_path, command):
    file = tmp_path / "dvc.yaml"
    file.write_text(f"stages:\n  odd:\n    cmd: {command}\n")
    with pytest.raises(DataError, match=r"is not python -m pipeline.STAGE"):
        families_of(stages(file)["odd"])

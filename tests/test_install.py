"""What is installed together works together."""

import re
import subprocess
import sys

import pytest
from helpers import ROOT

pytestmark = pytest.mark.slow

LEROBOT = """
from pipeline.compute.torchvision_shim import make_importable
make_importable()
from lerobot.datasets.lerobot_dataset import LeRobotDataset
assert LeRobotDataset.__name__ == "LeRobotDataset"
"""

BESIDE_CPU_TORCH = """
from pipeline.compute.torchvision_shim import make_importable
make_importable()
make_importable()
import diffusers, lpips, torchvision
assert diffusers.AutoencoderKL and torchvision.transforms
"""


@pytest.mark.parametrize("script", [LEROBOT, BESIDE_CPU_TORCH], ids=["lerobot", "torchvision"])
def test_packages_that_need_torchvision_import_beside_any_torch(script):
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, check=True)


def test_no_two_packages_ask_for_what_the_other_forbids():
    """lerobot, which only tests import, is installed without the packages that drive robots."""
    command = [sys.executable, "-m", "pip", "check"]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    absent = r"lerobot \S+ requires .*, which is not installed\."
    conflicts = [line for line in report.splitlines() if not re.fullmatch(absent, line)]
    assert conflicts in ([], ["No broken requirements found."])

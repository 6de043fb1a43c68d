"""dvc.yaml: what it says of each stage, for tools that run or check them one by one."""

from pathlib import Path

DVC_YAML = Path("dvc.yaml")

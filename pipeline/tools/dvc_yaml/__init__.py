"""dvc.yaml: what it says of each stage, and its code dependencies, which are written by `wm`."""

from pathlib import Path

DVC_YAML = Path("dvc.yaml")

"""Run by the Python of Depth Anything 3's own environment: `python da3_worker.py REQUEST.json`.

It imports nothing of this package, whose numpy depth-anything-3 0.1.1 cannot share. It reads what
`depth.Request` wrote, and writes a file of arrays for every image, which the package reads back.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

ABSENT = 3
"""Exit code where this environment has no depth_anything_3."""


def main(request: dict[str, Any]) -> None:
    """Estimate the depth of some images together, and write it."""
    try:
        import torch
        from depth_anything_3.api import DepthAnything3
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(ABSENT)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = DepthAnything3.from_pretrained(request["model"]).to(device)
    cameras = np.load(request["cameras"]) if request["cameras"] else {}
    prediction = model.inference(
        image=request["images"],
        extrinsics=cameras["extrinsics"] if cameras else None,
        intrinsics=cameras["intrinsics"] if cameras else None,
        process_res=request["resolution"],
    )
    for number, path in enumerate(request["out"]):
        np.savez_compressed(Path(path), **arrays(prediction, number))


def arrays(prediction: Any, number: int) -> dict[str, Any]:
    """What `depth_maps` reads: depth [h, w] and, where they are given, the others."""
    depth = np.array(prediction.depth[number], np.float32)
    sky = getattr(prediction, "sky", None)
    if sky is not None:
        depth[np.asarray(sky[number], bool)] = 0  # it is no distance away that a point could have
    found: dict[str, Any] = {"depth": depth}
    if prediction.conf is not None:
        found["confidence"] = np.asarray(prediction.conf[number], np.float32)
    if getattr(prediction, "processed_images", None) is not None:
        found["image"] = np.asarray(prediction.processed_images[number], np.uint8)
    if prediction.extrinsics is not None and prediction.intrinsics is not None:
        matrix = np.asarray(prediction.intrinsics[number], np.float64)
        found["intrinsics"] = np.array([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]])
        pose = np.eye(4)
        pose[:3] = np.asarray(prediction.extrinsics[number], np.float64)[:3]  # 3 x 4 or 4 x 4
        left, _, right = np.linalg.svd(pose[:3, :3])
        pose[:3, :3] = left @ right  # a rotation again, after what half precision has lost
        found["poses"] = pose
    return found


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))

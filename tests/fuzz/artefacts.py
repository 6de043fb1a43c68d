"""A small valid instance of every artefact, as the pipeline itself writes it."""

import io
import json
import shutil
from pathlib import Path
from unittest import mock

import dataset_helpers
import exchange_helpers
import lerobot_helpers
import pyarrow as pa
import pyarrow.parquet as pq
import reproduce_helpers
import torch
from csgo_helpers import copies, write_lists
from helpers import GOLDEN
from in_process import run_stage, run_stages
from PIL import Image
from pipeline_helpers import dumped, loaded, make_workspace, set_params, with_changes
from safetensors.torch import load_file

from pipeline.denoisers.nanowm import SIZES, Shape
from pipeline.formats import FORMATS

SMALL = {
    "train.steps": 4,
    "train.save_every": 1,
    "train.keep_every": 3,
    "train.validation": {"every": 4, "clips": 2, "strips": 1, "sampling_steps": 1},
    "encoders.tiny_vae.steps": 1,
    "evaluate.clips": 4,
    "ingest.shortest": 2,
    "plan.goals.count": 2,
}
DECODER = {"channels": [8, 8], "steps": 1, "batch": 2, "learning_rate": 1.0e-3}
LAYOUTS = ("wall", "point_maze", "rope", "granular", "pusht", "csgo", "rt1")
FIXTURES = Path(__file__).parents[1] / "formats" / "fixtures"
RECORDED = {
    "robomimic": ("hdf5", "robomimic"),
    "ogbench": ("hdf5", "ogbench"),
    "minari_hdf5": ("minari", "minari/raw-hdf5"),
    "minari_jpeg": ("minari", "minari/jpeg-hdf5"),
    "minari_arrow": ("minari", "minari/jpeg-arrow"),
    "minari_parquet": ("minari", "minari/raw-parquet"),
    "rlds": ("rlds", "rlds/visible/1.0.0"),
    "swm_hdf5": ("stable_worldmodel", "stable_worldmodel/hdf5"),
    "swm_folder": ("stable_worldmodel", "stable_worldmodel/folder"),
    "swm_video": ("stable_worldmodel", "stable_worldmodel/video"),
    "video_csv": ("video_csv", "video_csv"),
}
"""Sets that other libraries wrote: the format that reads each, and its folder below FIXTURES."""
CODECS = ("patch_pca", "tiny_dino", "tiny_jepa", "sd_vae")
GOLDEN_FILES = (
    "cem.npz", "schedules.npz", "scheduling_matrices.npz", "state_dict_keys.json",
    "vae_tiny.safetensors", "vae_tiny_io.npz",
)  # fmt: skip


SIZES["test"] = Shape(width=64, depth=4, heads=4)  # of the golden checkpoints


class KilledError(Exception):
    """Stands for a kill."""


def make(base: Path) -> Path:
    """Make them all below the new folder `base`, the workspace of a whole run in `base/run`."""
    run = make_workspace(base / "run")
    set_params(run, SMALL)
    run_stages(run)
    _params(run, base / "params")
    for name in LAYOUTS:
        dataset_helpers.write(name, base / f"raw_{name}")
    for name, (_, folder) in RECORDED.items():
        ours = shutil.ignore_patterns("make.py", "readings.npz")
        shutil.copytree(FIXTURES / folder, base / f"raw_{name}", ignore=ours)
    _csgo_lists(base)
    _lerobot(base)
    _inventory(run, base)
    _interrupted(run, base)
    _codecs(run, base)
    for name in ("metrics", "plots", "results"):
        shutil.copytree(run / name, base / "report" / name)
    (base / "settings").mkdir()
    shutil.copy(run / "params.yaml", base / "settings")
    (base / "published").mkdir()
    reproduce_helpers.write(base / "published")
    (base / "golden").mkdir()
    for name in GOLDEN_FILES:
        shutil.copy(GOLDEN / name, base / "golden")
    _checkpoints(base)
    _fetched(base)
    return base


def _params(run: Path, folder: Path) -> None:
    """params.yaml of other data sets, encoders and ways to treat errors."""
    folder.mkdir()
    decoders = {f"encoders.{name}.decoder": DECODER for name in ("dinov2", "web_dino", "vjepa2_1")}
    here = {"revision": None, "sha256": None}
    weights = {
        "dinov2": {"source": "a", "file": None, **here},
        "vjepa2_1": {"source": "a", "file": "weights.safetensors", **here},
        "sd_vae": {"source": "a", "file": None, **here},
    }
    sized = {"encoders.dinov2.size": 28, "encoders.vjepa2_1.size": 64, "encoders.vjepa2_1.heads": 3}
    forms = {
        "base": {},
        "skip": {"ingest.on_error": "skip"},
        "splits": {"datasets.csgo.splits": "a"},
    }
    forms |= {name: {"encoder": name} for name in (*CODECS, *weights)}
    recorded = {
        name: {f"datasets.{name}": _block(*of), "rollout.source": "recorded"}  # they have no world
        for name, of in RECORDED.items()
    }
    values = loaded(run / "params.yaml")
    for form, changes in forms.items():
        for name in (*LAYOUTS, *RECORDED):
            pointed = {f"encoders.{key}.weights": value for key, value in weights.items()}
            block = recorded.get(name, {})
            own = {"dataset": name, **block, **decoders, **pointed, **sized, **changes}
            (folder / f"{form}-{name}.yaml").write_text(dumped(with_changes(values, own)))


def _block(form: str, folder: str) -> dict[str, object]:
    """The block that `wm inspect` prints for a fixture."""
    found = FORMATS.load(form, "test").detect(FIXTURES / folder)
    return {"format": form, "root": "a", **found.options}


def _csgo_lists(base: Path) -> None:
    raw = base / "raw_csgo_lists"
    dataset_helpers.write("csgo", raw, (4,))
    copies(next(raw.rglob("*_1.hdf5")), 2, 3)
    write_lists(base / "csgo_lists", [1, 2], [3], [0])


def _lerobot(base: Path) -> None:
    """Beside version 2 with videos, which we write: version 3, and version 2 with images."""
    shutil.copytree(GOLDEN / "lerobot_v3", base / "raw_lerobot_v3")
    (base / "raw_lerobot_v3/truth.npz").unlink()
    raw, camera = base / "raw_lerobot_images", lerobot_helpers.CAMERA
    dataset_helpers.write("rt1", raw)
    lerobot_helpers.feature_with(camera, dtype="image")(raw)
    lerobot_helpers.info_with(video_path=None)(raw)
    shutil.rmtree(raw / "videos")
    for number, path in enumerate(sorted(raw.glob("data/*/*.parquet"))):
        table, episode = pq.read_table(path), dataset_helpers.example_episode("rt1", number, 8)
        cells = [{"bytes": _png(frame), "path": None} for frame in episode.frames[: len(table)]]
        pq.write_table(table.append_column(camera, pa.array(cells)), path)


def _png(frame: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(frame).save(out, "PNG")
    return out.getvalue()


def _inventory(run: Path, base: Path) -> None:
    """What collect writes of the user's own PushT set, which lies beside it."""
    from pipeline.collect.inventory import write_inventory

    write_inventory(base / "raw_pusht", base / "inventory")


def _interrupted(run: Path, base: Path) -> None:
    """The states of a training and the marks of an encoding that ended before their last step."""
    kept = run_copy(run, base / "interrupted")
    set_params(kept, SMALL)
    with mock.patch("pipeline.train.worker._write", side_effect=KilledError):
        assert run_stage(kept, "train", check=False).returncode == 1
    shutil.copytree(kept / ".scratch", base / "states")
    with mock.patch("pipeline.latents.writer.seal", side_effect=KilledError):
        assert run_stage(kept, "encode", check=False).returncode == 1
    shutil.move(kept / "data/wall/latents/.tiny_vae.zarr.partial", base / "marks")
    shutil.rmtree(kept)


def run_copy(run: Path, folder: Path) -> Path:
    """A copy of a workspace."""
    return shutil.copytree(run, folder, symlinks=True)


def _codecs(run: Path, base: Path) -> None:
    """Codecs of other encoders than that of the run, and the published weights of one of them."""
    shutil.copytree(GOLDEN / "encoders/sd_vae", base / "weights_sd_vae")
    shutil.copytree(GOLDEN / "encoders/dino/mlp", base / "weights_dinov2")
    (base / "weights_dinov2/cases.safetensors").unlink()
    (base / "weights_vjepa2_1").mkdir()
    shutil.copy(GOLDEN / "encoders/vjepa/weights.safetensors", base / "weights_vjepa2_1")
    kept = run_copy(run, base / "others")
    source = {"encoders.sd_vae.weights.source": str(base / "weights_sd_vae")}
    for name in CODECS:
        set_params(kept, {"encoder": name, "encoders.sd_vae.weights.sha256": None, **source})
        run_stages(kept, ["fit"])
        shutil.move(kept / f"models/wall/{name}/codec", base / f"codec_{name}")
    shutil.rmtree(kept)


def _checkpoints(base: Path) -> None:
    """Checkpoints to import, in both formats, one imported, and a checkpoint of V-JEPA 2.1."""
    from pipeline.tools.reference.config import read
    from pipeline.tools.reference.convert import import_checkpoint

    exchange_helpers.write(base / "reference", exchange_helpers.weights())
    exchange_helpers.write(base / "lightning", exchange_helpers.weights(), name="model.ckpt")
    reference = read(base / "reference/config.yaml")
    model = import_checkpoint(base / "reference/model.safetensors", reference, None)
    model.save_pretrained(base / "imported")
    (base / "vjepa").mkdir()
    state = load_file(GOLDEN / "encoders/vjepa/weights.safetensors")
    wrapped = {f"module.backbone.{name}": value for name, value in state.items()}
    torch.save({"ema_encoder": wrapped, "epoch": 3, "lr": 1e-4}, base / "vjepa/model.pt")


def _fetched(base: Path) -> None:
    """The record of a download that is complete."""
    from pipeline.tools.fetch.sets import SETS

    source = SETS["wall"]
    root = base / "fetched" / source.folder
    root.mkdir(parents=True)
    (root / "states.pth").write_bytes(b"four")
    record = {
        "page": source.page, "folder": source.folder, "revision": None, "episodes": None,
        "files": 1, "bytes": 4,
    }  # fmt: skip
    (base / "fetched/fetched.json").write_text(json.dumps({"wall": record}))

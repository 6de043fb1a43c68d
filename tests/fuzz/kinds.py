"""Every kind of artefact, and the commands that read it, each at its cheapest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz.artefacts import CODECS, RECORDED

from pipeline.checksum import sha256

Command = Callable[[Path], list[str]]
"""From the folder of a case, in which the artefact is `a`, to the words after `wm`."""
SETS = (
    "wall", "point_maze", "rope", "granular", "pusht", "csgo", "rt1",
    "lerobot_v3", "lerobot_images", *RECORDED,
)  # fmt: skip
MODEL, PROBE = "models/wall/tiny_vae/world_model", "models/wall/tiny_vae/probe"
METRICS = tuple(
    f"a/metrics/{name}.json"
    for name in ("fit", "train", "evaluate", "actions", "probe", "rollout", "plan")
)
REPORT = (
    *METRICS, "a/plots/train.csv", "a/plots/levels.csv", "a/plots/samples.png",
    "a/results/dreams.npz", "a/results/rollouts", "a/results/films.npz", "a/metrics/seconds",
    "o/report",
)  # fmt: skip
TRAINED = tuple(f"o/{name}" for name in ("wm", "t.json", "t.csv", "l.csv", "v.csv", "s.png"))
EVALUATED = tuple(f"o/{name}" for name in ("e.json", "m.json", "a.json", "h.csv", "d.npz"))


@dataclass(frozen=True, slots=True)
class Kind:
    """An artefact that is mutated.

    Attributes:
        source: its folder below the base.
        commands: one of them reads it, in turn.
        files: patterns of the files that are mutated; all by default.
        place: where the commands expect it in the folder of a case.
    """

    source: str
    commands: tuple[Command, ...]
    files: tuple[str, ...] = ("**/*",)
    place: str = "a"


def kinds(base: Path) -> dict[str, Kind]:
    """All kinds by name; valid artefacts lie below `base`, as `artefacts.make` leaves them."""
    return dict(sorted({**_episodes(base), **_run(base), **_weights(base), **_tools(base)}.items()))


def _plain(*words: str) -> Command:
    return lambda case: list(words)


def _with_params(base: Path, *words: str, form: str = "base", dataset: str = "wall") -> Command:
    return _plain(*words, "--params", str(base / f"params/{form}-{dataset}.yaml"))


def _fit(base: Path, shards: str, form: str) -> Command:
    return _with_params(base, "fit", shards, "o/codec", "o/f.json", form=form)


def _encode(base: Path, shards: str, codec: str) -> Command:
    return _with_params(base, "encode", shards, codec, "o/l.zarr", "o/e.json")


def _episodes(base: Path) -> dict[str, Kind]:
    """Data sets as they are published, and what lists their episodes."""

    def reads(dataset: str) -> tuple[Command, ...]:
        ingest = ("ingest", "a", "o/shards")
        return (
            _with_params(base, *ingest, form="skip", dataset=dataset),
            _with_params(base, *ingest, dataset=dataset),
            _with_params(base, "inspect", "a", "--all", dataset=dataset),
        )

    raw = str(base / "raw_csgo_lists")
    split = _with_params(base, "ingest", raw, "o/shards", form="splits", dataset="csgo")
    found = {
        f"raw_{name}": Kind(f"raw_{name}", reads("rt1" if name.startswith("lerobot") else name))
        for name in SETS
    }
    return found | {
        "csgo_lists": Kind("csgo_lists", (split,)),
        "inventory": Kind("inventory", reads("pusht")),
    }


def _run(base: Path) -> dict[str, Kind]:
    """What the stages hand to each other."""
    run = base / "run"
    shards, codec = str(run / "data/wall/shards"), str(run / "models/wall/tiny_vae/codec")
    cache, model = str(run / "data/wall/latents/tiny_vae.zarr"), str(run / MODEL)
    probe = str(run / PROBE)
    inspect = _with_params(base, "inspect", "a", "--all")
    plan_outs = ("o/p.json", "o/g.csv", "o/f.npz")

    def evaluate(*inputs: str) -> Command:
        return _with_params(base, "evaluate", *inputs, *EVALUATED)

    def plan(*inputs: str) -> Command:
        return _with_params(base, "plan", *inputs, *plan_outs)

    def train(*inputs: str) -> Command:
        return _with_params(base, "train", *inputs, *TRAINED)

    of_shards = (inspect, _fit(base, "a", "patch_pca"), _encode(base, "a", codec))
    of_codec = (inspect, _encode(base, shards, "a"), train(cache, "a"))
    of_cache = (inspect, train("a", codec), evaluate("a", shards, codec, model))
    preflight = _with_params(base, "preflight", "a")
    report = _with_params(base, "report", *REPORT)
    summary = _plain("summary", METRICS[0], METRICS[2], METRICS[6], METRICS[6])
    resumed = _encode(base, shards, codec)
    return {
        "shards": Kind("run/data/wall/shards", (*of_shards, evaluate(cache, "a", codec, model))),
        "codec_tiny_vae": Kind(
            "run/models/wall/tiny_vae/codec", (*of_codec, evaluate(cache, shards, "a", model))
        ),
        **{f"codec_{n}": Kind(f"codec_{n}", (inspect, _encode(base, shards, "a"))) for n in CODECS},
        "cache": Kind(
            "run/data/wall/latents/tiny_vae.zarr",
            (*of_cache, plan("a", codec, model, probe), preflight),
        ),
        "marks": Kind("marks", (resumed,), place="o/.l.zarr.partial"),
        "world_model": Kind(
            f"run/{MODEL}",
            (inspect, evaluate(cache, shards, codec, "a"), plan(cache, codec, "a", probe)),
        ),
        "probe": Kind(f"run/{PROBE}", (plan(cache, codec, model, "a"),)),
        "states": Kind("states", (train(cache, codec),), place=".scratch"),
        "report": Kind("report", (report, report, summary)),
    }


def _weights(base: Path) -> dict[str, Kind]:
    """Weights that come from elsewhere."""
    shards = str(base / "run/data/wall/shards")
    inspect = _with_params(base, "inspect", "a", "--all")
    found = {
        f"weights_{name}": Kind(f"weights_{name}", (_fit(base, shards, name),))
        for name in ("sd_vae", "dinov2", "vjepa2_1")
    }
    return found | {
        "reference": Kind("reference", (_plain("import", "a/model.safetensors", "o/x"),)),
        "lightning": Kind("lightning", (_plain("import", "a/model.ckpt", "o/x"),)),
        "imported": Kind("imported", (inspect, _plain("export", "a", "o/x"))),
        "vjepa_checkpoint": Kind("vjepa", (_extract,)),
    }


def _tools(base: Path) -> dict[str, Kind]:
    """Parameters, and what tools alone read."""
    run, params = base / "run", ("--params", "a/params.yaml")
    check = _plain("check", *params)
    stages = (
        _plain("collect", "o/raw", *params),
        _plain("ingest", str(run / "data/wall/raw"), "o/shards", *params),
        _plain("preflight", str(run / "data/wall/latents/tiny_vae.zarr"), *params),
    )
    listed = _with_params(base, "reproduce", "--list", "--published", "a/published.json")
    fetch = _plain("fetch", "wall", "a", "--yes")
    return {
        "params": Kind("settings", (check, check, *stages)),
        "published": Kind("published", (listed,)),
        "fetched": Kind("fetched", (fetch,), files=("fetched.json",)),
        "golden": Kind("golden", (_plain("parity", "a"),)),
    }


def _extract(case: Path) -> list[str]:
    checkpoint = case / "a/model.pt"
    digest = sha256(checkpoint) if checkpoint.is_file() else "0" * 64
    return ["extract-vjepa", "a/model.pt", "o/x.safetensors", "--sha256", digest]

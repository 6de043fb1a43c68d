"""Everything that the page says, from the files that the stages left behind."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.families import FAMILIES
from pipeline.params import STAGES, Settings
from pipeline.report import Options, figures
from pipeline.report.gates import gates, pixels

NAMES = {
    "model": "world model",
    "repeat_last": "repeat the last frame",
    "shuffled_actions": "model, another clip's actions",
    "zero_actions": "model, no actions",
}
METRICS = {
    "latent_mse": ("Latent error", "mean squared, whitened; lower is better", "{:.3f}"),
    "psnr": ("PSNR", "dB against the recorded pixels; higher is better", "{:.1f}"),
    "ssim": ("SSIM", "higher is better", "{:.3f}"),
    "lpips": ("LPIPS", "VGG16; lower is better", "{:.3f}"),
    "fid": ("FID", "Inception, over all generated frames; lower is better", "{:.1f}"),
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files that a report is made of."""

    fit: Path
    train: Path
    evaluate: Path
    actions: Path
    plan: Path
    curve: Path
    levels: Path
    samples: Path
    horizon: Path
    dreams: Path
    films: Path
    seconds: Path


def render(inputs: Inputs, settings: Settings, options: Options) -> str:
    """The whole page as HTML that needs no other file."""
    fit, train, evaluate, actions, plan = (
        json.loads(path.read_text())
        for path in (inputs.fit, inputs.train, inputs.evaluate, inputs.actions, inputs.plan)
    )
    curve, horizon = figures.read_columns(inputs.curve), figures.read_columns(inputs.horizon)
    psnr = pixels("PSNR", evaluate["decoder"])
    environment = Environment(
        loader=PackageLoader("pipeline.report"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        chosen={family.selector: settings.values[family.selector] for family in FAMILIES},
        given=settings.values["evaluate"]["context"],
        fit=fit,
        train=train,
        evaluate=evaluate,
        actions=actions,
        plan=plan,
        gates=gates(fit, evaluate, plan),
        tables=[_table(metric, evaluate) for metric in METRICS if metric in evaluate["model"]],
        psnr=psnr,
        curves={
            "Training loss": figures.lines(
                curve["step"], {"loss": curve["loss"]}, ("step", "loss"), log=True
            ),
            "Training error by noise level": _by_level(figures.read_columns(inputs.levels)),
            f"{psnr} by generated frame": _by_frame(horizon, "psnr", "PSNR in dB"),
            "Latent error by generated frame": _by_frame(horizon, "latent_mse", "error"),
        },
        samples=figures.still(inputs.samples),
        dreams=_dreams(inputs.dreams, options.dreams),
        films=_films(inputs.films, options.episodes),
        seconds=_seconds(inputs.seconds),
        params=yaml.safe_dump(_chosen(settings), sort_keys=False),
    )


def _table(metric: str, evaluate: dict[str, Any]) -> dict[str, Any]:
    title, hint, form = METRICS[metric]
    title = title if metric == "latent_mse" else pixels(title, evaluate["decoder"])
    by_frame = isinstance(evaluate["model"][metric], list)
    columns = range(1, evaluate["frames"] + 1) if by_frame else ["all"]
    rows = {name: evaluate[key][metric] for key, name in NAMES.items()}
    shown = {
        name: [form.format(value) for value in (values if by_frame else [values])]
        for name, values in rows.items()
    }
    return {"title": title, "hint": hint, "columns": columns, "rows": shown}


def _by_frame(horizon: dict[str, list[float]], metric: str, label: str) -> str:
    series = {name: horizon[f"{name}_{metric}"] for name in NAMES}
    return figures.lines(horizon["frame"], series, ("generated frame", label))


def _by_level(levels: dict[str, list[float]]) -> str:
    middles = [50 * (a + b) for a, b in zip(levels["from"], levels["to"], strict=True)]
    label = "noise level, % of the way from clean to noise"
    return figures.lines(middles, {"error": levels["error"]}, (label, "error"))


def _dreams(path: Path, count: int) -> list[str]:
    """Truth, prediction and error of the first long rollouts, as animations."""
    content = np.load(path, allow_pickle=False)
    return [
        figures.animation(
            [
                figures.side_by_side([real, dreamt, figures.error(real, dreamt)])
                for real, dreamt in zip(truth, prediction, strict=True)
            ]
        )
        for truth, prediction in zip(
            *(content[name][:count].transpose(0, 1, 3, 4, 2) for name in ("truth", "prediction")),
            strict=True,
        )
    ]


def _films(path: Path, count: int) -> list[dict[str, Any]]:
    """The first planning episodes beside their goals, as animations."""
    content = np.load(path, allow_pickle=False)
    films = []
    for frames, length, goal, success in list(
        zip(*(content[key] for key in ("frames", "lengths", "goals", "success")), strict=True)
    )[:count]:
        panels = [figures.side_by_side([frame, goal]) for frame in frames[:length]]
        film = figures.animation(panels, seconds=0.15)
        films.append({"film": film, "steps": int(length) - 1, "success": bool(success)})
    return films


def _seconds(folder: Path) -> dict[str, float]:
    """What each stage took, in the order of the pipeline."""
    paths = {stage: folder / f"{stage}.json" for stage in STAGES}
    return {
        stage: json.loads(path.read_text())["seconds"]
        for stage, path in paths.items()
        if path.is_file()
    }


def _chosen(settings: Settings) -> dict[str, Any]:
    """The params of this run: every stage's, and of each family the chosen member's."""
    values = settings.values
    stages = {stage: values[stage] for stage in STAGES}
    parts = {
        f"{f.block}.{values[f.selector]}": values[f.block][values[f.selector]] for f in FAMILIES
    }
    return {**stages, **parts}

"""Options of `wm rollout` and `wm sampler-study`, with the words in which --help explains them."""

from pathlib import Path
from typing import Annotated

import typer

ModelFolder = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Folder that holds codec and world_model.")
]
Clips = Annotated[int, typer.Option(min=1, help="Validation clips, or simulated ones.")]
NewFrames = Annotated[
    int | None,
    typer.Option(
        min=1, help="Frames to generate: 50, or as many as the truth or the actions have."
    ),
]
History = Annotated[int, typer.Option(min=1, help="Frames that are given.")]
Simulate = Annotated[
    bool, typer.Option("--simulate", help="Simulate new episodes, as long as they need to be.")
]
EpisodeName = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="One episode: its key, or its number in the val split."),
]
FirstStep = Annotated[
    int, typer.Option(min=0, help="Environment step of the episode to start from.")
]
FromFile = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Start from an image (PNG, JPEG) or an mp4."),
]
Actions = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Actions (CSV, NPY): one row per environment step, in its units."
    ),
]
CamerasFile = Annotated[
    Path | None,
    typer.Option(
        "--cameras",
        metavar="FILE",
        help="Cameras to follow beside --actions (NPZ: intrinsics, poses), one for each frame, "
        "those given included; for a model that cameras condition.",
    ),
]
SamplerName = Annotated[
    str | None, typer.Option(help="Order of denoising within a window; else what suits the model.")
]
StepCount = Annotated[
    int | None, typer.Option(help="Denoising steps per frame; else what suits the model.")
]
Spacing = Annotated[str, typer.Option(help="Spacing of the steps: trailing, linspace.")]
Stabilisation = Annotated[
    float, typer.Option(help="Noise level of context frames, 0 to 1; 0 keeps them clean.")
]
Context = Annotated[
    int | None, typer.Option(help="Most context frames of a window; else all but one.")
]
Batch = Annotated[int, typer.Option(min=1, help="Clips that are generated together.")]
Fps = Annotated[int, typer.Option(min=1, help="Frames per second of the videos.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the clips and the noise.")]
Native = Annotated[
    bool, typer.Option("--native", help="Write frames at the size they were recorded in.")
]
Video = Annotated[bool, typer.Option("--video/--no-video", help="Write mp4.")]
Png = Annotated[bool, typer.Option("--png", help="Write every frame as PNG, too.")]
ShardsFolder = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Recorded frames; else `shards` beside the latents."),
]

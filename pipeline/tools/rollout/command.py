"""`wm rollout MODEL LATENTS OUT`."""

from pathlib import Path
from typing import Annotated

from pipeline.arguments import PARAMS, Latents, ParamsFile, output
from pipeline.tools.rollout import options


def command(
    model: options.ModelFolder,
    latents: Latents,
    out: Annotated[Path, output("OUT", "Folder for videos and rollout.json.")],
    clips: options.Clips = 8,
    frames: options.NewFrames = None,
    history: options.History = 1,
    simulate: options.Simulate = False,
    episode: options.EpisodeName = None,
    start: options.FirstStep = 0,
    begin: options.FromFile = None,
    actions: options.Actions = None,
    cameras: options.CamerasFile = None,
    sampler: options.SamplerName = None,
    steps: options.StepCount = None,
    spacing: options.Spacing = "trailing",
    stabilisation: options.Stabilisation = 0.0,
    context: options.Context = None,
    batch: options.Batch = 8,
    fps: options.Fps = 8,
    seed: options.Seed = 42,
    native: options.Native = False,
    video: options.Video = True,
    png: options.Png = False,
    shards: options.ShardsFolder = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Roll out long videos of a model, beside what really happens where that is known.

    Clips are those of the validation split, or `--episode`, or new ones by `--simulate`; or start
    from your own frames by `--from`, with `--actions`.
    """
    from pipeline import stage
    from pipeline.rollout.card import CARD
    from pipeline.rollout.files import Form
    from pipeline.tools.rollout.request import Request, Start, Steps
    from pipeline.tools.rollout.write import write

    chosen = Request(
        Start(clips, frames, history, simulate, episode, start, begin, actions, cameras),
        Steps(sampler, steps, spacing, stabilisation, context, seed, batch),
        Form(fps, native, video, png),
    )
    with stage.timed(None) as summarise:
        source = shards or latents.parent.parent / "shards"
        card = write(chosen, model, latents, source, params, out)
        count = len(card.clips) * card.frames
        summarise(f"rollout: {len(card.clips)} clips of {card.frames} frames, {out / CARD}", count)

"""`wm record ENV_ID --out FOLDER`."""

from pathlib import Path
from typing import Annotated

import typer

EnvId = Annotated[
    str,
    typer.Argument(metavar="ENV_ID", help="Gymnasium id, or MODULE:ID to import what has it."),
]
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the data set.")]
PolicyName = Annotated[
    str,
    typer.Option(
        metavar="POLICY",
        help="random, noop, or PACKAGE.MODULE:FUNCTION, called with an observation and a numpy "
        "Generator for an action.",
    ),
]
FormatName = Annotated[
    str,
    typer.Option("--format", metavar="FORMAT", help="lerobot (v3.0), lerobot_v2.1 or video_csv."),
]
Fps = Annotated[int | None, typer.Option(min=1, help="Frames per second; else the environment's.")]
ImageKey = Annotated[
    str | None, typer.Option(metavar="KEY", help="Image of a dict observation, or `render`.")
]
StateKeys = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="Vector of a dict observation; may be repeated."),
]
Arguments = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="For gymnasium.make; may be repeated."),
]


def command(
    env_id: EnvId,
    out: Out,
    policy: PolicyName = "random",
    episodes: Annotated[int, typer.Option(min=1, help="Episodes in all.")] = 10,
    steps: Annotated[int, typer.Option(min=1, help="Most steps of an episode.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of the first episode; then 1 more each.")] = 0,
    format_: FormatName = "lerobot",
    task: Annotated[
        str | None, typer.Option(help="What is being done, in words; else the id.")
    ] = None,
    fps: Fps = None,
    image_key: ImageKey = None,
    state_key: StateKeys = None,
    arg: Arguments = None,
) -> None:
    """Record episodes of a Gymnasium environment, and print the block of params.yaml for them.

    An interrupted recording is resumed by the same command.
    """
    import yaml

    from pipeline import stage
    from pipeline.params import DATASETS
    from pipeline.tools.inspect_.detect import block, detect
    from pipeline.tools.record.run import Recording, record

    wanted = Recording(
        env_id=env_id,
        arguments=arg or [],
        policy=policy,
        episodes=episodes,
        steps=steps,
        seed=seed,
        format=format_,
        task=task,
        fps=fps,
        image_key=image_key,
        state_keys=state_key,
    )
    with stage.timed(None) as summarise:
        count, frames, new = record(wanted, out)
        summarise(f"record: {count} episodes, {frames} frames of {env_id} in {out}", new)
    name, detected = next(iter(detect(out).items()))
    text = block(name, detected, out)
    print(f"{text}dataset: {next(iter(yaml.safe_load(text)[DATASETS]))}")

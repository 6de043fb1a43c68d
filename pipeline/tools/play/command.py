"""`wm play MODEL`: a page on which a person drives a world model."""

import contextlib
import logging
import secrets
from pathlib import Path
from typing import Annotated

import typer

from pipeline.arguments import PARAMS, ParamsFile
from pipeline.tools.play import MOST_STEPS

ModelFolder = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="Folder of codec and world model (models/NAME/ENCODER)."),
]


def command(
    model: ModelFolder = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the models of this workspace, and play none.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    host: Annotated[
        str, typer.Option(help="Another than this machine needs the token that is printed.")
    ] = "127.0.0.1",
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_STEPS, help="Denoising steps; else the model's own."),
    ] = None,
    fps: Annotated[float, typer.Option(min=0.1, max=60, help="Most frames a second.")] = 20.0,
    history: Annotated[int, typer.Option(min=1, help="Frames that a dream is given.")] = 1,
    sessions: Annotated[int, typer.Option(min=1, max=64, help="Pages at a time.")] = 4,
    latents: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Cache; else data/NAME/latents.")
    ] = None,
    shards: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Episodes; else data/NAME/shards.")
    ] = None,
    recordings: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Recordings; else runs/play/NAME.")
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Drive a world model in the browser, beside the simulator."""
    from pipeline.errors import ParamsError
    from pipeline.tools.play.access import LOOPBACK, Access
    from pipeline.tools.play.listing import show_models
    from pipeline.tools.play.playable import Playable
    from pipeline.tools.play.server import Server
    from pipeline.tools.play.serving import address, asgi_server, bound, end
    from pipeline.tools.play.sources import paths_of
    from pipeline.tools.play.warm_up import warmed

    if listed:
        show_models(params)
        return
    if model is None:
        raise ParamsError("wm play: name a model; `wm play --list` says which are here")
    logging.basicConfig(format="play: %(message)s")
    logging.getLogger("wm.play").setLevel(logging.INFO)
    with bound(host, port) as listening:
        playable = warmed(Playable(paths_of(model, latents, shards, params), steps, history))
        token = None if host in LOOPBACK else secrets.token_urlsafe(24)
        folder = recordings or Path("runs/play") / playable.model.spec.dataset
        server = Server(playable, folder, Access(token, sessions), fps)
        place = address(host, listening.getsockname()[1], token)
        said = f"play: {model} at {place} (Ctrl-C ends it)"
        with contextlib.suppress(KeyboardInterrupt):
            asgi_server(server, lambda: print(said, flush=True)).run(sockets=[listening])
        with contextlib.suppress(KeyboardInterrupt):
            server.wait()
    end()

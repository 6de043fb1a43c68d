"""ViZDoom with the free maps of Freedoom 2, controlled by Counter-Strike's keys and mouse."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pipeline.episodes.csgo_actions import CLICKS, KEYS, Controls
from pipeline.errors import ParamsError

if TYPE_CHECKING:
    import vizdoom

# The Doom button of each key and mouse button, in the order of an action's components.
BUTTONS = (
    *("MOVE_FORWARD", "MOVE_LEFT", "MOVE_BACKWARD", "MOVE_RIGHT", "JUMP", "CROUCH", "SPEED"),
    *("SELECT_WEAPON1", "SELECT_WEAPON2", "SELECT_WEAPON3", "RELOAD", "ATTACK", "ALTATTACK"),
)
TICS = 2  # of 1/35 s per step: 17.5 steps/s, published 16
DEGREES = 0.055  # of rotation per mouse count: sensitivity 2.5 times 0.022
SIZE = (280, 150)  # (width, height) of a frame in pixels


@dataclass(frozen=True, slots=True)
class View:
    """The player's view and status at one step.

    Attributes:
        frame: uint8 [150, 280, 3] RGB.
        depth: depth at the horizon, left to right [W]; about 9 map units each.
        target: mouse counts from the centre to the nearest visible enemy, None if there is none.
        position: on the map, in map units.
        health: 0..100.
        rounds: ammunition of the selected weapon.
        kills: since the game began.
    """

    frame: NDArray[np.uint8]
    depth: NDArray[np.float64]
    target: float | None
    position: tuple[float, float]
    health: float
    rounds: float
    kills: int


@contextlib.contextmanager
def play(level: str, skill: int, seed: int) -> Iterator["vizdoom.DoomGame"]:
    """A new game without window or sound; the same seed and actions give the same frames.

    Raises:
        ParamsError: ViZDoom is not installed.
    """
    try:
        import vizdoom
    except ImportError:
        raise ParamsError(
            "dataset csgo is recorded in ViZDoom, which is not installed: `pip install -e "
            "'.[doom]'`, or set datasets.csgo.root to the published files"
        ) from None
    game = vizdoom.DoomGame()
    game.set_doom_game_path(str(Path(vizdoom.__file__).parent / "freedoom2.wad"))
    game.set_doom_map(level)
    game.set_doom_skill(skill)
    game.set_seed(seed)
    game.set_mode(vizdoom.Mode.PLAYER)
    game.set_episode_timeout(0)
    game.set_episode_start_time(10)
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_320X180)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_depth_buffer_enabled(True)
    game.set_labels_buffer_enabled(True)
    game.set_window_visible(False)
    game.set_sound_enabled(False)
    game.set_render_hud(False)
    names = (*BUTTONS, "TURN_LEFT_RIGHT_DELTA", "LOOK_UP_DOWN_DELTA")
    game.set_available_buttons([vizdoom.Button.__members__[name] for name in names])
    variables = ("POSITION_X", "POSITION_Y", "HEALTH", "SELECTED_WEAPON_AMMO", "KILLCOUNT")
    game.set_available_game_variables([vizdoom.GameVariable.__members__[v] for v in variables])
    # The engine writes its settings and a folder `_vizdoom` to the working directory.
    with tempfile.TemporaryDirectory() as folder:
        game.set_doom_config_path(f"{folder}/doom.ini")
        with contextlib.chdir(folder):
            game.init()
        try:
            yield game
        finally:
            game.close()


def look(game: "vizdoom.DoomGame") -> View:
    """The current view of a living player."""
    from PIL import Image

    state = game.get_state()
    assert state.depth_buffer is not None
    assert state.labels is not None
    assert state.game_variables is not None
    frame = Image.fromarray(state.screen_buffer).resize(SIZE, Image.Resampling.LANCZOS)
    horizon = len(state.depth_buffer) // 2
    enemies = [label for label in state.labels if label.object_category == "Monster"]
    target = None
    if enemies:
        nearest = max(enemies, key=lambda label: (label.height, -label.x))
        half = state.screen_buffer.shape[1] / 2
        target = (nearest.x + nearest.width / 2 - half) / half * 45 / DEGREES
    x, y, health, rounds, kills = state.game_variables
    return View(
        frame=np.asarray(frame),
        depth=state.depth_buffer[horizon - 4 : horizon + 4].mean(0, dtype=np.float64),
        target=target,
        position=(x, y),
        health=health,
        rounds=rounds,
        kills=int(kills),
    )


def press(game: "vizdoom.DoomGame", controls: Controls) -> None:
    """Apply controls for one step; the mouse movement is spread over its tics."""
    buttons = [key in controls.keys for key in KEYS] + [name in controls.clicks for name in CLICKS]
    turn, tilt = controls.dx * DEGREES / TICS, controls.dy * DEGREES / TICS
    game.make_action([*map(float, buttons), turn, -tilt], TICS)

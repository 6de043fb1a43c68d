"""The published sets, by the names they have in params.yaml."""

from pipeline.tools.fetch.hub import LeRobot
from pipeline.tools.fetch.osf import Zipped
from pipeline.tools.fetch.plan import Source
from pipeline.tools.fetch.tars import Recordings

# The commits are the ones at which others have published work with these two sets.
SETS: dict[str, Source] = {
    "pusht": Zipped("pusht_noise", "pusht_noise"),
    "point_maze": Zipped("point_maze", "point_maze"),
    "wall": Zipped("wall_single", "wall_single"),
    "rope": Zipped("deformable", "deformable/rope", shared=True),
    "granular": Zipped("deformable", "deformable/granular", shared=True),
    "csgo": Recordings(
        "TeaPearce/CounterStrike_Deathmatch", "265c6e5ac7aa335f58a2f2e864aad176fecfedde", "csgo"
    ),
    "rt1": LeRobot(
        "IPEC-COMMUNITY/fractal20220817_data_lerobot",
        "91bf7d7f7ce50770a1ba5c6db14b8d1c0815122e",
        "fractal20220817_data_lerobot",
    ),
}

"""The published data sets, by their names in params.yaml."""

from pipeline.tools.fetch.hub import LeRobot
from pipeline.tools.fetch.osf import OsfZip
from pipeline.tools.fetch.plan import Source
from pipeline.tools.fetch.tars import CsgoTars

# The commits are those that published work with these two data sets names.
SETS: dict[str, Source] = {
    "pusht": OsfZip("pusht_noise", "pusht_noise"),
    "point_maze": OsfZip("point_maze", "point_maze"),
    "wall": OsfZip("wall_single", "wall_single"),
    "rope": OsfZip("deformable", "deformable/rope", shared=True),
    "granular": OsfZip("deformable", "deformable/granular", shared=True),
    "csgo": CsgoTars(
        "TeaPearce/CounterStrike_Deathmatch", "265c6e5ac7aa335f58a2f2e864aad176fecfedde", "csgo"
    ),
    "rt1": LeRobot(
        "IPEC-COMMUNITY/fractal20220817_data_lerobot",
        "91bf7d7f7ce50770a1ba5c6db14b8d1c0815122e",
        "fractal20220817_data_lerobot",
    ),
}

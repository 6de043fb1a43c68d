"""The arms of the paper's four tables of ablations, and three that it does not have."""

from pipeline.tools.ablate import Arm, PaperRow, Table
from pipeline.tools.changes import Value

SHARED: dict[str, Value] = {
    "encoder": "tiny_vae",
    "denoiser": "nanowm",
    "denoisers.nanowm.size": "nano",
    "denoisers.nanowm.injection": "additive",
    "denoisers.nanowm.reference_init": False,
    "denoisers.nanowm.camera": "none",
    "objective": "x",
    "sampler": "sequential",
    "model": "world_model",
    "worlds.rt1.episodes": 120,
    "train.steps": 500,
    "train.validation.every": None,
    "train.validation.strips": 1,
    "evaluate.clips": 64,
    "evaluate.batch": 16,
    "evaluate.dreams": 1,
    "evaluate.dream_frames": 2,
    "tracking.tensorboard": False,
    "tracking.wandb": None,
}
"""Changes to params.yaml that all arms share: the baseline, at two minutes of one core a run."""

OBJECTIVE, SIZE = "objective", "denoisers.nanowm.size"
INJECTION, DEAD = "denoisers.nanowm.injection", "denoisers.nanowm.reference_init"


def _injections(dataset: str, title: str, *paper: PaperRow) -> Table:
    """The paper's five arms, then cross-attention that can learn, and no action conditioning."""
    additive, adaln, fuse, film, cross = paper
    arms = (
        Arm("additive", additive),
        Arm("adaln", adaln, {INJECTION: "adaln"}),
        Arm("adaln_fuse", fuse, {INJECTION: "adaln_fuse"}),
        Arm("film", film, {INJECTION: "film"}),
        Arm("cross_attention_dead", cross, {INJECTION: "cross_attention", DEAD: True}),
        Arm("cross_attention", None, {INJECTION: "cross_attention"}),
        Arm("none", None, {INJECTION: "none"}),
    )
    return Table(f"{dataset}-injections", title, dataset, arms)


RT1 = PaperRow(23.07, 0.760, 0.207, 42.27)
"""The paper's baseline on RT-1: B/2, v, additive."""

TABLES = (
    Table(
        "rt1-targets",
        "What the network predicts, on RT-1",
        "rt1",
        (
            Arm("v", RT1, {OBJECTIVE: "v"}),
            Arm("x", PaperRow(23.37, 0.783, 0.184, 42.99)),
            Arm("eps", PaperRow(21.89, 0.739, 0.225, 48.86), {OBJECTIVE: "eps"}),
            Arm("flow", PaperRow(23.54, 0.772, 0.192, 38.10), {OBJECTIVE: "flow"}),
        ),
    ),
    _injections(
        "rt1",
        "How actions enter, on RT-1",
        RT1,
        PaperRow(23.19, 0.762, 0.206, 43.62),
        PaperRow(23.10, 0.762, 0.206, 43.03),
        PaperRow(23.20, 0.763, 0.203, 40.62),
        PaperRow(20.82, 0.721, 0.242, 51.12),
    ),
    Table(
        "rt1-sizes",
        "How large the network is, on RT-1",
        "rt1",
        (
            Arm(
                "half",
                PaperRow(22.30, 0.739, 0.230, 54.95),
                {SIZE: {"width": 48, "depth": 4, "heads": 2}},
            ),
            Arm("nano", RT1),
            Arm(
                "double",
                PaperRow(23.62, 0.777, 0.186, 36.31),
                {SIZE: {"width": 192, "depth": 4, "heads": 8}},
            ),
        ),
    ),
    _injections(
        "pusht",
        "How actions enter, on PushT",
        PaperRow(26.20, 0.962, 0.053, 23.89),
        PaperRow(26.09, 0.960, 0.053, 26.32),
        PaperRow(26.17, 0.961, 0.051, 30.28),
        PaperRow(25.88, 0.960, 0.056, 25.45),
        PaperRow(25.95, 0.959, 0.055, 28.64),
    ),
)
"""The paper's scores are after 50,000 steps on RT-1, 30,000 on PushT; its sizes S/2, B/2, L/2."""

"""A LatentSpec for tests and benches, of which only the statistics matter."""

from pipeline.episodes.resize import Preprocessing
from pipeline.latents.spec import LatentSpec


def latent_spec(
    std: list[float] | None = None, actions: dict[str, list[float]] | None = None
) -> LatentSpec:
    """Latents with mean 0 and a std per channel; standardised actions."""
    std, actions = std or [1.0], actions or {"mean": [0.0], "std": [1.0]}
    range_ = dict.fromkeys(("min", "max"), actions["mean"])  # standardising needs neither
    return LatentSpec(
        dataset="golden",
        encoder="golden",
        codec="",
        source="",
        view=Preprocessing(height=1, width=1, antialias=False),
        interval=1,
        latent_shape=(len(std), 1, 1),
        stochastic=False,
        storage="float16",
        stride=1,
        mean=[0.0] * len(std),
        std=std,
        action_dim=len(actions["mean"]),
        state_dim=0,
        normalise_actions=True,
        actions={**range_, **actions},
        published_scale=None,
        precision="float32",
    )

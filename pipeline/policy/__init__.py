"""A policy that walks: learnt in imagination by PPO, and tried in the simulator."""

from typing import Literal

from pydantic import Field

from pipeline.errors import ParamsError
from pipeline.families import STATE, family
from pipeline.imagination.options import Options as ImaginationOptions
from pipeline.params import Params, Settings


class Ppo(Params):
    """Proximal policy optimisation (Schulman et al. 2017)."""

    iterations: int = Field(gt=0)
    critic_first: int = Field(
        ge=0, description="iterations in which only the critic learns, so that one that knows "
        "nothing yet does not spoil what the actor has imitated"
    )  # fmt: skip
    steps: int = Field(gt=1, description="of each environment in an iteration")
    widths: list[int] = Field(min_length=1, description="hidden layers of actor and critic")
    std: float = Field(gt=0, description="of the actions at first")
    learning_rate: float = Field(gt=0, description="at first; it adapts to kl")
    kl: float = Field(gt=0, description="divergence of an update that is aimed at")
    clip: float = Field(gt=0, lt=1)
    discount: float = Field(gt=0, le=1)
    trace: float = Field(ge=0, le=1, description="lambda of the generalised advantage")
    entropy: float = Field(ge=0)
    epochs: int = Field(gt=0)
    mini_batches: int = Field(gt=0)
    save_every: int = Field(
        gt=0, description="iterations after which the policy is judged, all environments begin "
        "anew, and a killed run can go on"
    )  # fmt: skip


class Imitation(Params):
    """Behaviour cloning of the recorded episodes that do not end in a fall: where PPO begins."""

    steps: int = Field(ge=0, description="of Adam; 0: PPO begins with random weights")
    batch: int = Field(gt=0, description="recorded rows of a step")
    learning_rate: float = Field(gt=0, description="at first; it falls to 0 along a cosine")
    kl_weight: float = Field(
        ge=0, description="in PPO's loss, of the divergence of the policy from the imitation"
    )


class Trial(Params):
    """Walks in the simulator, in which controllers are compared."""

    episodes: int = Field(ge=2)
    steps: int = Field(ge=2, description="of an episode")


class Options(Params):
    """How a policy is learnt, and how it is tried."""

    method: Literal["none", "ppo"] = Field(description="none: skipped")
    imagination: ImaginationOptions = Field(
        description="environments: 0 switches it off, and the policy learns in the simulator"
    )
    histories: int = Field(gt=0, description="recorded stretches from which episodes begin")
    simulated: int = Field(gt=0, description="simulators to learn in where imagination is off")
    imitation: Imitation
    ppo: Ppo
    trial: Trial
    seed: int = Field(ge=0)

    def check_with(self, settings: Settings) -> None:
        """Check that there are states to imagine.

        Raises:
            ParamsError: the encoder makes no states.
        """
        encoder = settings.chosen(family("encoders"))
        if self.method != "none" and encoder != STATE:
            raise ParamsError(
                f"{settings.path}: policy.method = {self.method!r} imagines states, but encoder = "
                f"{encoder!r}; choose encoder: {STATE}, or policy.method: none"
            )

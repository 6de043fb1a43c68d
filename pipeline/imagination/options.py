"""What is imagined, and what is rewarded."""

from pydantic import Field

from pipeline.params import Params


class Weights(Params):
    """The weight of each term, RWM's by default; negative ones are penalties."""

    track_linear_velocity: float = 1.0
    track_angular_velocity: float = 0.5
    vertical_velocity: float = -2.0
    roll_and_pitch_velocity: float = -0.05
    torque: float = -2.5e-5
    joint_acceleration: float = -2.5e-7
    action_rate: float = -0.01
    feet_air_time: float = 0.5
    thigh_contacts: float = -1.0
    stand_still: float = -1.0
    flat_orientation: float = -5.0
    uncertainty: float = 0.0
    fall: float = 0.0


class Options(Params):
    """How much is imagined."""

    environments: int = Field(ge=0, description="imagined at once; 0: imagination is off")
    steps: int = Field(gt=0, description="actions until an environment's time is out")
    noise: bool = Field(description="whether observations carry the noise of the group `policy`")
    weights: Weights = Field(description="of the terms of the reward")

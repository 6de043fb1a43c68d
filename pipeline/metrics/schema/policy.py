"""metrics/policy.json."""

from typing import ClassVar

from pipeline.metrics.schema import Count, Line, Metrics, Record, Share


class Walking(Record):
    """How one controller walks in the simulator; intervals are of 95 %.

    Attributes:
        episodes: how many.
        distance: mean of how far the trunk gets over the ground, in a straight line, m.
        distance_interval: of that mean.
        falls: share of episodes that end with the trunk on the ground.
        falls_interval: of that share.
        seconds: mean duration of an episode, s.
        velocity_error: mean of the distance to the commanded velocity over the ground, m/s.
        reward: mean of the reward of a second.
    """

    episodes: Count
    distance: float
    distance_interval: tuple[float, float]
    falls: Share
    falls_interval: tuple[float, float]
    seconds: float
    velocity_error: float
    reward: float


class PolicyMetrics(Metrics):
    """A policy beside other controllers.

    Attributes:
        imagined: environments that it learnt in; 0 where those were simulators.
        iterations: of PPO.
        kept: iterations after which the policy is the one that was kept: of those that are saved,
            the best in imagined episodes that begin with histories of the validation split. 0 is
            what PPO began with; None in a file written before one was chosen.
        steps: that all environments took.
        first_reward: mean reward of a second, in the first tenth of the iterations.
        last_reward: the same in the last tenth.
        controllers: by name: the policy, what it began with by imitation (if it did), the policy
            that collected the data (with its pushes and stumbles), random actions, and standing.
    """

    stage: ClassVar[str] = "policy"

    imagined: Count
    iterations: Count
    kept: Count | None = None
    steps: Count
    first_reward: float
    last_reward: float
    controllers: dict[Line, Walking]


class PolicySkipped(Metrics):
    """No policy was learnt.

    Attributes:
        skipped: the reason.
    """

    stage: ClassVar[str] = "policy"

    skipped: Line

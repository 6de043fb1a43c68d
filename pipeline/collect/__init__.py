"""Episodes in the exact layout in which the real set is published: simulated, or your own."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """Where chance begins; how much is recorded is an option of the world."""

    seed: int = Field(ge=0)

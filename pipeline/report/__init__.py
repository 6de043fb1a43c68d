"""One static page with the results of a run."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How much the page shows."""

    dreams: int = Field(gt=0, description="long rollouts shown")
    episodes: int = Field(gt=0, description="planning episodes shown")

"""One static page that a person looks at."""

from pydantic import Field

from pipeline.params import Params


class Options(Params):
    """How much the page shows."""

    dreams: int = Field(gt=0)
    episodes: int = Field(gt=0)

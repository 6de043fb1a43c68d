"""Every layout keeps the promises of `pipeline.datasets.Dataset`."""

import pytest
from dataset_helpers import EXAMPLES, layout
from helpers import every, member_of

from pipeline.datasets import DATASETS
from pipeline.errors import DataError
from pipeline.testing.datasets import DatasetTests


class TestEveryDataset(DatasetTests):
    @pytest.fixture(scope="class", params=every(DATASETS))
    @classmethod
    def member(cls, request):
        return member_of(DATASETS, request.param)

    @pytest.fixture(scope="class")
    @classmethod
    def example(cls, member):
        return EXAMPLES.get(member.name, cls.examples)


@pytest.mark.parametrize("name", every(DATASETS))
def test_a_missing_folder_is_named_with_the_way_out(name, tmp_path):
    with pytest.raises(DataError, match=r"absent: no such folder; name one that holds a"):
        layout(name).open(tmp_path / "absent")

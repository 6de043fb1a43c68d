"""Every layout keeps the promises of `pipeline.formats.WritableFormat`."""

import pytest
from dataset_helpers import EXAMPLES, layout, write
from helpers import DATASETS, member_of

from pipeline.errors import DataError
from pipeline.families import PUBLISHED
from pipeline.formats import FORMATS
from pipeline.testing.formats import FormatTests
from pipeline.tools.inspect_.detect import detect


class TestEveryDataset(FormatTests):
    @pytest.fixture(scope="class", params=DATASETS)
    @classmethod
    def member(cls, request):
        return member_of(FORMATS, request.param)

    @pytest.fixture(scope="class")
    @classmethod
    def example(cls, member):
        return EXAMPLES.get(member.name, cls.examples)


@pytest.mark.parametrize("name", DATASETS)
def test_a_missing_folder_is_named_with_the_way_out(name, tmp_path):
    with pytest.raises(DataError, match=r"absent: no such folder; name one that holds a"):
        layout(name).open(tmp_path / "absent")


@pytest.mark.parametrize("name", DATASETS)
def test_a_published_set_is_detected_as_its_format_alone(name, tmp_path):
    write(name, tmp_path / "raw")
    assert list(detect(tmp_path / "raw")) == [PUBLISHED[name]]

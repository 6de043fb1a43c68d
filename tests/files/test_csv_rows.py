"""A table of something else is told in one line."""

import pytest

from pipeline.errors import DataError
from pipeline.files.csv_rows import read_csv
from pipeline.files.json_model import FileModel


class Row(FileModel):
    """A row of two numbers."""

    step: int
    loss: float


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no rows"),
        (bytes(64), "no rows"),
        (b"step,loss\n", "no rows"),
        (b"step\n1\n", "line 2: loss: Field required"),
        (b"step,loss\n1,2\n3\n", "line 3 has 1 cells, the header 2"),
        (b"step,loss\n1,2,3\n", "line 2 has 3 cells, the header 2"),
        (b"step,loss\n1,\n", "line 2: loss = '': Input should be a valid number"),
        (b"step,loss\nTrue,1\n", "line 2: step = 'True': Input should be a valid integer"),
        (b"step,loss\n1,nan\n", "line 2: loss = 'nan': Input should be a finite number"),
        (b"step,loss\n1,1e400\n", "line 2: loss = '1e400': Input should be a finite number"),
        (b'step,loss\n1,"2\n', "unexpected end of data"),
        (b"step,loss\n1," + b"2" * 200_000, "field larger than field limit"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_a_damaged_table_is_told_in_one_line(tmp_path, content, problem):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_csv(path, Row, "make it again")
    assert str(caught.value).startswith(f"{path}: damaged ({problem}")
    assert str(caught.value).endswith("; make it again")
    assert str(caught.value).isprintable()


def test_what_is_whole_is_read(tmp_path):
    (tmp_path / "table.csv").write_text("step,loss\r\n1,2\r\n\r\n3,4e-3\r\n")
    rows = read_csv(tmp_path / "table.csv", Row, "")
    assert rows == [Row(step=1, loss=2.0), Row(step=3, loss=0.004)]

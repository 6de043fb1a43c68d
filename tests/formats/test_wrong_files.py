"""Errors in a file of DINO-WM's data sets name the file and the way out."""

import pickle
import zipfile

import pytest
import torch
from dataset_helpers import LENGTHS, TENSORS, change, frames_file, layout, read_all, write

from pipeline.errors import DataError


@pytest.fixture(params=TENSORS)
def name(request):
    return request.param


def test_a_missing_folder_may_be_set(name, tmp_path):
    with pytest.raises(DataError, match=r"or set datasets.NAME.root"):
        layout(name).open(tmp_path / "absent")


@pytest.mark.parametrize("table", ["states", "actions"])
def test_a_missing_table(table, name, tmp_path):
    write(name, tmp_path)
    (tmp_path / f"{table}.pth").unlink()
    with pytest.raises(DataError, match=rf"{table}.pth: no such file; the \w+ layout needs"):
        layout(name).open(tmp_path)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("wall", "door_locations.pth"),
        ("point_maze", "seq_lengths.pth"),
        ("pusht", "train/rel_actions.pth"),
        ("pusht", "val/states.pth"),
        ("pusht", "val/seq_lengths.pkl"),
    ],
)
def test_another_missing_file(name, file, tmp_path):
    write(name, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DataError, match=rf"{file}: no such file; the \w+ layout needs it"):
        layout(name).open(tmp_path)


@pytest.mark.parametrize("name", [*TENSORS, "pusht"])
def test_a_truncated_file_is_named(name, tmp_path):
    write(name, tmp_path)
    ignored = {"abs_actions.pth"}
    for path in (p for p in tmp_path.rglob("*.*") if p.is_file() and p.name not in ignored):
        whole = path.read_bytes()
        for size in (0, 10, len(whole) // 2, len(whole) * 9 // 10):
            path.write_bytes(whole[:size])
            with pytest.raises(DataError, match=rf"{path}: "):
                read_all(name, tmp_path)
        path.write_bytes(whole)
    read_all(name, tmp_path)


@pytest.mark.parametrize("file", ["states.pth", None], ids=["table", "frames"])
def test_a_flipped_bit_of_a_tensor_is_noticed_by_its_checksum(file, name, tmp_path):
    """torch.load reads it without a word."""
    write(name, tmp_path)
    path = tmp_path / (file or frames_file(name, 1))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        values = max(archive.infolist(), key=lambda member: member.file_size)
    content[values.header_offset + 256] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)
    with pytest.raises(DataError, match=rf"^{path}: damaged \(Bad CRC-32 .*; fetch it again"):
        read_all(name, tmp_path)


def test_tensors_without_checksums_are_read(name, tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        write(name, tmp_path)
    finally:
        torch.serialization.set_crc32_options(True)
    assert len(read_all(name, tmp_path)) == 3


def test_tables_that_disagree(name, tmp_path):
    write(name, tmp_path)
    change(tmp_path / "actions.pth", lambda table: table[:2])
    with pytest.raises(DataError, match=r"actions.pth: holds 2 episodes of 8 steps, states.pth 3"):
        layout(name).open(tmp_path)


def test_tables_of_other_lengths(name, tmp_path):
    write(name, tmp_path)
    change(tmp_path / "actions.pth", lambda table: table[:, :6])
    with pytest.raises(DataError, match=r"actions.pth: holds 3 episodes of 6 steps"):
        layout(name).open(tmp_path)


@pytest.mark.parametrize(
    "edit",
    [lambda t: t[0], lambda t: t[None], lambda t: t[..., :1]],
    ids=["less", "more", "dim"],
)
def test_a_table_of_another_shape(edit, name, tmp_path):
    write(name, tmp_path)
    change(tmp_path / "states.pth", edit)
    with pytest.raises(DataError, match=r"states.pth: has shape \(.*expected \[episodes, steps"):
        layout(name).open(tmp_path)


def test_an_empty_set(name, tmp_path):
    write(name, tmp_path)
    for table in ("states", "actions"):
        change(tmp_path / f"{table}.pth", lambda t: t[:0])
    with pytest.raises(DataError, match=r"states.pth: holds no episodes"):
        layout(name).open(tmp_path)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5, 9, 6], "episode 1 has 9 steps, but its row in the tables has 8"),
        ([5, 0, 6], "episode 1 has 0 steps"),
        ([5, 8, -6], "episode 2 has -6 steps"),
        ([5, 8, 5.5], "the length of episode 2 is 5.5"),
        ([5, 8, float("nan")], "the length of episode 2 is nan"),
        ([5, "8", 6], "the length of episode 1 is '8'"),
    ],
)
def test_a_length_that_cannot_be_refuses_its_episode_alone(lengths, message, name, tmp_path):
    write(name, tmp_path)
    (tmp_path / "seq_lengths.pkl").write_bytes(pickle.dumps(lengths))
    source = layout(name).open(tmp_path)
    wrong = next(index for index, length in enumerate(lengths) if length not in (5, 8, 6))
    with pytest.raises(DataError, match=rf"seq_lengths.pkl: {message}"):
        source[wrong]
    assert [len(source[index]) for index in range(3) if index != wrong] == [
        length for index, length in enumerate(lengths) if index != wrong
    ]


@pytest.mark.parametrize(
    ("lengths", "content"), [([5, 8], "2 lengths"), ({"a": 5}, "no list")], ids=["few", "dict"]
)
def test_lengths_of_another_number(lengths, content, name, tmp_path):
    write(name, tmp_path)
    (tmp_path / "seq_lengths.pkl").write_bytes(pickle.dumps(lengths))
    with pytest.raises(DataError, match=rf"seq_lengths.pkl: holds {content} for 3 episodes"):
        layout(name).open(tmp_path)


@pytest.mark.parametrize("table", ["states", "actions"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_nan_within_an_episode(table, value, name, tmp_path):
    write(name, tmp_path)

    def spoil(values):
        values[1, LENGTHS[1] - 1] = value

    change(tmp_path / f"{table}.pth", torch.Tensor.double)
    change(tmp_path / f"{table}.pth", spoil)
    source = layout(name).open(tmp_path)
    assert len(source[0]) == LENGTHS[0]
    with pytest.raises(DataError, match=rf"{table}.pth: episode 1 has NaN or infinity"):
        source[1]


def test_locations_that_cannot_be(tmp_path):
    write("wall", tmp_path)
    path = tmp_path / "door_locations.pth"
    torch.save(torch.tensor([[30.0], [torch.nan], [30.0]]), path)
    source = layout("wall").open(tmp_path)
    with pytest.raises(DataError, match=r"door_locations.pth: episode 1 has nan"):
        source[1]
    assert source[2].meta["door"] == 30
    torch.save(torch.zeros(2, 8), path)
    with pytest.raises(DataError, match=r"door_locations.pth: has shape \(2, 8\)"):
        layout("wall").open(tmp_path)


def test_too_few_frames(name, tmp_path):
    write(name, tmp_path)
    change(tmp_path / frames_file(name, 1), lambda frames: frames[:7])
    source = layout(name).open(tmp_path)
    with pytest.raises(DataError, match=rf"{frames_file(name, 1)}: holds 7 of 8 frames"):
        source[1]
    assert len(source[2]) == LENGTHS[2]


@pytest.mark.parametrize(
    "edit", [lambda f: f[0], lambda f: f.transpose(1, 3), lambda f: f[..., 0]],
    ids=["one", "axes", "flat"],
)  # fmt: skip
def test_frames_of_another_shape(edit, name, tmp_path):
    write(name, tmp_path)
    change(tmp_path / frames_file(name, 0), lambda frames: edit(frames).contiguous())
    with pytest.raises(DataError, match=rf"{frames_file(name, 0)}: frames have shape"):
        read_all(name, tmp_path)


PART = torch.ones(3, 8)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (PART.bfloat16(), "a tensor of bfloat16 [3, 8]"),
        (PART.to_sparse(), "a tensor of float32 [3, 8]"),
        (PART.to(torch.complex64), "a tensor of complex64 [3, 8]"),
        ([PART] * 4, f"a list of 4 ({', '.join(['a tensor of float32 [3, 8]'] * 3)}, ...)"),
        ({"actions": PART, 7: 1}, "a dict of 2 (actions, 7)"),
        ((1.5, "x"), "a tuple of 2 (a float, a str)"),
        (None, "a NoneType"),
    ],
)
def test_a_table_of_another_kind_is_told_by_what_it_is(value, what, tmp_path):
    write("point_maze", tmp_path)
    torch.save(value, tmp_path / "actions.pth")
    with pytest.raises(DataError) as caught:
        layout("point_maze").open(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/actions.pth: holds {what}, not a tensor of ")
    assert "again" not in str(caught.value)

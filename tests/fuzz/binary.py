"""Mutations of bytes, and of the headers of binary formats."""

import io
import json
import pickle
import random
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from fuzz.structured import altered, mutated_json

SHAPES = (
    (), (0,), (-1,), (1,), (2**20, 2**20), (2**62,), (10**9,), (3, 0, 3), (1,) * 40, (2**63,),
    (7, 7),
)  # fmt: skip
DTYPES = ("<f8", "<f2", ">f4", "|O", "<U9", "|V3", "|b1", "<c16", "<i8", "<M8[s]", "|u1", "x")


def mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    """Bytes that are cut, flipped, zeroed, replaced, or more or fewer."""
    size = len(content)
    if not size:
        return rng.randbytes(40)
    start = rng.randrange(size)
    end = min(size, start + rng.choice((1, 4, 16, 512, 4096)))
    change = rng.randrange(8)
    if change == 0:
        return content[:start]
    if change == 1:
        flipped = bytearray(content)
        for _ in range(rng.choice((1, 1, 8, 64))):
            # half of them in the first bytes, where headers are
            place = rng.randrange(min(size, 256)) if rng.random() < 0.5 else rng.randrange(size)
            flipped[place] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if change == 2:
        return content[:start] + bytes(end - start) + content[end:]
    if change == 3:
        return content[:start] + rng.randbytes(end - start) + content[end:]
    if change == 4:
        return b""
    if change == 5:
        return content + rng.choice((rng.randbytes(100), bytes(4096), content))
    if change == 6:
        return content[:start] + content[end:]
    return rng.randbytes(rng.choice((1, 8, size)))


def mutated_npy(content: bytes, rng: random.Random) -> bytes:
    """An npy file with another header, or other values."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if rng.random() < 0.3:
        return (
            content[: len(np.lib.format.magic(1, 0))]
            + rng.choice((struct.pack("<H", 65535), b"\0\0", struct.pack("<H", 118) + b"{" * 118))
            + content[10:]
        )
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    values = stream.read()
    if rng.random() < 0.3 and dtype.kind in "fiub":
        return _npy(_values(np.frombuffer(values, dtype).reshape(shape), rng))
    header: dict[str, Any] = {"descr": dtype.str, "fortran_order": fortran, "shape": shape}
    part = rng.choice(("shape", "shape", "descr", "fortran_order"))
    if part == "shape":
        grown = (shape[0] + 1, *shape[1:]) if shape else (1,)
        header["shape"] = rng.choice((*SHAPES, shape[1:], (*shape, 1), grown, shape[::-1]))
    elif part == "descr":
        header["descr"] = rng.choice((*DTYPES, [("a", "<f4")], None))
    else:
        header["fortran_order"] = rng.choice((not fortran, None, 3))
    text = repr(header).encode().ljust(117) + b"\n"
    return np.lib.format.magic(*version) + struct.pack("<H", len(text)) + text + values


def _values(array: np.ndarray, rng: random.Random) -> np.ndarray:
    """An array of other values, another size or another type."""
    change = rng.randrange(7)
    if change == 0 and array.dtype.kind == "f":
        spoilt = array.copy()
        spoilt.reshape(-1)[: rng.choice((1, array.size))] = rng.choice((np.nan, np.inf, -1e30))
        return spoilt
    if change == 1:
        return array[:0] if array.ndim else array
    if change == 2:
        return array[..., None]
    if change == 3:
        return array.astype(rng.choice(("f8", "i4", "u1", "S3", "c8")))
    if change == 4:
        return array[: max(1, len(array) // 2)] if array.ndim else array
    if change == 5:
        return np.concatenate([array, array]) if array.ndim else array
    return -array if array.dtype.kind == "f" else array * 0


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def mutated_zip(content: bytes, rng: random.Random) -> bytes:
    """A zip, such as npz or a file of torch, whose members are mutated, renamed, gone or more."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
        packed = archive.infolist()[0].compress_type
    place = rng.randrange(len(members))
    name, data = members[place]
    change = rng.randrange(6)
    if change == 0:
        del members[place]
    elif change == 1:
        members[place] = (rng.choice((f"{name}x", "x", "../x", "")), data)
    elif change == 2:
        members.append((rng.choice((name, "x.npy", "x")), rng.choice((data, b"", b"x"))))
    else:
        members[place] = (name, mutated_member(name, data, rng))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in members:
            archive.writestr(name or "_", data)
    return out.getvalue()


def mutated_member(name: str, data: bytes, rng: random.Random) -> bytes:
    """A member of an archive, by its name."""
    ends: dict[str, Callable[[bytes, random.Random], bytes]] = {
        ".npy": mutated_npy, ".npz": mutated_zip, ".json": mutated_json,
    }  # fmt: skip
    for end, change in ends.items():
        if name.endswith(end) and rng.random() < 0.8:
            return change(data, rng)
    return mutated_bytes(data, rng)


def mutated_tar(content: bytes, rng: random.Random) -> bytes:
    """A tar whose members are mutated, renamed, gone, more, or no files."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [(info, tar.extractfile(info).read()) for info in tar.getmembers()]  # type: ignore[union-attr]
    place = rng.randrange(len(members))
    info, data = members[place]
    change = rng.randrange(7)
    if change == 0:
        del members[place]
    elif change == 1:
        info.name = rng.choice(("x", "../x.npy", f"{info.name}x", "/x", "a.b.c.d"))
    elif change == 2:
        members.insert(place, (info, data))
    elif change == 3:
        info.type, info.linkname = rng.choice((tarfile.SYMTYPE, tarfile.DIRTYPE)), "/etc/passwd"
    else:
        members[place] = (info, mutated_member(info.name, data, rng))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(data))
    written = bytearray(out.getvalue())
    if change == 4:  # a size in a header that is not the member's, under a right checksum
        written[124:136] = rng.choice((b"77777777777\0", b"00000000000\0", b"-0000000001\0"))
        written[148:156] = b" " * 8
        written[148:156] = b"%06o\0 " % sum(written[:512])
    return bytes(written)


def mutated_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Tensors under another header: its length, or a dtype, shape, offset or name in it."""
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    if rng.random() < 0.2:
        sizes = (0, 1, length - 1, length + 1, 2**31, 2**63, 2**64 - 1, 10**8)
        return struct.pack("<Q", rng.choice(sizes)) + content[8:]
    if rng.random() < 0.3:
        changed = json.dumps(altered(header, rng)).encode()
        return struct.pack("<Q", len(changed)) + changed + data
    names = [name for name in header if name != "__metadata__"]
    tensor = header[rng.choice(names)]
    change = rng.randrange(6)
    if change == 0:
        tensor["dtype"] = rng.choice(("F64", "F16", "BF16", "I8", "BOOL", "F8_E4M3", "X", "U64"))
    elif change == 1:
        tensor["shape"] = rng.choice(
            ([], [0], [2**62], tensor["shape"][::-1], [1, *tensor["shape"]])
        )
    elif change == 2:
        tensor["data_offsets"] = rng.choice(([0, 0], [0, 2**63], [-4, 0], [8, 4], [0, len(data)]))
    elif change == 3:
        del header[rng.choice(names)]
    elif change == 4:  # right sizes, wrong numbers
        data = rng.choice((b"\xff" * len(data), bytes(len(data)), data[::-1]))
    else:
        header["__metadata__"] = rng.choice(
            ({}, {"decoder": "[1]"}, {"step": "-1"}, {"x": 1}, None)
        )
    changed = json.dumps(header).encode()
    return struct.pack("<Q", len(changed)) + changed + data


def mutated_torch(content: bytes, rng: random.Random) -> bytes:
    """A tensor file of another shape, type or kind of value."""
    import torch

    if rng.random() < 0.4:
        return mutated_zip(content, rng)
    value = torch.load(io.BytesIO(content), weights_only=True)
    if isinstance(value, dict):
        value = {k: _tensor(v, rng) if rng.random() < 0.2 else v for k, v in value.items()}
    elif isinstance(value, torch.Tensor):
        value = _tensor(value, rng)
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=rng.random() < 0.8)
    return out.getvalue()


def _tensor(value: Any, rng: random.Random) -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        return rng.choice((None, value, [value], torch.zeros(1)))
    if value.numel() and value.dtype.is_floating_point and rng.random() < 0.3:
        value = value.clone()
        value.view(-1)[0] = rng.choice((torch.nan, torch.inf, -1e30))
        return value
    other = (
        value.bfloat16(), value.to(torch.int8), value.to(torch.complex64), value.bool(),
        value.double(), value.flatten(), value[..., None], torch.nn.Parameter(value.float()),
        [value], {"x": value}, None, "x", 3,
    )  # fmt: skip
    sliced = (value[:0], value[:1], list(value), value.to_sparse()) if value.ndim else ()
    return rng.choice((*other, *sliced))


def mutated_pickle(content: bytes, rng: random.Random) -> bytes:
    """A pickle of another value, or protocol."""
    value = pickle.loads(content)
    return pickle.dumps(altered(value, rng), protocol=rng.choice((0, 2, 4, 5)))

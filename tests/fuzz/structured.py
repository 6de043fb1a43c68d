"""Mutations of what has a structure: JSON, YAML and CSV."""

import copy
import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

import yaml

Value = Any
RAW = {
    "@@HUGE@@": "1e400",
    "@@NAN@@": "NaN",
    "@@MINUS@@": "-Infinity",
    "@@DEEP@@": "[" * 5000 + "]" * 5000,
    "@@DEEPER@@": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "@@LONG@@": "9" * 5000,
    "@@SURROGATE@@": '"\\ud800"',
}
"""Tokens that no Python value is written as."""
REPLACEMENTS: tuple[Value, ...] = (
    None, True, False, -1, 0, 1, 2, 1.5, -1.5, 1e-320, 1e308, 2**31, 2**63, 2**64, 10**30, 10**12,
    "", "x", "0", "-1", "nan", "../../../etc/passwd", "/etc/passwd", "a\0b", "a\nb", "\u202e",
    "x" * 70_000,
    [], {}, [[]], [None], {"a": 1}, [1, "a", None], [0] * 1000, *RAW,
)  # fmt: skip
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML_TEXTS = (
    BOMB, "!!python/object/apply:os.getcwd []\n", "a: &a [*a]\n", "\t- x\n", "- " * 3000 + "x\n",
    "? [a]\n: 1\n", "--- 1\n--- 2\n", "<<: 3\n", "a: 2001-99-99\n", "a: 0x\n", "*b\n", "%YAML 9\n",
)  # fmt: skip


def mutated_json(content: bytes, rng: random.Random) -> bytes:
    """JSON of another structure; of lines of JSON, one of them."""
    lines = content.splitlines()
    try:
        value = json.loads(content)
    except ValueError:
        if len(lines) < 2:
            return b"{}"
        place = rng.randrange(len(lines))
        lines[place] = mutated_json(lines[place], rng)
        return b"\n".join(lines) + b"\n"
    if rng.random() < 0.1:
        return _spelling(content, rng)
    text = json.dumps(altered(value, rng))
    if rng.random() < 0.08:
        text = _duplicated(text, rng)
    return _raw(text).encode("utf-8", "surrogatepass")


def mutated_yaml(content: bytes, rng: random.Random) -> bytes:
    """YAML of another structure."""
    if rng.random() < 0.15:
        extra = rng.choice(YAML_TEXTS).encode()
        return rng.choice((extra, content + b"\n" + extra, extra + content))
    if rng.random() < 0.1:
        return _spelling(content, rng)
    value = altered(yaml.safe_load(content), rng)
    text = json.dumps(value) if rng.random() < 0.3 else yaml.safe_dump(value, sort_keys=False)
    return _raw(text).encode("utf-8", "surrogatepass")


def mutated_csv(content: bytes, rng: random.Random) -> bytes:
    """A table with other cells, rows or columns."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    for _ in range(rng.choice((1, 1, 3))):
        row = rng.randrange(len(rows))
        column = rng.randrange(max(len(rows[row]), 1))
        change = rng.randrange(9)
        if change == 0:
            del rows[row]
        elif change == 1:
            rows[row] = []
        elif change == 2:
            rows[row].append("1")
        elif change == 3:
            rows[row] = rows[row][:column]
        elif change == 4:
            rows = [line[:column] + line[column + 1 :] for line in rows]
        elif change == 5:
            rows.insert(row, list(rows[row]))
        elif rows[row]:
            values = ("", "x", "nan", "inf", "-1", "1e400", "0", "9" * 400, "a\0b", "\u202e", '"')
            rows[row][column] = rng.choice(values)
        if not rows:
            break
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    text = out.getvalue()
    return (text.replace(",", ";") if rng.random() < 0.05 else text).encode()


def _spelling(content: bytes, rng: random.Random) -> bytes:
    """The same text in an encoding, or with a mark, that a reader may not expect."""
    text = content.decode()
    return rng.choice(
        (
            b"\xef\xbb\xbf" + content,
            text.encode("utf-16"),
            text.replace("e", "é").encode("latin-1"),
            content.replace(b'"', b"'"),
            content.replace(b"\n", b"\r"),
            content + content,
            b"\0" + content,
            content.rstrip()[:-1] + b",}",
        )
    )


def altered(value: Value, rng: random.Random) -> Value:
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        value = _once(value, rng)
    return value


def _once(value: Value, rng: random.Random) -> Value:
    """The value with one change at a random place, the root among them."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.05:
        return _other(value, rng)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.75:
        value[key] = _once(value[key], rng)
        return value
    return rng.choice(CHANGES[type(value)])(value, key, rng)


def _other(value: Value, rng: random.Random) -> Value:
    """Another value in the place of one, near it or of another type."""
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        near = (value + 1, value - 1, -value, value * 1000, value / 2, value + 0.5, str(value))
        return rng.choice((*near, [value]))
    if isinstance(value, str) and rng.random() < 0.4:
        return rng.choice((value + "x", value[:-1], value.upper(), [value], value + "/", value * 2))
    return rng.choice(REPLACEMENTS)


def _replace(value: Value, key: Value, rng: random.Random) -> Value:
    value[key] = _other(value[key], rng)
    return value


def _drop(value: Value, key: Value, rng: random.Random) -> Value:
    del value[key]
    return value


def _rename(value: Value, key: Value, rng: random.Random) -> Value:
    new = rng.choice((f"{key}x", f"{key}"[:-1], "", f"{key}".upper()))
    return {new if k == key else k: v for k, v in value.items()}


def _add(value: Value, key: Value, rng: random.Random) -> Value:
    value[rng.choice(("x", "", "__class__", "more"))] = rng.choice(REPLACEMENTS)
    return value


def _repeat(value: Value, key: Value, rng: random.Random) -> Value:
    return value[:key] + [value[key]] * rng.choice((2, 100)) + value[key + 1 :]


def _shuffle(value: Value, key: Value, rng: random.Random) -> Value:
    return rng.choice((value[::-1], value[:key], [value], sorted(value, key=str)))


Change = Callable[[Value, Value, random.Random], Value]
CHANGES: dict[type, tuple[Change, ...]] = {
    dict: (_replace, _replace, _replace, _drop, _rename, _add),
    list: (_replace, _replace, _drop, _repeat, _shuffle),
}


def _duplicated(text: str, rng: random.Random) -> str:
    """An object whose first key stands there twice."""
    start = text.find('"')
    end = text.find('"', start + 1)
    key = text[start : end + 1]
    return text.replace("{", f"{{{key}: {rng.choice(('1', 'null', '[]'))}, ", 1)


def _raw(text: str) -> str:
    for token, raw in RAW.items():
        text = text.replace(f'"{token}"', raw).replace(f"'{token}'", raw).replace(token, raw)
    return text

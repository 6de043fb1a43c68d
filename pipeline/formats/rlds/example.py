"""tf.train.Example messages, parsed by protobuf, without TensorFlow."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.files.content import parsing
from pipeline.formats.rlds.records import FETCH

Values = list[bytes] | NDArray[Any]
"""What a feature holds: byte strings, float32 or int64 [n]."""
LISTS = {"bytes": "bytes_list", "float": "float_list", "int64": "int64_list"}


def parse(content: bytes, place: str) -> Mapping[str, Values]:
    """The features of a message by name; empty ones are left out.

    Raises:
        DataError: it is no such message.
    """
    with parsing(place, FETCH):
        return {
            entry.key: _values(entry.value)
            for entry in _message().FromString(content).features.feature
            if entry.value.WhichOneof("kind") is not None
        }


def _values(feature: Any) -> Values:
    kind = feature.WhichOneof("kind")
    if kind == LISTS["bytes"]:
        return list(feature.bytes_list.value)
    if kind == LISTS["float"]:
        return np.array(feature.float_list.value, np.float32)
    return np.array(feature.int64_list.value, np.int64)


@cache
def _message() -> Any:
    """The class of tf.train.Example (tensorflow/core/example/example.proto and feature.proto).

    A map is a repeated pair of key and value, as protobuf writes it.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="example.proto", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto

    def message(name: str, *fields: tuple[str, int, str | int, bool]) -> Any:
        described = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            added = described.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            added.type = kinds.TYPE_MESSAGE if isinstance(kind, str) else kind
            if isinstance(kind, str):
                added.type_name = f".{kind}"
        return described

    message("BytesList", ("value", 1, kinds.TYPE_BYTES, True))
    message("FloatList", ("value", 1, kinds.TYPE_FLOAT, True))
    message("Int64List", ("value", 1, kinds.TYPE_INT64, True))
    feature = message(
        "Feature",
        ("bytes_list", 1, "BytesList", False),
        ("float_list", 2, "FloatList", False),
        ("int64_list", 3, "Int64List", False),
    )
    feature.oneof_decl.add(name="kind")
    for field in feature.field:
        field.oneof_index = 0
    message("Entry", ("key", 1, kinds.TYPE_STRING, False), ("value", 2, "Feature", False))
    message("Features", ("feature", 1, "Entry", True))
    message("Example", ("features", 1, "Features", False))
    pool = descriptor_pool.DescriptorPool()  # of its own, beside that of an imported TensorFlow
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Example"))

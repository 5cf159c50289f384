"""Python objects as bytes: what of a record's data is not JSON, and how it comes back.

Values of well-known types are kept without pickle: dates, sets, bytes, NaN and the like, arrays of numpy, data frames.
Everything else is pickled and signed with this installation's key. To unpickle is to run code, so it is done only if
the signature holds, or if the caller says `allow_pickle=True`. The server never does it.
"""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from wanllmdb.records import parquet, placeholders, signatures, values
from wanllmdb.records.errors import CorruptPayload, InvalidData, PackageMissing, PickleRefused
from wanllmdb.records.placeholders import Found
from wanllmdb.records.repository import NewPayload, PayloadInfo
from wanllmdb.records.typed_data import PICKLE_CONTENT_TYPE

BYTES_CONTENT_TYPE = "application/octet-stream"
NUMPY_CONTENT_TYPE = "application/x-npy"
# The oldest Python that this library runs on reads it, whichever wrote it.
_PICKLE_PROTOCOL = 5


def encode(found: Sequence[Found]) -> list[NewPayload]:
    """The bytes of the values that placeholders stand for.

    Raises `InvalidData` for a value that cannot be pickled, such as a lambda or an open file.
    """
    return [_encode_value(item.pointer, item.value) for item in found]


def decode(json_data: Any, contents: Sequence[tuple[PayloadInfo, bytes]], *, allow_pickle: bool = False) -> Any:
    """The data with its objects where the placeholders were. The given JSON is changed in place.

    Raises `PickleRefused` for what this installation has not signed, unless `allow_pickle`; `CorruptPayload` for bytes
    that are not those that were stored; `PackageMissing` for a frame whose package is not installed.
    """
    values_at = [(payload.pointer, _decode_value(payload, content, allow_pickle)) for payload, content in contents]
    return restore(json_data, values_at)


def restore(json_data: Any, values_at: Iterable[tuple[str, Any]]) -> Any:
    """The data with these values at these JSON pointers. The given JSON is changed in place.

    Raises `CorruptPayload` if the data has no such place.
    """
    for pointer, value in values_at:
        if pointer == "":
            json_data = value
        else:
            _put(json_data, pointer, value)
    return json_data


def _encode_value(pointer: str, value: Any) -> NewPayload:
    kind, content_type, content = _to_bytes(pointer, value)
    described = placeholders.placeholder(value)
    return NewPayload(
        pointer=pointer,
        kind=kind,
        content_type=content_type,
        content=content,
        type=described["_type"],
        module=described["_module"],
        repr=described["_repr"],
        error=described["_serialization_error"],
        signature=signatures.sign(content) if content_type == PICKLE_CONTENT_TYPE else "",
    )


def _to_bytes(pointer: str, value: Any) -> tuple[str, str, bytes]:
    if type(value) is bytes:
        return "bytes", BYTES_CONTENT_TYPE, value
    if (content := parquet.from_frame(value)) is not None:
        return "frame", parquet.CONTENT_TYPE, content
    if _is_plain_array(value):
        buffer = io.BytesIO()
        sys.modules["numpy"].save(buffer, value, allow_pickle=False)
        return "object", NUMPY_CONTENT_TYPE, buffer.getvalue()
    try:
        return "object", values.CONTENT_TYPE, json.dumps(values.to_json(value), separators=(",", ":")).encode()
    except values.NotPlain:
        pass
    try:
        return "object", PICKLE_CONTENT_TYPE, pickle.dumps(value, protocol=_PICKLE_PROTOCOL)
    except Exception as error:  # `__reduce__` of somebody else's class raises what it likes
        at = f"at {pointer}" if pointer else "that was given"
        raise InvalidData(
            f"The {type(value).__name__} {at} cannot be stored, because it cannot be pickled: {error}", status=400
        ) from error


def _is_plain_array(value: Any) -> bool:
    kind = type(value)
    if kind.__module__ != "numpy" or kind.__name__ != "ndarray":
        return False
    # Structured types lose their metadata, and objects would be pickled inside.
    return not value.dtype.hasobject and value.dtype.names is None and value.dtype.metadata is None


def _decode_value(payload: PayloadInfo, content: bytes, allow_pickle: bool) -> Any:
    is_pickle = payload.content_type == PICKLE_CONTENT_TYPE
    if is_pickle and not allow_pickle and not signatures.is_valid(content, payload.signature):
        what = f"The {payload.type or 'object'} at {payload.pointer or 'the root'} of record {payload.record_id}"
        raise PickleRefused(
            f"{what} is a pickle that this installation has not signed, and to load it would run code of whoever made "
            "it. With load_objects=False you get the rest of the record. If you trust all who write here, use "
            "allow_pickle=True"
        )
    # A server that has not read the bytes yet may not know the hash.
    if payload.sha256 and hashlib.sha256(content).hexdigest() != payload.sha256:
        raise CorruptPayload(f"The bytes at {payload.pointer!r} of record {payload.record_id} have changed")
    if is_pickle:
        return pickle.loads(content)
    try:
        return _read(payload, content)
    except parquet.PackageNotInstalled as error:
        raise PackageMissing(str(error)) from error
    except Exception as error:  # Each reader has its own errors for bytes that are not what they are said to be.
        raise CorruptPayload(
            f"The bytes at {payload.pointer!r} of record {payload.record_id} are no {payload.content_type}"
        ) from error


def _read(payload: PayloadInfo, content: bytes) -> Any:
    if payload.kind == "bytes":
        return content
    if payload.content_type == parquet.CONTENT_TYPE:
        return parquet.to_frame(content, "polars" if payload.module.startswith("polars") else "pandas")
    if payload.content_type == NUMPY_CONTENT_TYPE:
        return parquet.require("numpy", "This array").load(io.BytesIO(content), allow_pickle=False)
    if payload.content_type == values.CONTENT_TYPE:
        return values.from_json(json.loads(content))
    if payload.kind == "data":
        return json.loads(content)
    return content


def _put(json_data: Any, pointer: str, value: Any) -> None:
    *path, last = (token.replace("~1", "/").replace("~0", "~") for token in pointer[1:].split("/"))
    container = json_data
    for token in path:
        container = _member(container, token)
    if isinstance(container, list) and last.isdecimal() and int(last) < len(container):
        container[int(last)] = value
    elif isinstance(container, dict) and last in container:
        container[last] = value
    else:
        raise CorruptPayload(f"An object is stored for {pointer!r}, where the record's data has nothing")


def _member(container: Any, token: str) -> Any:
    if isinstance(container, list):
        return container[int(token)] if token.isdecimal() and int(token) < len(container) else None
    return container.get(token) if isinstance(container, dict) else None

"""JSON pointers (RFC 6901): names of places in the data of a record. The whole of it is the empty pointer."""

from collections.abc import Iterator
from typing import Any

from hierarchies import errors

MAX_LENGTH = 1024


def parse(pointer: str) -> list[str]:
    """The keys of a pointer, from the outside in. Raises `InvalidData`."""
    if len(pointer) > MAX_LENGTH or (pointer and not pointer.startswith("/")):
        raise errors.InvalidData(
            f"{pointer[:80]!r} is not a JSON pointer of at most {MAX_LENGTH:,} characters, such as /models/0."
        )
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def join(pointer: str, key: str | int) -> str:
    """The pointer to a member, or an element, of what is at `pointer`."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


def find(data: Any, pointer: str) -> Any:
    """The value there, None where there is nothing."""
    for key in parse(pointer):
        if isinstance(data, dict) and key in data:
            data = data[key]
        elif isinstance(data, list) and _is_index(key, data):
            data = data[int(key)]
        else:
            return None
    return data


def put(data: Any, pointer: str, value: Any) -> Any:
    """A copy of the data with the value there; what is beside it stays. Raises `InvalidData` where there is no place.

    A new member of an object that is there has a place, a new element of a list has none.
    """
    keys = parse(pointer)
    if not keys:
        return value
    root = copy = _shallow(data)
    for key, is_last in zip(keys, [*[False] * (len(keys) - 1), True], strict=True):
        if isinstance(copy, dict) and (is_last or key in copy):
            place: Any = key
        elif isinstance(copy, list) and _is_index(key, copy):
            place = int(key)
        else:
            raise errors.InvalidData(f"The data has no place for a payload at {pointer!r}.")
        copy[place] = value if is_last else _shallow(copy[place])
        copy = copy[place]
    return root


def texts(data: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Pointer and value of each text in the data that begins so, in the order of the data."""
    pending: list[tuple[str, Any]] = [("", data)]
    while pending:
        pointer, value = pending.pop()
        if isinstance(value, str) and value.startswith(prefix):
            yield pointer, value
        elif isinstance(value, dict):
            pending.extend((join(pointer, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            pending.extend((join(pointer, index), value[index]) for index in reversed(range(len(value))))


def _shallow(value: Any) -> Any:
    return value.copy() if isinstance(value, (dict, list)) else value


def _is_index(key: str, values: list[Any]) -> bool:
    return key.isascii() and key.isdigit() and str(int(key[:9])) == key and int(key) < len(values)

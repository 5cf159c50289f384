"""The data of records: what is JSON, how large it is, and what of it is in the row. No database."""

import json
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from core.validators import validate_json_value
from hierarchies import errors, json_pointers
from hierarchies.models.record import MAX_ROW_DATA
from hierarchies.validators import MAX_TYPE_LENGTH, validate_type
from wanllmdb.records import typed_data

MAX_DATA = 16 * 2**20
# What a text in data begins with that names a version of an artifact.
SCHEME = "artifact://"
MAX_REFERENCES = 100
# Of data that is not in the row, as much as a list can show.
_MAX_EXCERPT = 16 * 2**10
_MAX_EXCERPT_TEXT = 200


class Reference(NamedTuple):
    """A text in data that names a version of an artifact, and the place where it is."""

    pointer: str
    uri: str


class Prepared(NamedTuple):
    """Checked data: its type, the size of its JSON, what of it the row has, and what it refers to.

    `json` is what is for the object store, and empty where the row has all.
    """

    type: str
    size: int
    row_data: Any
    json: bytes
    references: tuple[Reference, ...]


def prepare(data: Any, type: str = "") -> Prepared:
    """Check the data of a record and find its type: the one that is given, else the one that the data names.

    Raises `InvalidData`.
    """
    if data is None:
        raise errors.InvalidData("`data` is missing: give a JSON object, or another JSON value that is not null.")
    try:
        encoded = validate_json_value(data, MAX_DATA)
        validate_type(type)
    except ValidationError as error:
        raise errors.InvalidData(f"data: {error.messages[0]}", errors={"data": error.messages}) from error
    type = _type_of(data, type)
    problems = typed_data.find_problems({**data, "type": type} if isinstance(data, dict) and type else data)
    if problems:
        place, sentence = next(iter(problems.items()))
        raise errors.InvalidData(f"data.{place}: {sentence} (as {type!r} asks)", errors=problems)
    references = _references_in(data) if SCHEME.encode() in encoded else ()
    if len(encoded) <= MAX_ROW_DATA:
        return Prepared(type, len(encoded), data, b"", references)
    return Prepared(type, len(encoded), excerpt(data), encoded, references)


def excerpt(data: Any) -> Any:
    """The smallest members of an object, as many as fit; of other values the kind alone, and how a text begins."""
    if isinstance(data, dict):
        sizes = {name: len(json.dumps(value, ensure_ascii=False)) * 4 for name, value in data.items()}
        left, kept = _MAX_EXCERPT, set()
        for name in sorted(sizes, key=lambda name: (sizes[name], name)):
            left -= sizes[name] + len(name)
            if left < 0:
                break
            kept.add(name)
        return {name: value for name, value in data.items() if name in kept}
    return data[:_MAX_EXCERPT_TEXT] if isinstance(data, str) else []


def _references_in(data: Any) -> tuple[Reference, ...]:
    found = tuple(Reference(*pair) for pair in json_pointers.texts(data, SCHEME))
    if len(found) > MAX_REFERENCES:
        raise errors.InvalidData(f"A record refers to at most {MAX_REFERENCES} versions of artifacts.")
    for reference in found:
        if len(reference.pointer) > json_pointers.MAX_LENGTH:
            raise errors.InvalidData(f"The reference {reference.uri[:80]!r} is too deep in the data.")
    return found


def _type_of(data: Any, type: str) -> str:
    named = data.get("type") if isinstance(data, dict) else None
    if not isinstance(named, str) or len(named) > MAX_TYPE_LENGTH:
        return type
    if type and type != named:
        raise errors.InvalidData(f"The type is {type!r}, but the data says {named!r}: give one of them.")
    try:
        validate_type(named)
    except ValidationError:
        return type
    return named

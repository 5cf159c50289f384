"""What records are made of, as clients say it, and the same once it is checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError

from core.validators import validate_single_line, validate_tags
from hierarchies import errors, json_pointers, record_data, ulids
from hierarchies.models.payload import MAX_REPR_LENGTH, RecordPayload

MAX_PAYLOADS = 1_000
_KINDS = (RecordPayload.Kind.OBJECT, RecordPayload.Kind.FRAME, RecordPayload.Kind.BYTES)
_MAX_ERROR_LENGTH = 500
_MAX_LENGTHS = {"content_type": 255, "type": 255, "module": 255, "signature": 255}
_PLACEHOLDER = ("_type", "_module", "_repr", "_serialization_error")


@dataclass(frozen=True, slots=True)
class PayloadSpec:
    """Bytes that stand for the value at `pointer`: uploaded under `id` before, or a payload that the record has."""

    id: str
    pointer: str = ""
    content_type: str = "application/octet-stream"
    kind: str = RecordPayload.Kind.OBJECT
    type: str = ""
    module: str = ""
    repr: str = ""
    error: str = ""
    signature: str = ""

    @property
    def placeholder(self) -> dict[str, str]:
        """What the data has at the pointer."""
        values = (self.type, self.module, self.repr[:MAX_REPR_LENGTH], self.error[:_MAX_ERROR_LENGTH])
        return dict(zip(_PLACEHOLDER, values, strict=True))


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """A record to be made. `parent_id` is an id, `#3` for the fourth of the same call, or None for a root.

    `type` is what the data names where it is empty. Without `id` it gets one.
    """

    data: Any
    parent_id: str | None = None
    type: str = ""
    tags: Sequence[str] = ()
    payloads: Sequence[PayloadSpec] = ()
    id: str | None = None


class Upload(NamedTuple):
    """Bytes by the id under which they were sent, and what they are of a record."""

    id: UUID
    spec: PayloadSpec


@dataclass(slots=True)
class Draft:
    """A checked spec: all but its level, which the parent has. `data_blob` has the data that is not in the row."""

    id: str
    parent_id: str | None
    prepared: record_data.Prepared
    tags: list[str]
    payloads: list[Upload]
    has_own_id: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    data_blob: UUID | None = None


def draft_all(specs: Sequence[RecordSpec]) -> list[Draft]:
    """All of them checked, in this order. Raises `Invalid` and its leaves, `IdTaken` for an id that is there twice."""
    ids = [ulids.parse(spec.id) if spec.id else ulids.new() for spec in specs]
    if len(set(ids)) < len(ids):
        raise errors.IdTaken("Two records of the call have the same id.")
    return [_draft(spec, id, ids) for spec, id in zip(specs, ids, strict=True)]


def prepare(data: Any, type: str, payloads: Iterable[PayloadSpec]) -> record_data.Prepared:
    """The data with a placeholder wherever a payload is, checked."""
    if data is None and not any(payload.pointer == "" for payload in payloads):
        raise errors.InvalidData("data: give a JSON value; null is not one that a record can have.")
    for payload in payloads:
        data = json_pointers.put(data, payload.pointer, payload.placeholder)
    return record_data.prepare(data, type)


def check_payloads(specs: Sequence[PayloadSpec]) -> list[Upload]:
    """Each with the id of its upload. Raises `InvalidData` for two at one place, or for one within another."""
    if len(specs) > MAX_PAYLOADS:
        raise errors.InvalidData(f"A record has at most {MAX_PAYLOADS:,} payloads.")
    for spec in specs:
        _check_payload(spec)
    pointers = sorted(json_pointers.parse(spec.pointer) for spec in specs)
    for before, after in pairwise(pointers):
        if after[: len(before)] == before:
            raise errors.InvalidData("Two payloads are at the same place of the data, or one is within another.")
    return [Upload(_upload_id(spec.id), spec) for spec in specs]


def is_placeholder(value: Any) -> bool:
    """Whether the value stands for an object whose bytes are a payload."""
    return isinstance(value, dict) and value.keys() == set(_PLACEHOLDER)


def check_tags(tags: Iterable[str]) -> list[str]:
    """Distinct short texts. Raises `Invalid`."""
    try:
        if (
            isinstance(tags, (str, Mapping))
            or not isinstance(tags, Iterable)
            or not all(isinstance(tag, str) for tag in tags)
        ):
            raise ValidationError("Give a list of texts.")
        return validate_tags(tags)
    except ValidationError as error:
        raise errors.Invalid(f"tags: {error.messages[0]}", errors={"tags": error.messages}) from error


def _draft(spec: RecordSpec, id: str, ids: Sequence[str]) -> Draft:
    payloads = check_payloads(spec.payloads)
    prepared = prepare(spec.data, spec.type, spec.payloads)
    return Draft(id, _parent_of(spec, ids), prepared, check_tags(spec.tags), payloads, has_own_id=bool(spec.id))


def _parent_of(spec: RecordSpec, ids: Sequence[str]) -> str | None:
    if spec.parent_id is None or not str(spec.parent_id).startswith("#"):
        return None if spec.parent_id is None else ulids.parse(spec.parent_id)
    place = spec.parent_id[1:]
    if not (place.isascii() and place.isdigit() and int(place[:9]) < len(ids)):
        raise errors.Invalid(f"parent_id: {spec.parent_id!r} is not one of the {len(ids)} records of this call.")
    return ids[int(place)]


def _check_payload(spec: PayloadSpec) -> None:
    if spec.kind not in _KINDS:
        raise errors.InvalidData(f"{spec.kind!r} is not a kind of payload: use {', '.join(_KINDS)}.")
    for name, length in _MAX_LENGTHS.items():
        value = getattr(spec, name)
        if len(value) > length:
            raise errors.InvalidData(f"The {name} of a payload has at most {length} characters.")
        try:
            validate_single_line(value)
        except ValidationError as error:
            raise errors.InvalidData(f"The {name} of a payload: {error.messages[0]}") from error
    if not spec.content_type:
        raise errors.InvalidData("A payload needs a content_type.")


def _upload_id(text: str) -> UUID:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise errors.InvalidData(f"{str(text)[:80]!r} is not the id of an upload.") from error

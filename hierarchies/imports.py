"""Records from JSON Lines, as `exports` and archives write them: all of them or none.

The lines are read through once and checked, and their bytes put into the store, before the transaction that saves the
records begins. In between they wait in a temporary file.
"""

import base64
import binascii
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO, NamedTuple

from django.db import transaction
from django.utils.dateparse import parse_datetime
from pydantic import TypeAdapter

from accounts.actor import Actor
from artifacts.content import held_bytes
from artifacts.content.held_bytes import Bytes
from hierarchies import access, errors, levels, payloads, record_specs, records, ulids
from hierarchies.models import Hierarchy, Operation, Record, RecordPayload
from hierarchies.record_specs import Draft, PayloadSpec, Upload

MAX_RECORDS = 1_000_000
# Data of 16 MiB, or as many bytes in base64.
MAX_LINE_BYTES = 24 * 2**20
# Of one record, which are in memory together.
MAX_INLINE_BYTES = 64 * 2**20
_BATCH_SIZE = 500
_BATCH_BYTES = 16 * 2**20
_MAX_IN_MEMORY = 8 * 2**20
_IDS_A_QUERY = 5_000
# A line of the temporary file.
_DRAFTS = TypeAdapter(list[Draft])
# Of a payload whose bytes are not in the store yet.
_NO_ID = "00000000-0000-0000-0000-000000000000"


class Imported(NamedTuple):
    """How many records and payloads there are now that were not there before."""

    records: int
    payloads: int


def run(actor: Actor, hierarchy: Hierarchy, lines: Iterable[bytes]) -> Imported:
    """Import these lines: records in any order, each with its payloads behind it. Ids and times are kept.

    Parents are among them or in the hierarchy. Bytes are in the lines, or in the project's store: uploaded by the actor
    before, or of a file or record. References to versions that are not there stay texts. Raises `ImportRefused` with
    the `line` that is wrong; nothing is imported then.
    """
    access.require(actor, hierarchy, Operation.IMPORT)
    with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as spool:
        reader = _Reader(actor, hierarchy, spool)
        for number, line in enumerate(lines, 1):
            reader.read(number, line)
        reader.end()
        spool.seek(0)
        return _save(actor, hierarchy, reader, spool)


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a body that comes in chunks. Raises `ImportRefused` for one that is too long, before it is read."""
    parts: list[bytes] = []
    size, number = 0, 1
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*parts, line])
            parts, size, number = [], 0, number + 1
        parts.append(rest)
        size += len(rest)
        if size > MAX_LINE_BYTES:
            raise _refusal(number, f"is longer than {MAX_LINE_BYTES // 2**20} MiB")
    if size:
        yield b"".join(parts)


class _Payload(NamedTuple):
    """A payload's line: its bytes, or which bytes of the store it has."""

    line: int
    spec: PayloadSpec
    body: bytes | None
    content: Bytes


class _Reader:
    """Reads lines, and puts batches of checked drafts into a file. `lines` and `parents` are by record."""

    def __init__(self, actor: Actor, hierarchy: Hierarchy, spool: Any) -> None:
        self.actor, self.hierarchy, self.spool = actor, hierarchy, spool
        self.lines: dict[str, int] = {}
        self.parents: dict[str, str | None] = {}
        self.payload_count = 0
        self._number = 0
        self._record: dict[str, Any] | None = None
        self._own: list[_Payload] = []
        self._own_size = 0
        self._batch: list[tuple[Draft, list[_Payload]]] = []
        self._size = 0

    def read(self, number: int, line: bytes) -> None:
        if not line.strip():
            return
        if len(line) > MAX_LINE_BYTES:
            raise _refusal(number, f"is longer than {MAX_LINE_BYTES // 2**20} MiB")
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _refusal(number, f"is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise _refusal(number, "is not a JSON object")
        kind = values.get("kind", "record")
        with _at(number):
            if kind == "payload":
                self._read_payload(number, values)
            elif kind == "record":
                self._end_record()
                self._begin_record(number, values)
            elif kind not in ("archive", "hierarchy"):
                raise errors.Invalid(f"{kind!r} is no kind of line: use record or payload.")
        self._size += len(line)
        if len(self._batch) >= _BATCH_SIZE or self._size > _BATCH_BYTES:
            self._flush()

    def end(self) -> None:
        """After the last line."""
        self._end_record()
        self._flush()

    def _begin_record(self, number: int, values: dict[str, Any]) -> None:
        pk = values["id"] = ulids.parse(values["id"]) if values.get("id") else ulids.new()
        parent = values.get("parent_id")
        parent = values["parent_id"] = None if parent is None else ulids.parse(parent)
        if pk in self.lines:
            raise errors.IdTaken(f"record {pk} is in line {self.lines[pk]} already")
        if len(self.lines) >= MAX_RECORDS:
            raise errors.TooLarge(f"at most {MAX_RECORDS:,} records are imported at once")
        self.lines[pk] = number
        self.parents[pk] = parent
        self._record, self._number = values, number

    def _read_payload(self, number: int, values: dict[str, Any]) -> None:
        if self._record is None or ulids.parse(values.get("record_id")) != self._record["id"]:
            raise errors.Invalid("the payload does not follow the line of its record")
        names = ("content_type", "type", "module", "repr", "error", "signature")
        texts = {name: values[name] for name in names if values.get(name) is not None}
        pointer, kind = values.get("pointer", ""), values.get("payload_kind", RecordPayload.Kind.OBJECT)
        if not all(isinstance(text, str) for text in (pointer, kind, *texts.values())):
            raise errors.Invalid("the payload is described by texts only")
        body = _body(values)
        content = held_bytes.content_of(body) if body is not None else _content(values)
        spec = PayloadSpec(_NO_ID, pointer, kind=kind, **texts)
        self._own.append(_Payload(number, spec, body, content))
        self._own_size += len(body or b"")
        if len(self._own) > record_specs.MAX_PAYLOADS + 1 or self._own_size > MAX_INLINE_BYTES:
            raise errors.TooLarge(
                f"a record has at most {record_specs.MAX_PAYLOADS:,} payloads, with {MAX_INLINE_BYTES // 2**20} MiB of "
                "bytes in its lines: upload larger ones first"
            )

    def _end_record(self) -> None:
        if self._record is None:
            return
        values, own, number = self._record, self._own, self._number
        self._record, self._own, self._own_size = None, [], 0
        with _at(number):
            data = values.get("data")
            for payload in own:
                if payload.spec.kind == RecordPayload.Kind.DATA:
                    data = self._long_data(payload)
            own = [payload for payload in own if payload.spec.kind != RecordPayload.Kind.DATA]
            specs = [payload.spec for payload in own]
            record_specs.check_payloads(specs)
            tags = record_specs.check_tags(values.get("tags") or [])
            type = values.get("type") or ""
            prepared = record_specs.prepare(data, type if isinstance(type, str) else "", specs)
            draft = Draft(
                values["id"],
                values["parent_id"],
                prepared,
                tags,
                [],
                has_own_id=True,
                created_at=_moment(values, "created_at"),
                updated_at=_moment(values, "updated_at"),
            )
        self.payload_count += len(own)
        self._batch.append((draft, own))

    def _long_data(self, payload: _Payload) -> Any:
        """Of an archive, where long data is a payload."""
        body = payload.body
        if body is None:
            body = held_bytes.read_content(self.hierarchy.project, access.person(self.actor), payload.content)
        if body is None:
            raise errors.PayloadNotFound("its data is not in the store any more")
        return json.loads(body)

    def _flush(self) -> None:
        """Have the bytes of the batch in the store, and the drafts in the file."""
        batch, self._batch, self._size = self._batch, [], 0
        own = [payload for _, payloads_of in batch for payload in payloads_of]
        found = self._ids_of(own)
        for draft, payloads_of in batch:
            draft.payloads = [Upload(found[payload.content], payload.spec) for payload in payloads_of]
        drafts = [draft for draft, _ in batch]
        payloads.gather(self.actor, self.hierarchy, drafts)
        for draft in drafts:
            draft.prepared = draft.prepared._replace(json=b"")
        if drafts:
            self.spool.write(_DRAFTS.dump_json(drafts) + b"\n")

    def _ids_of(self, own: list[_Payload]) -> dict[Bytes, Any]:
        project, person = self.hierarchy.project, access.person(self.actor)
        bodies = {payload.content: payload.body for payload in own if payload.body is not None}
        found = dict(zip(bodies, payloads.store(self.actor, self.hierarchy, list(bodies.values())), strict=True))
        elsewhere = {payload.content for payload in own} - found.keys()
        if elsewhere:
            found |= held_bytes.find(project, person, elsewhere)
        for payload in own:
            if payload.content not in found:
                wanted = f"bytes with the sha256 {payload.content.sha256}"
                raise _refusal(payload.line, f"needs {wanted}, which the store does not have: upload them first")
        return found


@transaction.atomic
def _save(actor: Actor, hierarchy: Hierarchy, reader: _Reader, spool: Any) -> Imported:
    hierarchy = records.lock(hierarchy)
    found = _levels(hierarchy, reader)
    ids = list(reader.lines)
    for start in range(0, len(ids), _IDS_A_QUERY):
        batch = ids[start : start + _IDS_A_QUERY]
        taken = Record.objects.filter(pk__in=batch).values_list("pk", flat=True).first()
        if taken is not None:
            raise _refusal(reader.lines[taken], f"has the id {taken}, which a record has already")
    for drafts in _batches(spool):
        with _at(reader.lines[drafts[0].id], is_exact=False):
            records.save(actor, hierarchy, drafts, found, is_strict=False)
    return Imported(len(reader.lines), reader.payload_count)


def _levels(hierarchy: Hierarchy, reader: _Reader) -> dict[str, int]:
    outside = sorted({pk for pk in reader.parents.values() if pk is not None} - reader.lines.keys())
    known: dict[str, int] = {}
    for start in range(0, len(outside), _IDS_A_QUERY):
        batch = outside[start : start + _IDS_A_QUERY]
        known |= dict(hierarchy.records.filter(pk__in=batch).values_list("pk", "level"))
    if len(known) < len(outside):
        here = known.keys() | reader.lines.keys()
        child, parent = next((pk, up) for pk, up in reader.parents.items() if up and up not in here)
        raise _refusal(reader.lines[child], f"has the parent {parent}, which is neither here nor in the hierarchy")
    try:
        found = levels.assign(reader.parents, known)
    except errors.MoveRefused as error:
        raise _refusal(reader.lines[error.extra["record"]], f"is refused: {error}") from error
    first = {level: pk for pk, level in reversed(found.items())}
    for level, pk in sorted(first.items()):
        with _at(reader.lines[pk]):
            levels.check(hierarchy, level)
    return found


def _batches(spool: BinaryIO) -> Iterator[list[Draft]]:
    yield from map(_DRAFTS.validate_json, spool)


def _body(values: dict[str, Any]) -> bytes | None:
    text = values.get("base64")
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise errors.Invalid("the bytes of the payload are not base64") from error


def _content(values: dict[str, Any]) -> Bytes:
    sha256, size = values.get("sha256"), values.get("size")
    if not isinstance(sha256, str) or not isinstance(size, int):
        raise errors.Invalid("the payload has neither base64 nor sha256 and size")
    return Bytes(sha256, size)


def _moment(values: dict[str, Any], name: str) -> datetime | None:
    text = values.get(name)
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
        # The first and last hours of the calendar are outside of it in UTC.
        moment = moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is None:
        raise errors.Invalid(f"{name} is not a time such as 2025-10-18T12:00:00Z")
    return moment


@contextmanager
def _at(number: int, *, is_exact: bool = True) -> Iterator[None]:
    """Say which line a refusal is about."""
    try:
        yield
    except errors.ImportRefused:
        raise
    except (errors.Invalid, errors.Conflict, errors.Missing, errors.TooLarge) as error:
        where = "is refused" if is_exact else "or one soon after it is refused"
        raise _refusal(number, f"{where}: {error}") from error


def _refusal(number: int, sentence: str) -> errors.ImportRefused:
    return errors.ImportRefused(f"Line {number} {sentence}. Nothing was imported.".replace("..", "."), line=number)

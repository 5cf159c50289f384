"""Export from and import into a server's hierarchy: its operations `$export` and `$import`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import IO, Any

from urllib3.exceptions import HTTPError

from wanllmdb.records import errors, lines
from wanllmdb.records.hierarchy_client import ARTIFACTS, MAX_BATCH, HierarchyClient, Upload, leaves
from wanllmdb.records.ids import new_ulid
from wanllmdb.records.schemas import to_ulid
from wanllmdb.sdk import cancellation, connection_errors
from wanllmdb.sdk.errors import Invalid, Unreachable
from wanllmdb.sdk.http_pools import BLOCK_SIZE

# Bytes of so much go straight to the object store, and not through the server.
MAX_INLINE = 64 * 1024
# A server takes 16 MiB at once. Of what is more, each part is so much, for it also counts the values in a body.
_MAX_BODY = 12 * (1 << 20)
_MAX_PART = 4 * (1 << 20)
# What is more is written to a file in the temporary directory.
_MAX_IN_MEMORY = 8 * (1 << 20)


class TransferClient(HierarchyClient):
    """Also imports and exports."""

    def open_export(self, after: str | None) -> Generator[bytes, None, None]:
        """The lines of the records that follow `after`, with the bytes of all payloads.

        Raises `Unreachable` where the connection breaks: then it can go on after the last record that came whole.
        """
        with leaves():
            response = self.client.open(f"{ARTIFACTS}/$export", accept=lines.MEDIA_TYPE, after=after)
        try:
            for line in _lines_of(response.stream(BLOCK_SIZE)):
                yield self._with_bytes(line) if b'"url":' in line else line
        except HTTPError as error:
            raise connection_errors.unreachable(self.address.url, error) from error
        finally:
            response.close()

    def _with_bytes(self, line: bytes) -> bytes:
        """The line with the bytes that it has the URL of."""
        values = json.loads(line)
        url = values.pop("url", None)
        if values.get("kind") != "payload" or not isinstance(url, str):
            return line
        content = bytearray()
        if values["size"]:
            self.client.download_range(url, 0, values["size"], content.extend)
        if hashlib.sha256(content).hexdigest() != values["sha256"]:
            raise errors.CorruptPayload(
                f"The bytes at {values['pointer']!r} of record {values['record_id']} are not those that were stored"
            )
        return lines.to_line({**values, "base64": base64.b64encode(content).decode()})

    def import_lines(self, source: Iterable[bytes], *, skip_existing: bool = False) -> int:
        """Import the lines of an export, all or none; large payloads first, to the object store. Returns how many.

        Raises `ImportRefused`, and then nothing is imported; `Unreachable` where no answer came and nothing shows that
        the records are there.
        """
        with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as body:
            ids = self._write_body(source, body)
            if skip_existing:
                existing = {item["id"] for item in self.get_many(ids)}
                with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as others:
                    ids = [id for id in ids if id not in existing]
                    _leave_out(existing, body, others)
                    return self._post(others, ids)
            return self._post(body, ids)

    def _write_body(self, source: Iterable[bytes], body: IO[bytes]) -> list[str]:
        """Copy the lines, with what was uploaded in place of large payloads, and return the IDs of the records.

        Each line stays the line of its number, so that the server's refusal names that of the source.
        """
        ids: list[str] = []
        for number, line in enumerate(source, 1):
            cancellation.raise_if_cancelled()
            values = lines.parse(number, line) if line.strip() else {}
            if values.get("kind", "record") == "record" and values:
                if not values.get("id"):
                    # By which it is recognised when the answer is lost.
                    values["id"] = str(new_ulid())
                    line = lines.to_line(values)
                try:
                    ids.append(str(to_ulid(values["id"])))
                except Invalid as error:
                    raise lines.refused(number, error) from error
            if len(line) > MAX_INLINE and values.get("kind") == "payload" and "base64" in values:
                line = lines.to_line(self._uploaded(number, values))
            body.write(line if line.endswith(b"\n") else line + b"\n")
        return ids

    def _uploaded(self, number: int, values: dict[str, Any]) -> dict[str, Any]:
        try:
            content = base64.b64decode(values.pop("base64"), validate=True)
        except (TypeError, binascii.Error) as error:
            raise lines.refused(number, "the bytes of the payload are not base64") from error
        self.upload([Upload(content, str(values.get("content_type") or "application/octet-stream"))])
        return {**values, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def _post(self, body: IO[bytes], ids: list[str]) -> int:
        if not ids:
            return 0
        body.seek(0, 2)
        if body.tell() <= _MAX_BODY:
            return self._post_part(body.tell(), lambda: _read(body), ids[0])
        return self._post_parts(body)

    def _post_part(self, length: int, read: Callable[[], Iterable[bytes]], first_id: str) -> int:
        try:
            with leaves():
                path = f"{ARTIFACTS}/$import"
                return int(self.client.post_bytes(path, read, length, lines.MEDIA_TYPE)["imported"])
        except Unreachable as error:
            # It is all or nothing: if one of them is there, all are.
            if not self.get_many([first_id]):
                raise error
            return sum(1 for line in _lines_of(read()) if lines.is_record(line))

    def _post_parts(self, body: IO[bytes]) -> int:
        """What is too much for one request, in several. If one of them is refused, those before it are undone."""
        imported: list[str] = []
        try:
            for part in _parts(body):
                text = b"".join(line for _, line in part)
                ids = [str(lines.parse(number, line)["id"]) for number, line in part if lines.is_record(line)]
                try:
                    self._post_part(len(text), lambda text=text: [text], ids[0])  # type: ignore[misc]
                except errors.ImportRefused as error:
                    number = part[(error.line or 1) - 1][0]
                    sentence = str(error).replace(f"Line {error.line}", f"Line {number}", 1)
                    raise errors.ImportRefused(sentence, status=400, problem={"line": number}) from error
                imported += ids
        except BaseException:
            # Children came after their parents.
            for start in range(len(imported), 0, -MAX_BATCH):
                self.delete_many(imported[max(start - MAX_BATCH, 0) : start])
            raise
        return len(imported)


def _read(body: IO[bytes]) -> Iterator[bytes]:
    body.seek(0)
    while block := body.read(BLOCK_SIZE):
        cancellation.raise_if_cancelled()
        yield block


def _parts(body: IO[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    """Lines with their numbers, so many as a request takes. Records come with their payloads, parents first."""
    groups: list[tuple[int, list[tuple[int, int, int]]]] = []
    offset = 0
    body.seek(0)
    for number, line in enumerate(body, 1):
        if lines.is_record(line):
            groups.append((int(lines.parse(number, line).get("level") or 0), []))
        if groups and line.strip():
            groups[-1][1].append((number, offset, len(line)))
        offset += len(line)
    part: list[tuple[int, bytes]] = []
    size = 0
    for _, group in sorted(groups, key=lambda group: group[0]):
        length = sum(length for _, _, length in group)
        if part and size + length > _MAX_PART:
            yield part
            part, size = [], 0
        for number, start, count in group:
            body.seek(start)
            part.append((number, body.read(count)))
        size += length
    if part:
        yield part


def _leave_out(ids: set[str], source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the lines, with empty ones in place of these records and their payloads."""
    source.seek(0)
    for number, line in enumerate(source, 1):
        values = lines.parse(number, line) if line.strip() else {}
        id = values.get("record_id") if values.get("kind") == "payload" else values.get("id")
        is_left_out = isinstance(id, str) and id.upper() in ids
        target.write(b"\n" if is_left_out else line)


def _lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, each with its line break."""
    parts: list[bytes] = []  # of a line that is longer than a block
    for block in blocks:
        cancellation.raise_if_cancelled()
        first, *others = block.split(b"\n")
        parts.append(first)
        for other in others:
            yield b"".join(parts) + b"\n"
            parts = [other]
    if any(parts):
        yield b"".join(parts)

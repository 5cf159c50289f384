"""Export from and import into a server's hierarchy: its operations `$export` and `$import`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import IO, Any

from urllib3.exceptions import HTTPError

from wanllmdb.records import errors, lines
from wanllmdb.records.hierarchy_client import ARTIFACTS, HierarchyClient, Upload, leaves
from wanllmdb.records.schemas import to_ulid
from wanllmdb.sdk import cancellation, connection_errors
from wanllmdb.sdk.errors import Invalid, Unreachable
from wanllmdb.sdk.http_pools import BLOCK_SIZE

# Bytes of so much go straight to the object store, and not through the server.
MAX_INLINE = 64 * 1024
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
            for line in _split(response.stream(BLOCK_SIZE)):
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
                try:
                    ids.append(str(to_ulid(values.get("id"))))
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
        length = body.seek(0, 2) or body.tell()

        def read() -> Iterator[bytes]:
            body.seek(0)
            while block := body.read(BLOCK_SIZE):
                cancellation.raise_if_cancelled()
                yield block

        try:
            with leaves():
                response: Mapping[str, Any] = self.client.post_bytes(
                    f"{ARTIFACTS}/$import", read, length, lines.MEDIA_TYPE
                )
        except Unreachable:
            # It is all or nothing: if one of them is there, all are.
            if self.get_many(ids[:1]):
                return len(ids)
            raise
        return int(response["imported"])


def _leave_out(ids: set[str], source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the lines, with empty ones in place of these records and their payloads."""
    source.seek(0)
    for number, line in enumerate(source, 1):
        values = lines.parse(number, line) if line.strip() else {}
        id = values.get("record_id") if values.get("kind") == "payload" else values.get("id")
        is_left_out = isinstance(id, str) and id.upper() in ids
        target.write(b"\n" if is_left_out else line)


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
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

"""The body of an import: lines of JSON."""

from typing import IO, Any

from rest_framework.parsers import BaseParser

from core import request_bodies
from hierarchies import errors


class JSONLinesParser(BaseParser):
    media_type = "application/x-ndjson"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> list[bytes]:
        """The lines, none of which has a text that a database cannot store. Raises `ImportRefused` for one that has,
        `PayloadTooLarge`, `Busy`, or `Invalid` for too many values."""
        body = request_bodies.read(stream, (parser_context or {}).get("request"))
        request_bodies.require_few_values(body)
        lines = body.split(b"\n")
        for number, line in enumerate(lines, 1):
            if request_bodies.has_suspect_text(line):
                _require_plain(number, line)
        return lines


class JSONLParser(JSONLinesParser):
    media_type = "application/jsonl"


def _require_plain(number: int, line: bytes) -> None:
    try:
        request_bodies.parse_json(line, f"Line {number}")
    except errors.Invalid as error:
        raise errors.ImportRefused(f"{error} Nothing was imported.", line=number) from error

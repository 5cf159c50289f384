"""Request bodies of the API: JSON of a limited size, without text that a database cannot store."""

from typing import IO, Any

from rest_framework.parsers import BaseParser

from core import request_bodies


class BoundedJSONParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Parse the body. Raises `PayloadTooLarge`, `Busy`, and `Invalid` if it has too many values or is not plain
        JSON."""
        body = request_bodies.read(stream, (parser_context or {}).get("request"))
        request_bodies.require_few_values(body)
        return request_bodies.parse_json(body)

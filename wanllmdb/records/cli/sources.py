"""What `wanllmdb records put` saves: JSON, tables and bytes, from a file or standard input."""

from __future__ import annotations

import json
import mimetypes
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from wanllmdb.records.cli.options import parse_object
from wanllmdb.records.frame_files import read_table
from wanllmdb.sdk import errors
from wanllmdb.sdk.host_environment.directories import expand


class Format(str, Enum):
    """Of a file."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    BYTES = "bytes"


_BY_SUFFIX = {".json": Format.JSON, ".csv": Format.CSV, ".parquet": Format.PARQUET}
_CONTENT_TYPES = {Format.CSV: "text/csv", Format.PARQUET: "application/vnd.apache.parquet"}


def read(source: str | None, data: str | None, format: Format | None) -> Any:
    """The data of a record from a file, `-` for standard input, and the JSON of `--data`. Raises `Invalid`."""
    if source is None:
        if data is None:
            raise errors.Invalid("There is nothing to save: name a file, - for standard input, or pass --data")
        return _parse_json(data, "--data")
    path = None if source == "-" else expand(source)
    content = sys.stdin.buffer.read() if path is None else path.read_bytes()
    if format is None:
        format = Format.JSON if path is None else _BY_SUFFIX.get(path.suffix.lower(), Format.BYTES)
    if format is Format.JSON:
        if data is not None:
            raise errors.Invalid("Pass JSON as a file or as --data, not both")
        return _parse_json(content, "The file" if path else "Standard input")
    members: dict[str, Any] = {} if path is None else {"name": path.name}
    members["content_type"] = _CONTENT_TYPES.get(format) or _content_type(path)
    members |= {} if data is None else parse_object(data, "--data")
    return {**members, "content": content if format is Format.BYTES else read_table(content, format.value)}


def _content_type(path: Path | None) -> str:
    guess = mimetypes.guess_type(path.name)[0] if path else None
    return guess or "application/octet-stream"


def _parse_json(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.Invalid(f"{what} is not valid JSON: {error}") from error

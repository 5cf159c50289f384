"""Runs parsers that a hostile file could make endless in a process of their own, which may be killed.

A few hundred bytes of Parquet can ask for gigabytes, and a lexer's patterns can backtrack for minutes. The process has
limits on memory and time, none of our secrets, and cannot write files; it requests each range of bytes from us.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, PreviewTooLarge

_ROOT = Path(__file__).parents[2]
_TIMEOUT_SECONDS = 10.0
_MAX_MESSAGE = 8 * 2**20
_TOO_COSTLY = "Its contents take too much memory or time to preview"
# Arrow would start a thread for each core, each with a memory arena of its own.
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def highlight(text: str, name: str) -> list[list[tuple[str, str]]] | None:
    """Lines of (token class, text) by the language of the file name; None if it is unknown or took too long."""
    try:
        lines = _run("highlight_worker", {"name": name, "text": text}, None)
    except (PreviewTooLarge, FormatMismatch):
        return None
    return lines and [[(style, part) for style, part in line] for line in lines]


def parquet(reader: Reader, rows: int, columns: int, cell: int) -> dict[str, Any]:
    """Schema and first rows of a Parquet file. Raises `FormatMismatch`, or `PreviewTooLarge` if that took too much."""
    return _run("parquet_worker", {"size": reader.size, "rows": rows, "columns": columns, "cell": cell}, reader)


def _run(module: str, job: dict[str, Any], reader: Reader | None) -> Any:
    """The result of a worker process, which does not outlive this call."""
    with subprocess.Popen(
        [sys.executable, "-Es", "-m", f"artifacts.previews.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env=_ENVIRONMENT,
    ) as process:
        timer = threading.Timer(_TIMEOUT_SECONDS, process.kill)
        timer.start()
        try:
            return _exchange(process, job, reader)
        except BrokenPipeError as error:
            raise PreviewTooLarge(_TOO_COSTLY) from error
        finally:
            timer.cancel()
            process.kill()


def _exchange(process: subprocess.Popen[bytes], job: dict[str, Any], reader: Reader | None) -> Any:
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    while True:
        line = process.stdout.readline(_MAX_MESSAGE)
        if not line.endswith(b"\n"):
            # Its limits, or our timer, have ended it.
            raise PreviewTooLarge(_TOO_COSTLY)
        message = json.loads(line)
        if "read" not in message:
            break
        offset, length = message["read"]
        data = reader.read(offset, length) if reader else b""
        process.stdin.write(len(data).to_bytes(8, "little") + data)
        process.stdin.flush()
    if "mismatch" in message:
        raise FormatMismatch(message["mismatch"])
    return message["done"]

"""Runs what a hostile file could make endless in a process of its own, which may be lost.

A few hundred bytes of Parquet can ask for gigabytes, and a lexer's patterns can backtrack for minutes. The process has
bounds on memory and time, none of our secrets, and may write no file; it asks us for each range of bytes that it wants.
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
_WAIT = 10.0
_MAX_ANSWER = 8 * 2**20
_TOO_COSTLY = "Its contents take too much memory or time to preview"
# Arrow would make a thread for each core, and each with an arena of its own.
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def highlight(text: str, name: str) -> list[list[tuple[str, str]]] | None:
    """Lines of (token class, text) of a language that the name tells; None if it tells none, or it took too long."""
    try:
        lines = _work("highlight_worker", {"name": name, "text": text}, None)
    except (PreviewTooLarge, FormatMismatch):
        return None
    return lines and [[(style, part) for style, part in line] for line in lines]


def parquet(reader: Reader, rows: int, columns: int, cell: int) -> dict[str, Any]:
    """Schema and first rows of a Parquet file. Raises `FormatMismatch`, or `PreviewTooLarge` if that took too much."""
    return _work("parquet_worker", {"size": reader.size, "rows": rows, "columns": columns, "cell": cell}, reader)


def _work(module: str, job: dict[str, Any], reader: Reader | None) -> Any:
    """What the process answers. It does not outlive this call, whatever happens."""
    with subprocess.Popen(
        [sys.executable, "-Es", "-m", f"artifacts.previews.{module}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env=_ENVIRONMENT,
    ) as process:
        watch = threading.Timer(_WAIT, process.kill)
        watch.start()
        try:
            return _converse(process, job, reader)
        except BrokenPipeError as error:
            raise PreviewTooLarge(_TOO_COSTLY) from error
        finally:
            watch.cancel()
            process.kill()


def _converse(process: subprocess.Popen[bytes], job: dict[str, Any], reader: Reader | None) -> Any:
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    while True:
        line = process.stdout.readline(_MAX_ANSWER)
        if not line.endswith(b"\n"):
            # It was ended by its bounds, or by our patience.
            raise PreviewTooLarge(_TOO_COSTLY)
        message = json.loads(line)
        if "want" not in message:
            break
        offset, length = message["want"]
        data = reader.read(offset, length) if reader else b""
        process.stdin.write(len(data).to_bytes(8, "little") + data)
        process.stdin.flush()
    if "unfit" in message:
        raise FormatMismatch(message["unfit"])
    return message["done"]

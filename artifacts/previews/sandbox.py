"""Runs what a hostile file could make endless in a process of its own, which may be killed.

A few hundred bytes of Parquet can ask for gigabytes, and a lexer's patterns can backtrack for minutes. The process has
limits on memory and time, none of our secrets, and cannot write files; it requests each range of bytes from us.
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from artifacts import errors
from artifacts.previews import comparison_results, results
from artifacts.previews.comparison_results import Comparison
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Preview, PreviewTooLarge

_ROOT = Path(__file__).parents[2]
_TIMEOUT_SECONDS = 6.0
# Of one process: its memory in bytes, and its time on a processor.
_MAX_MEMORY = 512 * 2**20
_MAX_CPU_SECONDS = 2
_MAX_MESSAGE = 8 * 2**20
_TOO_COSTLY = "Its contents take too much memory or time to preview"
_FRAMES = "frame_worker"
_BUSY = "The preview is not ready: the server is busy with other previews. Try again in a moment."
# Each may take half a GiB for two seconds. In a web process others wait for these, but not for long; and one person has
# one of them and waits for two more, so that nobody takes all, nor many threads by waiting.
_MAX_PROCESSES = 2
_MAX_REQUESTS_OF_ONE = 3
_WAIT_SECONDS = 4.0
_slots = threading.BoundedSemaphore(_MAX_PROCESSES)
# Whoever downloads a frame waits for all of it, which is more than a preview: for one at a time, beside the previews.
_FRAME_SECONDS = 30.0
_FRAME_CPU_SECONDS = 10
_frame_slots = threading.BoundedSemaphore(1)
# How many each person has and waits for, and who has one.
_requests: Counter[str] = Counter()
_served: set[str] = set()
_served_changed = threading.Condition()
# Arrow would start a thread for each core, each with a memory arena of its own.
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "ARROW_IO_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def preview(name: str, reader: Reader, person: str, rows: str = "") -> Preview:
    """The preview of a file of that name, made for this person; of a table the rows that `rows` asks for.

    Raises `PreviewTooLarge` if that took too much, or `Busy` while others are made, of this person or of others: after
    a few seconds, or at once where the person waits for several already.
    """
    job = {"name": name, "size": reader.size, "rows": rows}
    return results.from_json(_run("preview_worker", job, [reader], person))


def compare(name: str, before: Reader, after: Reader, person: str) -> Comparison:
    """What differs between two files of that name. Raises as `preview` does."""
    job = {"name": name, "sizes": [before.size, after.size]}
    return comparison_results.from_json(_run("comparison_worker", job, [before, after], person))


def markdown(text: str, person: str) -> str:
    """Markdown as sanitised HTML. Raises as `preview` does."""
    return _run("markdown_worker", {"text": text}, [], person)


def card(text: str, version_url: str, folder: str, person: str) -> dict[str, Any]:
    """The fields of a `FrontMatter`, and the rest of the card as sanitised `html`. Raises as `preview` does."""
    job = {"text": text, "version_url": version_url, "folder": folder}
    return _run("card_worker", job, [], person)


def frame(reader: Reader, format: str, person: str) -> str:
    """A frame that is stored as Parquet, as `csv` or `json`. Raises as `preview` does, and `FormatMismatch`."""
    parts: list[str] = []
    _run(_FRAMES, {"size": reader.size, "format": format}, [reader], person, parts)
    return "".join(parts)


def _run(
    module: str,
    job: dict[str, Any],
    readers: Sequence[Reader],
    person: str,
    parts: list[str] | None = None,
) -> Any:
    """The result of a worker process, which does not outlive this call. What it sends in parts goes to `parts`."""
    deadline = time.monotonic() + _WAIT_SECONDS
    with _turn(person, deadline), _slot(module, deadline), _process(module) as process:
        try:
            return _exchange(process, job, readers, parts)
        except BrokenPipeError as error:
            raise PreviewTooLarge(_TOO_COSTLY) from error


@contextmanager
def _turn(person: str, deadline: float) -> Iterator[None]:
    """The block runs for one request of this person at a time."""
    with _requests_of(person):
        with _served_changed:
            if not _served_changed.wait_for(lambda: person not in _served, _seconds_until(deadline)):
                raise errors.Busy(_BUSY)
            _served.add(person)
        try:
            yield
        finally:
            with _served_changed:
                _served.remove(person)
                _served_changed.notify_all()


@contextmanager
def _requests_of(person: str) -> Iterator[None]:
    with _served_changed:
        if _requests[person] >= _MAX_REQUESTS_OF_ONE:
            raise errors.Busy(_BUSY)
        _requests[person] += 1
    try:
        yield
    finally:
        with _served_changed:
            _requests[person] -= 1
            if not _requests[person]:
                del _requests[person]


@contextmanager
def _slot(module: str, deadline: float) -> Iterator[None]:
    slots = _frame_slots if module == _FRAMES else _slots
    if not slots.acquire(timeout=_seconds_until(deadline)):
        raise errors.Busy(_BUSY)
    try:
        yield
    finally:
        slots.release()


def _seconds_until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


@contextmanager
def _process(module: str) -> Iterator[subprocess.Popen[bytes]]:
    cpu_seconds, seconds = _MAX_CPU_SECONDS, _TIMEOUT_SECONDS
    if module == _FRAMES:
        cpu_seconds, seconds = _FRAME_CPU_SECONDS, max(seconds, _FRAME_SECONDS)
    with subprocess.Popen(
        [sys.executable, "-Es", "-m", f"artifacts.previews.{module}", str(_MAX_MEMORY), str(cpu_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=_ROOT,
        env=_ENVIRONMENT,
    ) as process:
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def _exchange(
    process: subprocess.Popen[bytes], job: dict[str, Any], readers: Sequence[Reader], parts: list[str] | None
) -> Any:
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    meanwhile = None
    while True:
        message = _message(process.stdout.readline(_MAX_MESSAGE))
        match message:
            case {"read": [offset, length, file]} if file in range(len(readers)):
                data = readers[file].read(offset, length)
                process.stdin.write(len(data).to_bytes(8, "little") + data)
                process.stdin.flush()
            case {"meanwhile": result}:
                meanwhile = result
            case {"part": text} if parts is not None:
                parts.append(text)
            case {"mismatch": reason}:
                raise FormatMismatch(reason)
            case {"done": result}:
                return result
            case {"too_large": reason}:
                raise PreviewTooLarge(reason)
            case _:
                # Its limits, or our timer, have ended it.
                if meanwhile is None:
                    raise PreviewTooLarge(_TOO_COSTLY)
                return meanwhile


def _message(line: bytes) -> Any:
    """What is no text in it, such as half of a surrogate pair, is replaced here for all previews."""
    return json.loads(line.decode("utf-8", "replace")) if line.endswith(b"\n") else None

"""What a server's processes cost, as Linux tells it under /proc. Elsewhere everything costs nothing."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(session: int) -> float:
    """CPU time of the living processes of a session, and of those of their children that ended."""
    return sum(sum(map(int, fields[11:15])) for _, fields in _of_session(session)) / _TICKS


def resident_bytes(session: int) -> int:
    """Memory of the living processes of a session; what they share is counted for each."""
    return sum(int(fields[21]) for _, fields in _of_session(session)) * _PAGE


def with_children(pid: int) -> list[int]:
    """The process, and all that descend from it."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return [pid]
    return [pid, *(descendant for child in children for descendant in with_children(child))]


def peak_bytes(pid: int) -> int:
    """The most memory that the process has had so far; 0 of one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        return 0


@contextmanager
def paused(session: int) -> Iterator[None]:
    """The processes of a session do nothing meanwhile."""
    stopped = [pid for pid, _ in _of_session(session)]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def _of_session(session: int) -> Iterator[tuple[int, list[str]]]:
    """Process ids, and what /proc/[pid]/stat tells from its third field on."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            yield int(entry.parent.name), fields

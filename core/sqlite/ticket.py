"""A place in the queue of all who wait for one thing on this machine, whichever process they are in.

A ticket is the time at which it was taken, and a lock on the byte of that number in a file that has no bytes. Whoever
has no lock before his own is next. The kernel takes the locks of a process that dies, so nobody waits for it. The order
is a courtesy: two who take theirs in the same microsecond may both be next, so it is no lock for what they wait for.

Locks of an open file (`F_OFD_SETLK`) belong to whoever opened it, be it a thread; Linux has them. On other systems
everybody is next at once.
"""

import fcntl
import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

_HAS_LOCKS = hasattr(fcntl, "F_OFD_SETLK")
# `struct flock` of Linux, where offsets have 64 bits: type, whence, start, length, process.
_FLOCK = struct.Struct("hhqqi4x")
# Between two looks, in seconds: whoever has waited for longer looks less often.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.008


class Ticket:
    """Taken by `with`, and given back at its end."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        # Where there can be no file or no lock, as on a full disk, who is next is left to chance.
        if _HAS_LOCKS:
            with suppress(OSError):
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._number = time.monotonic_ns()
                self._lock(fcntl.F_OFD_SETLK, fcntl.F_WRLCK, self._number, 1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            # A process that was forked meanwhile has the file too: with it closed here, the lock would stay.
            with suppress(OSError):
                self._lock(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, self._number, 1)
            os.close(self._file)

    def wait(self, seconds: float) -> bool:
        """Whether this one is next, at once or within so many seconds."""
        end, pause = time.monotonic() + seconds, _FIRST_PAUSE
        while self._is_behind():
            if time.monotonic() >= end:
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return True

    def _is_behind(self) -> bool:
        if self._file is None:
            return False
        try:
            return self._lock(fcntl.F_OFD_GETLK, fcntl.F_WRLCK, 0, self._number) != fcntl.F_UNLCK
        except OSError:
            # There are no locks on that file system.
            return False

    def _lock(self, command: int, kind: int, start: int, length: int) -> int:
        request = _FLOCK.pack(kind, os.SEEK_SET, start, length, 0)
        return _FLOCK.unpack(fcntl.fcntl(self._file, command, request))[0]

"""How far a log or a download has come: what is counted, and who is told."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from wanllmdb.sdk.threads import start_if_possible

CALLBACK_INTERVAL = 0.5
"""Seconds between two calls of a `progress` function."""
# For how many seconds back the rate is measured.
_RATE_WINDOW = 10.0


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How far a log or a download has come: what a function that is passed as `progress` is called with."""

    phase: str
    """Of a log `preparing`, `hashing`, `registering` (the server takes the list of files), `uploading`, `finalizing`;
    of a download `preparing`, `waiting` (for another process that downloads to the same directory), `listing`,
    `verifying` (what is there already), `downloading`; offline `copying`. A phase can come more than once."""
    files_done: int
    files_total: int | None
    """None while it is not known, as is `bytes_total`. Files with the same contents are uploaded once."""
    bytes_done: int
    """Can go back: what a broken connection has lost is sent again."""
    bytes_total: int | None


ProgressCallback = Callable[[TransferProgress], object]


class OnProgress(Protocol):
    """What those who move bytes call, from any thread."""

    def __call__(self, size: int, files: int = 0, *, is_reused: bool = False) -> None:
        """So many more bytes and files are done; a negative number takes back bytes that will be repeated.

        What was there already `is_reused`: it is done, but says nothing about how fast the rest will be.
        """


def ignore_progress(size: int, files: int = 0, *, is_reused: bool = False) -> None:
    """For those who do not show any progress."""


BeginPhase = Callable[..., AbstractContextManager[OnProgress]]
"""`Transfer.phase`, for those who begin phases of their own."""


@contextmanager
def ignore_phase(name: str, *, files: int | None = None, size: int | None = None) -> Iterator[OnProgress]:
    """For those who do not show any progress."""
    yield ignore_progress


class Phase:
    """The numbers of one phase. It is an `OnProgress`."""

    def __init__(self, name: str, files: int | None = None, size: int | None = None) -> None:
        self.name = name
        self.started_at = time.monotonic()
        self._lock = threading.Lock()
        self._files_done = self._bytes_done = self._moved = 0
        self._files_total, self._bytes_total = files, size
        self._samples: deque[tuple[float, int]] = deque([(self.started_at, 0)])
        self._moved_at = self.started_at

    def __call__(self, size: int, files: int = 0, *, is_reused: bool = False) -> None:
        with self._lock:
            self._bytes_done += size
            self._files_done += files
            if not is_reused:
                self._moved += size

    def snapshot(self) -> TransferProgress:
        with self._lock:
            return TransferProgress(self.name, self._files_done, self._files_total, self._bytes_done, self._bytes_total)

    def measure(self) -> tuple[float, float]:
        """Bytes a second of late, and for how many seconds nothing has moved. Each call is a measurement."""
        with self._lock:
            now, moved = time.monotonic(), self._moved
            if moved != self._samples[-1][1]:
                self._moved_at = now
            self._samples.append((now, moved))
            while len(self._samples) > 2 and now - self._samples[1][0] >= _RATE_WINDOW:
                self._samples.popleft()
            since, before = self._samples[0]
            return max(0.0, (moved - before) / max(now - since, 1e-3)), now - self._moved_at


class Transfer:
    """One log or one download, which goes through phases. The console shows it, and a function may be told of it.

    The function is called at the begin and the end of each phase and about twice a second in between, never twice at
    once. If it fails, that is a warning: it is not called again, and the transfer goes on.
    """

    def __init__(
        self, title: str, callback: ProgressCallback | None = None, warn: Callable[[str], object] = print
    ) -> None:
        self.title = title
        self._callback = callback
        self._warn = warn
        self._callback_lock = threading.RLock()
        self._phases = [Phase("preparing")]
        self._ended = threading.Event()

    @property
    def current(self) -> Phase:
        """Of phases that overlap the one that began last."""
        return self._phases[-1]

    @contextmanager
    def phase(self, name: str, *, files: int | None = None, size: int | None = None) -> Iterator[Phase]:
        """A phase over so many files and bytes, where they are known."""
        phase = Phase(name, files, size)
        self._phases.append(phase)
        self._notify()
        try:
            yield phase
        finally:
            self._notify(phase)
            self._phases.remove(phase)

    def start(self) -> None:
        """Call the function from now on."""
        if self._callback is not None:
            self._notify()
            start_if_possible(threading.Thread(target=self._keep_notifying, name="wanllmdb-progress", daemon=True))

    def end(self) -> None:
        """The function is not called any more after this."""
        self._ended.set()
        with self._callback_lock:
            self._callback = None

    def _keep_notifying(self) -> None:
        while not self._ended.wait(CALLBACK_INTERVAL):
            self._notify()

    def _notify(self, phase: Phase | None = None) -> None:
        with self._callback_lock:
            if self._callback is None:
                return
            try:
                self._callback((phase or self.current).snapshot())
            except Exception as error:
                self._callback = None
                self._warn(
                    f"the progress function failed, and is not called again ({type(error).__name__}: {error}); "
                    "the transfer goes on"
                )

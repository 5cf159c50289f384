"""Artifacts that are logged in the background: one after the other, in one thread, in the order of the calls.

The thread is no daemon, so that the interpreter waits for it before it ends, while threads can still be started. It
ends when there is nothing left to do. A forked process begins with no jobs: those of its parent are the parent's.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Callable

from wanllmdb.sdk import cancellation, errors
from wanllmdb.sdk.threads import start_if_possible

# Between two looks: without a timeout some platforms would not deliver Ctrl-C.
_WAIT_INTERVAL = 0.5


class PendingLog:
    """One call of `log_artifact` in the background, with its outcome once it is done."""

    def __init__(self, name: str) -> None:
        self.name = name
        """Of the artifact."""
        self.error: BaseException | None = None
        self.is_reported = False
        """Whether `wait` has raised the error, so that the end of the run need not raise it again."""
        self._pid = os.getpid()
        self._done = threading.Event()

    @property
    def is_active(self) -> bool:
        """Whether it waits or is at work, in this process."""
        return not self._done.is_set() and self._pid == os.getpid()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the outcome, at most `timeout` seconds. Raises the error of the log, `WaitTimeout`, `NotLogged`."""
        if not self._done.is_set() and self._pid != os.getpid():
            raise errors.NotLogged(f"artifact {self.name!r} is logged by the process that this one was forked from")
        remaining = timeout
        while not self._done.wait(_WAIT_INTERVAL if remaining is None else min(max(remaining, 0.0), _WAIT_INTERVAL)):
            if remaining is not None:
                remaining -= _WAIT_INTERVAL
                if remaining <= 0:
                    raise errors.WaitTimeout(f"artifact {self.name!r} is still being logged after {timeout} seconds")
        if self.error is not None:
            self.is_reported = True
            raise self.error

    def finish(self, error: BaseException | None = None) -> None:
        self.error = error
        self._done.set()


class BackgroundLogger:
    """The background logs of one run. If nobody ends that here, which raises what went wrong, `warn` is told of it."""

    def __init__(self, warn: Callable[[str], object], *, is_ended: bool = True) -> None:
        self._warn = warn
        self._is_ended = is_ended
        self._owner_pid = os.getpid()
        self._is_registered = False
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._jobs: deque[tuple[PendingLog, Callable[[], object]]] = deque()
        self._all: list[PendingLog] = []
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    def _forget_jobs_of_parent(self) -> None:
        if self._pid != os.getpid():
            self._reset()

    def submit(self, name: str, job: Callable[[], object]) -> PendingLog:
        """Do the job after all others. Its exception is raised by `wait`, or else by the end of the run."""
        self._forget_jobs_of_parent()
        pending = PendingLog(name)
        with self._lock:
            self._jobs.append((pending, job))
            self._all.append(pending)
            if self._thread is not None:
                return pending
            self._thread = thread = threading.Thread(target=self._work, name="wanllmdb-background", daemon=False)
        if not self._is_registered:
            atexit.register(self.cancel)
            self._is_registered = True
        if not start_if_possible(thread):
            self._work()
        return pending

    def wait_for(self, name: str) -> None:
        """Wait until no artifact of this name is waiting or being logged, so that versions keep the order of calls."""
        self._forget_jobs_of_parent()
        for pending in [pending for pending in self._all if pending.name == name]:
            while pending.is_active:
                pending._done.wait(_WAIT_INTERVAL)

    def drain(self) -> list[BaseException]:
        """Wait for all of them, and return the errors that no `wait` has raised."""
        self._forget_jobs_of_parent()
        for pending in self._all:
            while pending.is_active:
                pending._done.wait(_WAIT_INTERVAL)
        failures = [pending.error for pending in self._all if pending.error is not None and not pending.is_reported]
        self._all.clear()
        return failures

    def cancel(self) -> None:
        """Give up what is not logged yet.

        Also called when the interpreter, which waits for the thread, ends before it: then Ctrl-C has ended the waiting.
        """
        self._forget_jobs_of_parent()
        self._cancel.set()
        with self._lock:
            given_up = [pending for pending in self._all if pending.is_active]
            self._jobs.clear()
        for pending in given_up:
            pending.finish(errors.NotLogged(f"artifact {pending.name!r} was not logged: the program was interrupted"))

    def _work(self) -> None:
        cancel = self._cancel
        cancellation.bind_cancel(cancel)
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                pending, job = self._jobs.popleft()
            error: BaseException | None = None
            try:
                job()
            except BaseException as raised:  # whatever it is, it is raised in the thread that waits
                error = raised
            del job
            if cancel.is_set():
                return
            if error is not None and not (self._is_ended and os.getpid() == self._owner_pid):
                pending.is_reported = True
                self._warn(f"artifact {pending.name!r} was not logged: {error}")
            pending.finish(error)

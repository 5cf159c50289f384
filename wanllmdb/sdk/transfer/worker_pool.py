"""A pool of threads that stops at the first failure and stays responsive to Ctrl-C.

`concurrent.futures` has neither a bounded queue (presigned URLs would expire in it) nor daemon threads (an interrupted
program would wait for every transfer in progress).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from wanllmdb.sdk.cancellation import Cancelled, bind_cancel, raise_if_cancelled
from wanllmdb.sdk.threads import start_if_possible


class WorkerPool:
    """Threads that take jobs from one bounded queue.

    `submit` blocks while the queue is full. The first exception of any job cancels the others and is raised by the next
    `submit` or at the end of the `with` block, which otherwise waits until every job is done. Jobs submit no jobs.
    """

    def __init__(self, max_workers: int) -> None:
        self._jobs: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._max_jobs = max_workers * 2
        self._busy = 0
        self._error: BaseException | None = None
        self._cancel = threading.Event()
        self._changed = threading.Condition()
        self._max_workers = max_workers
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> WorkerPool:
        return self

    def submit(self, job: Callable[..., object], *args: Any) -> None:
        with self._changed:
            while len(self._jobs) >= self._max_jobs and not self._cancel.is_set():
                # Without a timeout some platforms would not deliver Ctrl-C.
                self._changed.wait(0.5)
                raise_if_cancelled()
            self._raise_error()
            self._jobs.append((job, args))
            if len(self._jobs) > len(self._threads) - self._busy and len(self._threads) < self._max_workers:
                self._start_thread()
            if self._threads:
                self._changed.notify_all()
                return
            self._jobs.clear()
        job(*args)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="wanllmdb", daemon=True)
        # Without any, the caller's thread does the work.
        if start_if_possible(thread):
            self._threads.append(thread)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._changed:
                while kind is None and (self._jobs or self._busy) and not self._cancel.is_set():
                    self._changed.wait(0.5)
                    raise_if_cancelled()
        finally:
            with self._changed:
                self._jobs.clear()
                self._cancel.set()
                self._changed.notify_all()
            for thread in self._threads:
                # One that hangs in the network is left behind: it is a daemon, and writes to temporary files only.
                thread.join(5.0)
        if kind is None:
            self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        bind_cancel(self._cancel)
        while True:
            with self._changed:
                while not self._jobs and not self._cancel.is_set():
                    self._changed.wait()
                if self._cancel.is_set():
                    return
                job, args = self._jobs.popleft()
                self._busy += 1
                self._changed.notify_all()
            try:
                job(*args)
            except Cancelled:
                pass
            except BaseException as error:  # whatever it is, it is raised in the thread that uses the pool
                self._error = self._error or error
                self._cancel.set()
            finally:
                # Release the job's files and buffers before waiting for the next one.
                del job, args
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()

"""Shows the transfers of this process while they last: a line for each on a terminal or in a notebook, and a new line
now and then in a log.

One thread draws them all, so that transfers in several threads do not write over each other. Everything goes to
standard error, and nothing that happens here makes a transfer fail.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol

from rich.console import Console as RichConsole
from rich.console import Group
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.text import Text

from wanllmdb.sdk.progress import Transfer
from wanllmdb.sdk.threads import start_if_possible

LOG_INTERVAL = 10.0
TERMINAL_INTERVAL = 0.2
NOTEBOOK_INTERVAL = 0.5
# After so many seconds without a byte that is said instead of the time left, which nobody knows then.
_STALLED_AFTER = 5.0
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def describe(transfer: Transfer) -> str:
    """`data: uploading, 120 of 2,000 files, 11.7 of 195.3 MiB, 31.0 MiB/s, 6 s left`."""
    phase = transfer.current
    progress = phase.snapshot()
    elapsed = time.monotonic() - phase.started_at
    parts = [f"{transfer.title}: {progress.phase}"]
    if progress.files_total or progress.files_done:
        parts.append(_describe_files(progress.files_done, progress.files_total))
    if not (progress.bytes_total or progress.bytes_done):
        return ", ".join([*parts, _describe_seconds(elapsed)])
    parts.append(_describe_bytes(progress.bytes_done, progress.bytes_total))
    rate, idle = phase.measure()
    if idle >= _STALLED_AFTER:
        parts.append(f"nothing for {_describe_seconds(idle)}")
        return ", ".join(parts)
    parts.append(f"{_describe_bytes(int(rate))}/s")
    if progress.bytes_total is not None and rate >= 1:
        left = max(0, progress.bytes_total - progress.bytes_done) / rate
        parts.append(f"{_describe_seconds(left)} left")
    return ", ".join(parts)


def _describe_files(done: int, total: int | None) -> str:
    if total is None:
        return f"{done:,} files"
    return f"{done:,} of {total:,} {'file' if total == 1 else 'files'}"


def _describe_bytes(done: int, total: int | None = None) -> str:
    """Both in the unit of the larger one."""
    exponent = min(max(0, max(done, total or 0).bit_length() - 1) // 10, len(_UNITS) - 1)
    digits = 0 if exponent == 0 else 1
    numbers = [f"{number / 1024**exponent:,.{digits}f}" for number in (done, total) if number is not None]
    return f"{' of '.join(numbers)} {_UNITS[exponent]}"


def _describe_seconds(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class _Display(Protocol):
    interval: float

    def show(self, transfers: list[Transfer]) -> None: ...

    def end(self) -> None: ...


class _Terminal:
    """The lines stand below all that the program prints meanwhile, and are gone in the end."""

    interval = TERMINAL_INTERVAL

    def __init__(self, console: RichConsole) -> None:
        self._transfers: list[Transfer] = []
        # What goes to a pipe is not moved to the terminal.
        redirects_stdout = sys.stdout is not None and sys.stdout.isatty()
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=redirects_stdout,
            get_renderable=self._render,
        )

    def _render(self) -> Group:
        return Group(
            *(Text(f"  {describe(transfer)}", no_wrap=True, overflow="ellipsis") for transfer in self._transfers)
        )

    def show(self, transfers: list[Transfer]) -> None:
        self._transfers = transfers
        self._live.start()
        self._live.refresh()

    def end(self) -> None:
        self._live.stop()


class _Log:
    interval = LOG_INTERVAL

    def show(self, transfers: list[Transfer]) -> None:
        for transfer in transfers:
            print(f"wanllmdb: {describe(transfer)}", file=sys.stderr, flush=True)

    def end(self) -> None:
        pass


class _Notebook:
    interval = NOTEBOOK_INTERVAL

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None

    def show(self, transfers: list[Transfer]) -> None:
        self._write("\n".join(map(describe, transfers)))

    def end(self) -> None:
        if self._handle is not None:
            self._write("")

    def _write(self, text: str) -> None:
        data = {"text/plain": text}
        if self._handle is None:
            self._handle = self._display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


def _choose_display() -> _Display | None:
    notebook = _find_notebook()
    if notebook is not None:
        return _Notebook(notebook)
    if sys.stderr is None:  # a program without a console, such as one under pythonw
        return None
    # Not as `rich` decides by itself, which takes a file for a terminal where FORCE_COLOR is set.
    console = RichConsole(stderr=True)
    if sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal:
        return _Terminal(console)
    return _Log()


def _find_notebook() -> Callable[..., Any] | None:
    """IPython's `display` in the kernel of a notebook. A program that has not imported IPython runs in none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    display: Callable[..., Any] = import_module("IPython.display").display
    return display


class _Screen:
    """All transfers that are shown in this process, and the thread that shows them while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._transfers: list[Transfer] = []
        self._display: _Display | None = None
        self._thread: threading.Thread | None = None

    def add(self, transfer: Transfer) -> None:
        with self._lock:
            self._transfers.append(transfer)
            if self._thread is not None:
                return
            self._display = _choose_display()
            thread = threading.Thread(target=self._run, name="wanllmdb-display", daemon=True)
            if self._display is not None and start_if_possible(thread):
                self._thread = thread

    def remove(self, transfer: Transfer) -> None:
        """What is printed after this stands where the lines of the last transfer stood."""
        with self._lock:
            self._transfers.remove(transfer)
            if self._transfers:
                return
            self._attempt(lambda display: display.end())
            self._display = self._thread = None
            self._changed.notify_all()

    def _run(self) -> None:
        with self._lock:
            while self._thread is threading.current_thread() and self._display is not None:
                if not self._changed.wait(self._display.interval):
                    self._attempt(lambda display: display.show(self._transfers))

    def _attempt(self, draw: Callable[[_Display], None]) -> None:
        try:
            if self._display is not None:
                draw(self._display)
        except Exception:  # a terminal that was closed, a kernel that is gone
            self._display = None

    def forget(self) -> None:
        """In a forked process, which has neither the thread nor the transfers."""
        for name in ("stdout", "stderr") if self._thread is not None else ():
            stream = getattr(sys, name)
            if isinstance(stream, FileProxy):
                # Its lock may be held by the thread, which the parent alone has.
                setattr(sys, name, stream.rich_proxied_file)
        self.__init__()  # type: ignore[misc]


_screen = _Screen()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_screen.forget)


@contextmanager
def shown(transfer: Transfer) -> Iterator[None]:
    """Show the transfer during the block."""
    _screen.add(transfer)
    try:
        yield
    finally:
        _screen.remove(transfer)

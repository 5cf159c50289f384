"""Where the files of a run go: to the server, or in mode `disabled` nowhere. `offline` has the third."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.run_files import uploads
from wanllmdb.sdk.run_files.background import BackgroundFiles


class RunFiles:
    """Of a run that a server has."""

    def __init__(self, connection: Connection, run_id: str) -> None:
        self._connection = connection
        self._run_id = run_id
        self._sent: dict[str, tuple[int, int, int]] = {}
        """What the files looked like when they were sent, by their path in the run."""
        self._background: BackgroundFiles | None = None

    def connect(self, connection: Connection) -> None:
        """Use another connection from now on: a forked process needs one of its own, and what waits is its parent's."""
        self._connection = connection
        self._background = None

    def send(self, files: Mapping[str, str]) -> None:
        """Keep files as they are now, by their path in the run, unless they were sent so before.

        Raises `Invalid`, `FileChanged` and the errors of the server.
        """
        looks = {path: _look(source) for path, source in files.items()}
        changed = {path: source for path, source in files.items() if self._sent.get(path) != looks[path]}
        uploads.send(self._connection.client, self._run_id, changed)
        self._sent |= {path: look for path, look in looks.items() if look is not None}

    def add(self, path: str, content: bytes | Path) -> None:
        """Keep these bytes, or those that a file has now, in the background. Raises OSError, `CacheError`."""
        if self._background is None:
            warn = self._connection.console.warning
            self._background = BackgroundFiles(self._connection.client, self._run_id, warn)
        self._background.add(path, content)

    def finish(self) -> None:
        """Wait until everything is sent. What cannot be sent is a warning."""
        if self._background is not None:
            self._background.finish()


class NoRunFiles(RunFiles):
    """Of a run that nothing is stored of."""

    def send(self, files: Mapping[str, str]) -> None:
        for source in files.values():
            uploads.require_readable(source)

    def add(self, path: str, content: bytes | Path) -> None:
        pass


def _look(source: str) -> tuple[int, int, int] | None:
    try:
        result = Path(source).stat()
    except OSError:
        return None
    return result.st_size, result.st_mtime_ns, result.st_ino

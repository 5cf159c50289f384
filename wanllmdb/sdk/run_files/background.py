"""Files that are sent in the background, so that logging an image never blocks the program."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from wanllmdb.sdk import cancellation, errors
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.run_files import uploads
from wanllmdb.sdk.threads import start_if_possible

# Copies wait on the disk while the server is away.
MAX_WAITING_BYTES = 4 << 30
# Those that are logged together are sent together.
SEND_DELAY = 1.0
MAX_PAUSE = 30.0
_WAIT_INTERVAL = 0.5


class BackgroundFiles:
    """Copies of files wait in a temporary directory for a daemon thread, which sends them in their order.

    Nothing here raises: what cannot be sent is named in a warning, and costs no other file.
    """

    def __init__(self, client: Client, run_id: str, warn: Callable[[str], object]) -> None:
        self._client = client
        self._run_id = run_id
        self._warn = warn
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, str, int]] = deque()
        """Path in the run, copy on the disk, and size."""
        self._size = 0
        self._directory: str | None = None
        self._copies = 0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, path: str, content: bytes | Path) -> None:
        """Send these bytes, or those that a file has now. Raises OSError where no copy can be made."""
        with self._lock:
            self._directory = self._directory or tempfile.mkdtemp(prefix="wanllmdb-media-")
            self._copies += 1
            copy = Path(self._directory, str(self._copies))
        if isinstance(content, bytes):
            copy.write_bytes(content)
        else:
            shutil.copyfile(content, copy)
        size = copy.stat().st_size
        with self._lock:
            is_full = self._size + size > MAX_WAITING_BYTES
            if not is_full:
                self._waiting.append((path, str(copy), size))
                self._size += size
        if is_full:
            copy.unlink()
            self._warn(f"{path} is not sent: too many files wait for the server")
        elif self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wanllmdb-files", daemon=True)
            if not start_if_possible(self._thread):
                self.finish()

    def finish(self) -> None:
        """Send what waits, and end. If the server is away by then, what waits is lost, with a warning."""
        self._ending.set()
        if self._thread is not None and self._thread.ident is not None:
            while self._thread.is_alive():
                # Without a timeout some platforms would not deliver Ctrl-C.
                self._thread.join(_WAIT_INTERVAL)
        self._send_all()
        if self._waiting:
            names = ", ".join(path for path, _, _ in islice(self._waiting, 3)) + " …" * (len(self._waiting) > 3)
            self._warn(f"{len(self._waiting)} files of the run are lost ({names}): the server cannot be reached")
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._thread, self._directory = None, None
        self._ending.clear()

    def _run(self) -> None:
        failures = 0
        while not self._ending.wait(min(MAX_PAUSE, SEND_DELAY * 2.0 ** min(failures, 10))):
            failures = 0 if self._send_all() else failures + 1

    def _send_all(self) -> bool:
        """Whether nothing waits any more; False if it is to be tried again later."""
        while batch := self._next_batch():
            try:
                self._send({path: copy for path, copy, _ in batch})
            except (errors.WanLLMDBError, cancellation.Cancelled):
                return False
            with self._lock:
                for _, copy, size in batch:
                    self._waiting.popleft()
                    self._size -= size
                    Path(copy).unlink(missing_ok=True)
        return True

    def _next_batch(self) -> list[tuple[str, str, int]]:
        """Without two of one path, of which the second is the one to stay."""
        with self._lock:
            batch: list[tuple[str, str, int]] = []
            for one in islice(self._waiting, uploads.MAX_FILES_PER_REQUEST):
                if any(one[0] == path for path, _, _ in batch):
                    break
                batch.append(one)
            return batch

    def _send(self, files: dict[str, str]) -> None:
        """Send the files. Those that the server refuses are named in a warning. Raises for what may pass."""
        may_pass = (errors.Unreachable,) if self._ending.is_set() else (errors.Unreachable, errors.ServerError)
        try:
            uploads.send(self._client, self._run_id, files)
            return
        except may_pass:
            raise
        except errors.WanLLMDBError as error:
            if len(files) == 1:
                self._warn(f"could not send {', '.join(files)}: {error}")
                return
        # One file must not cost the others.
        for path, copy in files.items():
            self._send({path: copy})

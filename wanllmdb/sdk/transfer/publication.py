"""Renames complete files to their paths: each at once, or all together when nothing can be missing any more."""

from __future__ import annotations

import os
import threading

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory, write_error


class Publication:
    """Of one download to a directory. Safe to use from several threads."""

    def __init__(self, directory: DownloadDirectory, *, at_end: bool = False) -> None:
        self._directory = directory
        self.at_end = at_end
        """Whether files wait for `finish`. Those that were added before it was set stay where they are."""
        self._waiting: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def add(self, temporary_path: str, path: str) -> None:
        """A file that is complete and correct. Raises `InvalidPath`, `Invalid` where it cannot be written."""
        if self.at_end:
            with self._lock:
                self._waiting.append((temporary_path, path))
        else:
            self._rename(temporary_path, path)

    def finish(self) -> None:
        """Rename all that waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for temporary_path, path in waiting:
            self._rename(temporary_path, path)

    def _rename(self, temporary_path: str, path: str) -> None:
        local_path = self._directory.local_path(path)
        try:
            os.replace(temporary_path, local_path)
        except IsADirectoryError as error:
            raise errors.InvalidPath(f"{local_path} is a directory, but the artifact has a file there") from error
        except OSError as error:
            raise write_error(local_path, error) from error

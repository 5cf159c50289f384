"""The directory of one offline run. docs/sdk.md describes its files.

A run adds lines to `events.jsonl` while it goes on; nothing in the directory is changed afterwards but `sync.json`.
Whoever writes in it holds a lock that ends with the process, so that a run that was killed can be told from one that
goes on.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors, timestamps
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.local_cache.manifest_json import parse_manifest, to_json
from wanllmdb.sdk.local_cache.stored_files import StoredFiles
from wanllmdb.sdk.manifest import Manifest

if sys.platform != "win32":
    import fcntl

FORMAT = 1
RUN_FILE = "run.json"
EVENTS_FILE = "events.jsonl"
SYNC_FILE = "sync.json"
LOCK_FILE = "run.lock"
# Where files cannot be locked, a run that has not ended and was written to so recently counts as going on.
WRITTEN_RECENTLY = 300.0
_MANIFEST_ID = re.compile(r"[0-9a-f]{32}")


class RunDirectory:
    """Its files may come from another machine, so what is read from them is checked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = StoredFiles(path / "files")

    @classmethod
    def create(cls, path: Path, description: dict[str, Any]) -> RunDirectory:
        """Make the directory of a new run. Raises `CacheError`."""
        directory = cls(path)
        json_files.make_directory(path)
        json_files.write(path / RUN_FILE, {"format": FORMAT, **description})
        return directory

    def read(self) -> dict[str, Any]:
        """What `init` was called with. Raises `CacheError`, also for a newer format."""
        run = json_files.read(self.path / RUN_FILE)
        if run.get("format") != FORMAT:
            raise errors.CacheError(f"{self.path} has the format {run.get('format')!r}: update wanllmdb to send it")
        texts = ("id", "name", "project", "resume", "started_at")
        if not all(isinstance(run.get(name), str) for name in texts) or not isinstance(run.get("fields"), dict):
            raise errors.CacheError(f"{self.path / RUN_FILE} is not the description of a run")
        return run

    @property
    def started_at(self) -> str:
        """Empty if that cannot be read."""
        try:
            return str(self.read()["started_at"])
        except errors.CacheError:
            return ""

    # --- Events -------------------------------------------------------------------------------------------------------

    def append(self, event: bytes) -> None:
        """Add an event as `to_event` makes it. Raises `CacheError`."""
        json_files.append(self.path / EVENTS_FILE, event)

    def events(self) -> tuple[list[dict[str, Any]], int]:
        """All events in order, and how many lines are broken."""
        return json_files.read_lines(self.path / EVENTS_FILE)

    # --- Manifests ----------------------------------------------------------------------------------------------------

    def write_manifest(self, manifest_id: str, manifest: Manifest) -> None:
        """Raises `CacheError`."""
        json_files.make_directory(self.path / "manifests")
        json_files.write(self._manifest_path(manifest_id), to_json(manifest))

    def read_manifest(self, manifest_id: str) -> Manifest:
        """Raises `CacheError`, `InvalidPath`."""
        return parse_manifest(json_files.read(self._manifest_path(manifest_id)))

    def _manifest_path(self, manifest_id: str) -> Path:
        if not _MANIFEST_ID.fullmatch(manifest_id):
            raise errors.CacheError(f"{self.path}: {manifest_id!r} is not the name of a manifest")
        return self.path / "manifests" / f"{manifest_id}.json"

    # --- What was sent ------------------------------------------------------------------------------------------------

    def read_progress(self, base_url: str) -> dict[str, Any]:
        """What was sent to this server before."""
        if not (self.path / SYNC_FILE).exists():
            return {}
        progress = json_files.read(self.path / SYNC_FILE).get(base_url)
        return progress if isinstance(progress, dict) else {}

    def write_progress(self, base_url: str, progress: dict[str, Any]) -> None:
        """Raises `CacheError`."""
        path = self.path / SYNC_FILE
        others = json_files.read(path) if path.exists() else {}
        json_files.write(path, {**others, base_url: progress})

    # --- Who writes here ----------------------------------------------------------------------------------------------

    def lock(self) -> int | None:
        """Take the lock of the directory until the handle is closed; None where files cannot be locked.

        Raises `BlockingIOError` if another process has it.
        """
        if sys.platform == "win32":
            return None
        try:
            handle = os.open(self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return None
        try:
            # Not filelock's: in a forked process its finalizer would release the lock of the parent.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise
        except OSError:
            os.close(handle)
            return None
        return handle

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises `BlockingIOError` while the run goes on, or while it is sent by another process."""
        handle = self.lock()
        try:
            if handle is None and self._seems_to_go_on():
                raise BlockingIOError
            yield
        finally:
            if handle is not None:
                os.close(handle)

    def _seems_to_go_on(self) -> bool:
        with suppress(OSError):
            written_at = max(self._modified_at(RUN_FILE), self._modified_at(EVENTS_FILE))
            has_ended = any(event.get("type") == "finish" for event in self.events()[0])
            return not has_ended and time.time() - written_at < WRITTEN_RECENTLY
        return False

    def _modified_at(self, name: str) -> float:
        path = self.path / name
        return path.stat().st_mtime if path.exists() else 0.0


def find(path: Path) -> list[RunDirectory]:
    """The run directories at or directly below this path, oldest first."""
    if (path / RUN_FILE).is_file():
        return [RunDirectory(path)]
    try:
        below = [RunDirectory(child) for child in path.iterdir() if (child / RUN_FILE).is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise errors.CacheError(f"{path} cannot be read: {error.strerror or error}") from error
    return sorted(below, key=lambda directory: (directory.started_at, directory.path))


def to_event(kind: str, fields: Mapping[str, Any]) -> bytes:
    """An event that happens now, as a line."""
    return json_files.to_line({"type": kind, "at": timestamps.now(), **fields})

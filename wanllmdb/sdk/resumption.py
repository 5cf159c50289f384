"""Which run `init(resume="auto")` goes on with: the last one that this directory's program began and did not finish."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.settings import Settings


class Unfinished:
    """A file in the cache directory, one for each server, project and working directory, with the id of the run."""

    def __init__(self, settings: Settings, project: str) -> None:
        key = "\0".join((settings.base_url, project, str(Path.cwd())))
        name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._path = settings.cache_dir / "unfinished" / f"{name}.json"
        self._pid = os.getpid()

    def id(self) -> str:
        """The id of the run that was not finished, or a new one, which is kept. Raises `CacheError`."""
        if self._path.exists():
            with suppress(errors.CacheError):
                found = json_files.read(self._path).get("id")
                if isinstance(found, str) and found:
                    return found
        new = uuid4().hex[:12]
        json_files.make_directory(self._path.parent)
        json_files.write(self._path, {"id": new})
        return new

    def forget(self) -> None:
        """The run has finished: the next one is another."""
        if self._pid == os.getpid():
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

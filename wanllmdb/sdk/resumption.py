"""Which run `init(resume="auto")` goes on with: the last one that this directory's program began and did not finish.

And for how long a run has been there that goes on.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.settings import Settings
from wanllmdb.sdk.timestamps import parse


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


def age_of(record: dict[str, Any]) -> float:
    """For how many seconds a run had been there when this process began or resumed it, by the server's clock."""
    try:
        began, now = (parse(str(record[name])) for name in ("started_at", "heartbeat_at"))
    except (errors.Invalid, KeyError):
        return 0.0
    return max((now - began).total_seconds(), 0.0)

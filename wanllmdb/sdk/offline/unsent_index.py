"""Which artifacts were logged offline on this machine, by name and alias, so that another offline run can use them.

Below `offline/names/` of the cache directory each artifact has a directory, and in it a file for each alias.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.local_cache.download_index import file_stem, full_name_parts
from wanllmdb.sdk.local_version import LocalVersion, UnsentRecord
from wanllmdb.sdk.offline.run_directory import RunDirectory


def remember(connection: Connection, record: UnsentRecord, aliases: Iterable[str]) -> None:
    """Record that from now on these aliases of the artifact mean this one. Never raises: it only cannot be found."""
    folder = _folder(connection, record["project_name"], record["artifact_name"])
    with suppress(errors.CacheError):
        json_files.make_directory(folder)
        for alias in aliases:
            json_files.write(folder / f"{file_stem(alias)}.json", {"alias": alias, "record": record})


def find(connection: Connection, project: str, path: str, alias: str) -> LocalVersion | None:
    """The artifact that was logged offline last under this name and alias, if its run is still there."""
    file = _folder(connection, project, path) / f"{file_stem(alias)}.json"
    if not file.exists():
        return None
    found = json_files.read(file)
    record = UnsentRecord(found["record"])
    # Where a disk does not tell A from a, the file may be that of another alias.
    if found["alias"] != alias or not Path(record["directory"]).is_dir():
        return None
    return load(connection, record)


def load(connection: Connection, record: UnsentRecord) -> LocalVersion:
    """The artifact that a run keeps in its directory."""
    directory = RunDirectory(Path(record["directory"]))
    manifest = directory.read_manifest(record["offline"]["artifact"])
    sources = {entry.path: directory.files.local_path(entry) for entry in manifest if not entry.is_reference}
    return LocalVersion(connection, record, sources, manifest)


def _folder(connection: Connection, project: str, path: str) -> Path:
    full_name = "/".join(filter(None, full_name_parts(connection, project, path)))
    name = hashlib.sha256(full_name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return connection.settings.cache_dir / "offline" / "names" / name

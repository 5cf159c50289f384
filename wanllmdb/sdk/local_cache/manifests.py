"""Manifests of finalized versions, which never change: whoever has one asks the server for no list of files.

Below `manifests/` of the cache directory each version of each server has a file, named by a hash. It begins with the
sha256 of what follows; what is damaged is as good as absent. Every file is replaced as a whole, so processes need no
lock.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.local_cache.manifest_json import parse_columns, to_columns
from wanllmdb.sdk.manifest import Manifest

if TYPE_CHECKING:
    from wanllmdb.sdk.connection import Connection

MAX_SIZE = 256 << 20
"""In bytes, of about two million files. Of more those that were not used for longest are forgotten."""
_HASH_LENGTH = 64


def recall(connection: Connection, version_id: str, digest: str | None) -> Manifest | None:
    """The files of the version with this id and digest; None if this machine does not know them."""
    columns = recall_columns(connection, version_id, digest)
    try:
        return None if columns is None else parse_columns(columns)
    except (errors.CacheError, errors.InvalidPath):
        with suppress(OSError):
            _path(connection, version_id).unlink()
        return None


def recall_columns(connection: Connection, version_id: str, digest: str | None) -> dict[str, Any] | None:
    """The same as `to_columns` made them, without an object for each file."""
    columns = _read(path := _path(connection, version_id))
    is_right = columns is not None and columns.get("digest") == digest
    with suppress(OSError):
        if is_right:
            os.utime(path)
        else:
            path.unlink()
    return columns if is_right else None


def recall_logged(connection: Connection, artifact_id: str) -> tuple[str, dict[str, Any]] | None:
    """The id of the version of the artifact that was last logged from this machine, and its columns."""
    logged = _read(_path(connection, f"logged {artifact_id}"))
    if logged is None or not isinstance(logged.get("version_id"), str):
        return None
    columns = recall_columns(connection, logged["version_id"], logged.get("digest"))
    return (logged["version_id"], columns) if columns else None


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    checksum, body = content[:_HASH_LENGTH], content[_HASH_LENGTH + 1 :]
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    value = json.loads(body)
    return value if isinstance(value, dict) else None


def remember(connection: Connection, version_id: str, manifest: Manifest) -> None:
    """Keep the manifest of a finalized version, if all of its files have a sha256. Never raises."""
    if manifest.digest and not any(entry.sha256 is None and not entry.is_reference for entry in manifest):
        path = _path(connection, version_id)
        with suppress(OSError):  # of a directory that is somebody else's
            if not path.exists():
                _write(path, to_columns(manifest))


def remember_logged(connection: Connection, artifact_id: str, version_id: str, columns: dict[str, Any]) -> None:
    """Keep what `recall_logged` returns. Never raises."""
    _write(_path(connection, version_id), columns)
    _write(_path(connection, f"logged {artifact_id}"), {"version_id": version_id, "digest": columns["digest"]})


def _write(path: Path, value: dict[str, Any]) -> None:
    body = json.dumps(value, separators=(",", ":")).encode("ascii")
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    with suppress(errors.CacheError, OSError):
        json_files.make_directory(path.parent)
        try:
            with open(temporary, "xb", opener=json_files.private) as file:
                file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _make_room(path.parent)


def _path(connection: Connection, version_id: str) -> Path:
    key = f"{connection.settings.base_url}\0{version_id}".encode("utf-8", "surrogateescape")
    return connection.settings.cache_dir / "manifests" / hashlib.sha256(key).hexdigest()[:32]


def _make_room(directory: Path) -> None:
    """Forget until three quarters are left, so that not every download has to."""
    with os.scandir(directory) as items:
        files = sorted((item.stat().st_mtime_ns, item.stat().st_size, item.path) for item in items)
    size = sum(file_size for _, file_size, _ in files)
    if size <= MAX_SIZE:
        return
    for _, file_size, path in files:
        if size <= MAX_SIZE * 3 // 4:
            return
        with suppress(OSError):
            Path(path).unlink()
        size -= file_size

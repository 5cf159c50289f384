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

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.local_cache.manifest_json import parse_columns, to_columns
from wanllmdb.sdk.manifest import Manifest

MAX_SIZE = 256 << 20
"""In bytes, of about two million files. Of more those that were not used for longest are forgotten."""
_HASH_LENGTH = 64


def recall(connection: Connection, version_id: str, digest: str | None) -> Manifest | None:
    """The files of the version with this id and digest; None if this machine does not know them."""
    path = _path(connection, version_id)
    try:
        manifest = _parse(path.read_bytes())
    except OSError:
        return None
    with suppress(OSError):
        if manifest is None or manifest.digest != digest:
            path.unlink()
            return None
        os.utime(path)
    return manifest


def _parse(content: bytes) -> Manifest | None:
    checksum, body = content[:_HASH_LENGTH], content[_HASH_LENGTH + 1 :]
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    try:
        return parse_columns(json.loads(body))
    except (ValueError, errors.CacheError, errors.InvalidPath):
        return None


def remember(connection: Connection, version_id: str, manifest: Manifest) -> None:
    """Keep the manifest of a finalized version, if all of its files have a sha256. Never raises."""
    path = _path(connection, version_id)
    if path.exists():
        return
    if not manifest.digest or any(entry.sha256 is None and not entry.is_reference for entry in manifest):
        return
    body = json.dumps(to_columns(manifest), separators=(",", ":")).encode("ascii")
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

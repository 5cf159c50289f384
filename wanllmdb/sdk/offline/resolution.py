"""What `use_artifact` answers in mode `offline`: what was downloaded before, with a warning that says how old it is."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors, timestamps
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import download_index
from wanllmdb.sdk.local_cache.contents import Contents
from wanllmdb.sdk.local_version import LocalVersion
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.offline import unsent_index
from wanllmdb.sdk.validators import VERSION


def resolve(
    connection: Connection, project: str, name: str, alias: str | None, version: str | int | None, type: str | None
) -> LocalVersion:
    """The version that was downloaded as `name:x` before, or the artifact that was logged offline since then.

    A warning says how old the answer is. `project` is that of a name without one. Raises `NotFound`, `AliasNotFound`,
    `VersionNotFound`, `TypeDiffers`.
    """
    path, _, suffix = name.partition(":")
    unsent = None
    if version is None:
        unsent = unsent_index.find(connection, project, path, alias or suffix or "latest")
    try:
        found, fetched_at = _downloaded(connection, project, path, alias, version, suffix)
    except errors.NotFound:
        if unsent is None:
            raise
        fetched_at = ""
    if unsent is not None and unsent.record["created_at"] > fetched_at:
        _require_type(unsent, type)
        at = unsent.record["created_at"]
        connection.console.warning(
            f"offline: {path}:{alias or suffix or 'latest'} is what was logged offline at {at}, {_age(at)} ago"
        )
        return unsent
    manifest = download_index.read_manifest(connection, found)
    directory = _complete_directory(found, manifest)
    if directory is None and not Contents(connection.settings).has_all(manifest):
        raise errors.NotFound(
            f"{found['name']}:{found['record']['version']} was downloaded to {found['directories'][0]} on "
            f"{found['downloaded_at']}, but its files are no longer there, or changed"
        )
    sources = {entry.path: str(Path(directory, entry.path)) for entry in manifest} if directory else {}
    downloaded = LocalVersion(connection, found["record"], sources, manifest)
    _require_type(downloaded, type)
    label = f"{found['name']}:{alias or suffix or version or 'latest'}"
    connection.console.warning(
        f"offline: {label} is {found['record']['version']} as of {fetched_at}, {_age(fetched_at)} ago; its files are "
        f"{f'those in {directory}' if directory else 'in the cache of this machine'}"
    )
    return downloaded


def _downloaded(
    connection: Connection, project: str, path: str, alias: str | None, version: str | int | None, suffix: str
) -> tuple[dict[str, Any], str]:
    """The record of the version, and when a server last said that the name means it."""
    folder = download_index.find_artifact(connection, project, path)
    if version is None and alias is None and VERSION.fullmatch(suffix) and download_index.has_version(folder, suffix):
        version = suffix
    if version is not None:
        found = download_index.read_version(folder, path, version)
        return found, found["fetched_at"]
    pointer = download_index.read_alias(folder, path, alias or suffix or "latest")
    return download_index.read_version(folder, path, pointer["version"]), pointer["fetched_at"]


def _require_type(version: LocalVersion, type: str | None) -> None:
    actual = version.record["artifact_type"]
    if type not in (None, actual):
        raise errors.TypeDiffers(f"Artifact {version.name!r} is a {actual}, not a {type}")


def _complete_directory(found: dict[str, Any], manifest: Manifest) -> str | None:
    """The newest directory in which all files have the right size; their bytes are checked when they are read."""
    for directory in found["directories"]:
        if all(_has_size(Path(directory, entry.path), entry) for entry in manifest):
            return str(directory)
    return None


def _has_size(path: Path, entry: Entry) -> bool:
    # The size of a reference may not be known.
    return path.is_file() and (path.stat().st_size == entry.size or (entry.is_reference and not entry.size))


def _age(fetched_at: str) -> str:
    seconds = max(0, int((datetime.now(timezone.utc) - timestamps.parse(fetched_at)).total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"

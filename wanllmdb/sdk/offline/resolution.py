"""What `use_artifact` answers in mode `offline`: what was downloaded before, with a warning that says how old it is."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors, timestamps
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import download_index
from wanllmdb.sdk.local_cache.manifest_json import parse_manifest
from wanllmdb.sdk.local_version import LocalVersion
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.validators import VERSION


def resolve(
    connection: Connection, project: str, name: str, alias: str | None, version: str | int | None, type: str | None
) -> LocalVersion:
    """The version that was downloaded as `name:x` before, with a warning that says how old the answer is.

    `project` is that of a name without one. Raises `NotFound`, `AliasNotFound`, `VersionNotFound`, `TypeDiffers`.
    """
    path, _, suffix = name.partition(":")
    place = download_index.find_artifact(connection, project, path)
    if version is None and alias is None and VERSION.fullmatch(suffix) and download_index.has_version(place, suffix):
        version = suffix
    if version is not None:
        found, fetched_at = download_index.read_version(place, path, version), None
    else:
        alias = alias or suffix or "latest"
        pointer = download_index.read_alias(place, path, alias)
        found, fetched_at = download_index.read_version(place, path, pointer["version"]), pointer["fetched_at"]
    record = found["record"]
    if type is not None and record["artifact_type"] != type:
        raise errors.TypeDiffers(f"Artifact {found['name']!r} is a {record['artifact_type']}, not a {type}")
    manifest = parse_manifest(found)
    directory = _complete_directory(found, manifest)
    label = f"{found['name']}:{alias or record['version']}"
    connection.console.warning(
        f"offline: {label} is {record['version']} as of {fetched_at or found['fetched_at']}, "
        f"{_age(fetched_at or found['fetched_at'])} ago; its files are those in {directory}"
    )
    sources = {entry.path: str(Path(directory, entry.path)) for entry in manifest}
    return LocalVersion(connection, record, sources, manifest)


def _complete_directory(found: dict[str, Any], manifest: Manifest) -> str:
    """The newest directory in which all files have the right size; their bytes are checked when they are read."""
    for directory in found["directories"]:
        if all(_has_size(Path(directory, entry.path), entry) for entry in manifest):
            return str(directory)
    raise errors.NotFound(
        f"{found['name']}:{found['record']['version']} was downloaded to {found['directories'][0]} on "
        f"{found['downloaded_at']}, but its files are no longer there, or changed"
    )


def _has_size(path: Path, entry: Entry) -> bool:
    return path.is_file() and path.stat().st_size == entry.size


def _age(fetched_at: str) -> str:
    seconds = max(0, int((datetime.now(timezone.utc) - timestamps.parse(fetched_at)).total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"

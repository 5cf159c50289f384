"""The record of what was downloaded on this machine, from which `use_artifact` answers in mode `offline`.

Below `downloads/` of the cache directory each server has a directory, and in it each artifact; both are named by a
hash. A version is a file there, with its record and where its files were written; which files it has say `manifests`.
An alias is a file that names its version. Every file is replaced as a whole, so processes need no lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from wanllmdb.sdk import errors, timestamps
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import json_files, manifests
from wanllmdb.sdk.local_cache.manifest_json import parse_manifest
from wanllmdb.sdk.manifest import Manifest
from wanllmdb.sdk.validators import parse_version

MAX_DIRECTORIES = 8
"""So many places of one version are remembered, the newest first."""


# --- Written by a download --------------------------------------------------------------------------------------------


def remember(
    connection: Connection, record: dict[str, Any], fetched_at: str, manifest: Manifest, directory: str
) -> None:
    """Record that all files of this version are in the directory, and which aliases it had when it was fetched.

    Never raises: without a cache there is only nothing to use offline.
    """
    if any(entry.sha256 is None for entry in manifest):
        return
    manifests.remember(connection, record["id"], manifest)
    full_name = f"{record['project_name']}/{record['artifact_name']}"
    with suppress(errors.CacheError, OSError):
        folder = _server_directory(connection) / _hash(full_name)
        json_files.make_directory(folder)
        path = folder / _version_file(record["version"])
        directories = [directory, *(_read(path) or {}).get("directories", [])]
        version = {
            "name": full_name,
            "record": record,
            "fetched_at": fetched_at,
            "downloaded_at": timestamps.now(),
            "directories": list(dict.fromkeys(directories))[:MAX_DIRECTORIES],
        }
        json_files.write(path, version)
        for alias in record["aliases"]:
            path = folder / f"alias-{file_stem(alias)}.json"
            if (_read(path) or {}).get("fetched_at", "") < fetched_at:
                target = {"name": full_name, "alias": alias, "version": record["version"], "fetched_at": fetched_at}
                json_files.write(path, target)


# --- Read in mode offline ---------------------------------------------------------------------------------------------


def find_artifact(connection: Connection, project: str, path: str) -> Path:
    """The directory of the artifact. Without a team the project may be of any team that has one of this name."""
    requested = full_name_parts(connection, project, path)
    server = _server_directory(connection)
    if requested[0]:
        folders = [server / _hash("/".join(requested))]
    else:
        folders = [folder for folder in _iter_artifacts(server) if _name_of(folder).split("/")[1:] == requested[1:]]
    folders = [folder for folder in folders if folder.is_dir()]
    if not folders:
        raise errors.NotFound(
            f"{'/'.join(filter(None, requested))!r} was never downloaded on this machine from "
            f"{connection.settings.base_url}: in mode 'offline' only what was can be used"
        )
    if len(folders) > 1:
        names = " and ".join(sorted(map(_name_of, folders)))
        raise errors.Invalid(f"{path!r} can be {names}: name the team, or set WANLLMDB_ENTITY")
    return folders[0]


def full_name_parts(connection: Connection, project: str, path: str) -> list[str]:
    """Team, project and name of an artifact relative to a project; the team is empty if only a server knows it."""
    parts = path.split("/")
    if len(parts) > 3 or not all(parts):
        raise errors.Invalid(f"{path!r} is not an artifact name: use 'name', 'name:alias' or 'team/project/name:alias'")
    team, _, project = project.rpartition("/")
    return [team or connection.settings.entity or "", project][: 3 - len(parts)] + parts


def file_stem(alias: str) -> str:
    """A file name for the alias on every system: letters that it cannot have are quoted, and long ones cut."""
    quoted = quote(alias, safe="", errors="surrogatepass")
    return quoted if len(quoted) <= 150 else f"{quoted[:100]}~{_hash(alias)[:32]}"


def has_version(folder: Path, version: str) -> bool:
    return (folder / _version_file(version)).exists()


def read_version(folder: Path, path: str, version: str | int) -> dict[str, Any]:
    number = parse_version(version)
    found = _read(folder / _version_file(number))
    if found is None:
        raise errors.VersionNotFound(
            f"{path}:{number} was never downloaded on this machine; these were: {', '.join(_known(folder, 'version'))}"
        )
    return found


def read_manifest(connection: Connection, found: dict[str, Any]) -> Manifest:
    """The files of what `read_version` found. Raises `CacheError`, `NotFound` if they were forgotten."""
    if "files" in found:  # as older versions of this package wrote them
        return parse_manifest(found)
    record = found["record"]
    manifest = manifests.recall(connection, record["id"], record["digest"])
    if manifest is None:
        raise errors.NotFound(
            f"The list of files of {found['name']}:{record['version']} is no longer in the cache: download it again"
        )
    return manifest


def read_alias(folder: Path, path: str, alias: str) -> dict[str, Any]:
    found = _read(folder / f"alias-{file_stem(alias)}.json")
    # Where a disk does not tell A from a, the file may be that of another alias.
    if found is None or found["alias"] != alias:
        aliases = _known(folder, "alias")
        raise errors.AliasNotFound(
            f"{path}:{alias} was never downloaded on this machine; these aliases were: {', '.join(aliases) or 'none'}",
            problem={"aliases": aliases},
        )
    return found


# --- Files ------------------------------------------------------------------------------------------------------------


def _server_directory(connection: Connection) -> Path:
    return connection.settings.cache_dir / "downloads" / _hash(connection.settings.base_url)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _version_file(version: str | int) -> str:
    return f"version-{parse_version(version)}.json"


def _read(path: Path) -> dict[str, Any] | None:
    return json_files.read(path) if path.exists() else None


def _iter_artifacts(server: Path) -> Iterator[Path]:
    if server.is_dir():
        yield from (folder for folder in server.iterdir() if any(folder.glob("version-*.json")))


def _name_of(folder: Path) -> str:
    return str(json_files.read(next(folder.glob("version-*.json")))["name"])


def _known(folder: Path, kind: str) -> list[str]:
    return sorted(unquote(path.stem.partition("-")[2]) for path in folder.glob(f"{kind}-*.json"))

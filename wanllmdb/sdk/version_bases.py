"""What a new version of many files can be begun from: the one that was last logged from this machine.

Only what was added, changed or removed since is stated then; the server copies the rest inside its database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wanllmdb.sdk import version_files
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import manifests
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer.hashes import HashedFile

MIN_FILES = 1_000
"""To state fewer costs next to nothing."""


@dataclass(frozen=True)
class Base:
    """A version, and how another one differs from it."""

    version_id: str
    changed: list[HashedFile]
    """Files that it has not, or has otherwise."""
    removed: list[str]
    """Paths that only the base has."""

    @property
    def differs(self) -> bool:
        return bool(self.changed or self.removed)

    @property
    def fields(self) -> dict[str, Any]:
        """For the body of the request that begins the draft, beside the changed files."""
        return {"base": self.version_id, **({"removed": self.removed} if self.removed else {})}


def find(
    connection: Connection, artifact_id: str, files: Sequence[HashedFile], references: Sequence[Entry]
) -> Base | None:
    """None where there is nothing like it, or little is gained."""
    if len(files) < MIN_FILES or references:
        return None
    logged = manifests.recall_logged(connection, artifact_id)
    if logged is None:
        return None
    version_id, columns = logged
    try:
        if columns["references"]:
            return None
        executable = set(columns["executable"])
        rows = zip(columns["paths"], columns["sizes"], columns["sha256"], strict=True)
        before = {path: (size, sha256, row in executable) for row, (path, size, sha256) in enumerate(rows)}
    except (KeyError, TypeError, ValueError):
        return None
    changed = [file for file in files if before.pop(file.path, None) != (file.size, file.sha256, file.executable)]
    is_small = max(len(changed), len(before)) <= min(len(files) // 2, version_files.MAX_FILES_PER_REQUEST)
    if not is_small or len(list(version_files.batches(changed))) > 1:
        return None
    return Base(version_id, changed, sorted(before))


def remember(
    connection: Connection, version: dict[str, Any], files: Sequence[HashedFile], references: Sequence[Entry]
) -> None:
    """Begin the next version of the artifact from this one, which was created with these files. Never raises."""
    if len(files) < MIN_FILES or references:
        return
    files = sorted(files, key=lambda file: file.path)
    columns = {
        "digest": version["digest"],
        "paths": [file.path for file in files],
        "sizes": [file.size for file in files],
        "sha256": [file.sha256 for file in files],
        "executable": [row for row, file in enumerate(files) if file.executable],
        "references": {},
    }
    manifests.remember_logged(connection, str(version["artifact_id"]), str(version["id"]), columns)

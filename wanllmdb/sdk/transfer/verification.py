"""Whether a directory still holds what was logged."""

from __future__ import annotations

import os
from collections.abc import Iterator

from wanllmdb.sdk import errors
from wanllmdb.sdk.manifest import Manifest
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.download_directory import TEMPORARY_PREFIX


def verify(manifest: Manifest, root: str) -> None:
    """Check every file below `root`. Raises `CorruptDownload` that names what is missing, changed or too much."""
    wrong = []
    there = []
    for entry in manifest:
        path = os.path.join(root, entry.path)
        if os.path.isfile(path) and os.path.getsize(path) == entry.size:
            there.append((entry.path, path))
        else:
            wrong.append(entry.path)
    for hashed in hashes.hash_files(there):
        if manifest[hashed.path].sha256 not in (None, hashed.sha256):
            wrong.append(hashed.path)
    more = [path for path in _below(root) if path not in manifest]
    if wrong or more:
        told = [f"{len(wrong)} missing or changed ({_some(wrong)})"] if wrong else []
        told += [f"{len(more)} not of the artifact ({_some(more)})"] if more else []
        raise errors.CorruptDownload(
            f"{root} is not what was logged: {'; '.join(told)}", problem={"paths": wrong + more}
        )


def _below(root: str) -> Iterator[str]:
    for directory, folders, files in os.walk(root):
        if directory == root:
            folders[:] = [folder for folder in folders if not folder.startswith(TEMPORARY_PREFIX)]
        for name in files:
            yield os.path.relpath(os.path.join(directory, name), root).replace(os.sep, "/")


def _some(found: list[str]) -> str:
    return ", ".join(sorted(found)[:3]) + (", …" if len(found) > 3 else "")

"""Checks whether a directory still holds the logged files."""

from __future__ import annotations

import os

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.manifest import Manifest
from wanllmdb.sdk.transfer import hashes, unrelated_files


def verify(manifest: Manifest, root: str, allow_missing_references: bool = False) -> None:
    """Check every file below `root`. Raises `CorruptDownload`, which names missing, changed and unexpected files.

    Of a reference without a sha256 only the size is known, or not even that.
    """
    wrong = []
    to_hash = []
    for entry in manifest:
        path = os.path.join(root, entry.path)
        is_there = os.path.isfile(path)
        if is_there and (os.path.getsize(path) == entry.size or (entry.is_reference and not entry.size)):
            to_hash.append((entry.path, path))
        elif is_there or not (entry.is_reference and allow_missing_references):
            wrong.append(entry.path)
    for hashed in hashes.hash_files(to_hash):
        if manifest[hashed.path].sha256 not in (None, hashed.sha256):
            wrong.append(hashed.path)
    unexpected = unrelated_files.find(root, manifest.entries)
    if wrong or unexpected:
        problems = [f"{len(wrong)} missing or changed ({paths.first_three(wrong)})"] if wrong else []
        problems += (
            [f"{len(unexpected)} not part of the artifact ({paths.first_three(unexpected)})"] if unexpected else []
        )
        raise errors.CorruptDownload(
            f"{root} differs from the logged files: {'; '.join(problems)}", problem={"paths": wrong + unexpected}
        )

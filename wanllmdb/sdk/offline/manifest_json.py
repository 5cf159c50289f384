"""Manifests in the files of the cache directory: `{"digest": …, "files": [{"path", "size", "sha256"}, …]}`."""

from __future__ import annotations

import re
from typing import Any

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.manifest import Entry, Manifest

_SHA256 = re.compile(r"[0-9a-f]{64}")


def to_json(manifest: Manifest) -> dict[str, Any]:
    files = [{"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in manifest]
    return {"digest": manifest.digest, "files": files}


def parse_manifest(content: dict[str, Any]) -> Manifest:
    """Raises `CacheError` for what is none, `InvalidPath` for a path that leads out of its directory."""
    try:
        entries = [Entry(paths.validate(file["path"]), file["size"], file["sha256"]) for file in content["files"]]
        if not all(isinstance(entry.size, int) and _SHA256.fullmatch(entry.sha256 or "") for entry in entries):
            raise ValueError("a size or a sha256 is wrong")
        return Manifest(entries, content["digest"])
    except errors.InvalidPath:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise errors.CacheError(f"This is not a manifest: {error}") from error

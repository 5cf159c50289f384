"""Manifests in the files of the cache directory.

Of offline runs, which people may read: `{"digest": …, "files": [{"path", "size", "sha256"}, …]}`. A reference has
`reference_uri`, `reference_identity` and `version_id`, and a sha256 if it was downloaded. Of versions, of which some
have very many files, a list for each property.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.manifest import Entry, Manifest

_SHA256 = re.compile(r"[0-9a-f]{64}")


def to_json(manifest: Manifest) -> dict[str, Any]:
    return {"digest": manifest.digest, "files": [_to_record(entry) for entry in manifest]}


def _to_record(entry: Entry) -> dict[str, Any]:
    if entry.is_reference:
        names = ("path", "size", "reference_uri", "reference_identity", "version_id")
        reference = {name: getattr(entry, name) for name in names}
        return {**reference, "sha256": entry.sha256} if entry.sha256 else reference
    record: dict[str, Any] = {"path": entry.path, "size": entry.size, "sha256": entry.sha256}
    return {**record, "executable": True} if entry.executable else record


def parse_manifest(content: dict[str, Any]) -> Manifest:
    """Raises `CacheError` for what is none, `InvalidPath` for a path that leads out of its directory."""
    try:
        entries = [_parse(record) for record in content["files"]]
        if not all(isinstance(entry.size, int) and _is_identified(entry) for entry in entries):
            raise ValueError("a size or a sha256 is wrong")
        return Manifest(entries, content["digest"])
    except errors.InvalidPath:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.CacheError(f"This is not a manifest: {error}") from error


def to_columns(manifest: Manifest) -> dict[str, Any]:
    """`paths`, `sizes` and `sha256` in one order; the rows of executable files; references by row, without a sha256."""
    entries = list(manifest)
    return {
        "digest": manifest.digest,
        "paths": [entry.path for entry in entries],
        "sizes": [entry.size for entry in entries],
        "sha256": [entry.sha256 for entry in entries],
        "executable": [row for row, entry in enumerate(entries) if entry.executable],
        "references": {
            row: [entry.reference_uri, entry.reference_identity, entry.version_id]
            for row, entry in enumerate(entries)
            if entry.is_reference
        },
    }


def parse_columns(content: Any) -> Manifest:
    """Raises `CacheError` for what is none, `InvalidPath` for a path that leads out of its directory."""
    try:
        executable, references = set(content["executable"]), content["references"]
        columns = zip(content["paths"], content["sizes"], content["sha256"], strict=True)
        entries = [
            Entry(paths.validate(path), size, sha256, executable=row in executable)
            for row, (path, size, sha256) in enumerate(columns)
        ]
        for row, described in references.items():
            entry = entries[int(row)]
            entries[int(row)] = replace(Entry.of_reference(entry.path, entry.size, *described), sha256=entry.sha256)
        return Manifest(entries, content["digest"])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise errors.CacheError(f"This is not a manifest: {error}") from error


def _is_identified(entry: Entry) -> bool:
    if entry.is_reference:
        texts = (entry.reference_uri, entry.reference_identity, entry.version_id)
        is_described = all(isinstance(text, str) for text in texts)
        return is_described and (entry.sha256 is None or _SHA256.fullmatch(entry.sha256) is not None)
    return _SHA256.fullmatch(entry.sha256 or "") is not None


def _parse(record: dict[str, Any]) -> Entry:
    if "reference_uri" in record:
        described = (record[name] for name in ("reference_uri", "reference_identity", "version_id"))
        reference = Entry.of_reference(paths.validate(record["path"]), record["size"], *described)
        return replace(reference, sha256=record.get("sha256"))
    is_executable = record.get("executable") is True
    return Entry(paths.validate(record["path"]), record["size"], record["sha256"], executable=is_executable)

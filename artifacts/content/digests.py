"""The digest of a version: what two versions share exactly when they hold the same files. The SDK computes it alike."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artifacts.models import ArtifactVersion


def of_version(version: "ArtifactVersion") -> str | None:
    """sha256 (hex) over the lines `{path}\\0{sha256 or reference}\\0{size}\\n` sorted by path as UTF-8 bytes.

    None while the sha256 of a file is not known.
    """
    rows = version.files.values_list("path", "blob__sha256", "reference_uri", "size")
    lines = []
    for path, sha256, reference, size in rows.iterator(chunk_size=5000):
        identity = sha256 or reference
        if not identity:
            return None
        lines.append((path.encode(), identity.encode(), size))
    digest = hashlib.sha256()
    for path, identity, size in sorted(lines):
        digest.update(b"%b\0%b\0%d\n" % (path, identity, size))
    return digest.hexdigest()


def of_executables(paths: Iterable[str]) -> str:
    """sha256 (hex) over `{path}\\0` of each executable file, sorted as UTF-8 bytes; empty where there is none.

    Beside the digest, which stays that of the contents: clients that know of no such bit compute it too.
    """
    lines = b"".join(b"%b\0" % path for path in sorted(path.encode() for path in paths))
    return hashlib.sha256(lines).hexdigest() if lines else ""

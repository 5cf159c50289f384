"""The digest of a version: what two versions share exactly when they hold the same files. The SDK computes it alike."""

import hashlib
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

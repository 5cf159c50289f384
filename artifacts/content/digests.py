"""The digest of a version: what two versions share exactly when they hold the same files. The SDK computes it alike."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from artifacts.references import uris

if TYPE_CHECKING:
    from artifacts.models import ArtifactVersion


def of_version(version: "ArtifactVersion") -> str | None:
    """sha256 (hex) over the lines `{path}\\0{sha256 or reference}\\0{size}\\n` sorted by path as UTF-8 bytes.

    None while the sha256 of a file is not known.
    """
    references = ("reference_uri", "reference_version_id", "reference_identity")
    rows = version.files.values_list("path", "size", "blob__sha256", *references)
    lines = []
    for path, size, sha256, *reference in rows.iterator(chunk_size=5000):
        identity = sha256 if reference[0] is None else of_reference(*reference)
        if not identity:
            return None
        lines.append((path.encode(), identity.encode(), size))
    digest = hashlib.sha256()
    for path, identity, size in sorted(lines):
        digest.update(b"%b\0%b\0%d\n" % (path, identity, size))
    return digest.hexdigest()


def of_reference(uri: str, version_id: str, identity: str) -> str:
    """What stands in a digest for a reference: where it is, and what the object was when it was recorded."""
    return f"ref:{uris.without_secrets(uri)} {version_id} {identity}"


def of_executables(paths: Iterable[str]) -> str:
    """sha256 (hex) over `{path}\\0` of each executable file, sorted as UTF-8 bytes; empty where there is none.

    Beside the digest, which stays that of the contents: clients that know of no such bit compute it too.
    """
    lines = b"".join(b"%b\0" % path for path in sorted(path.encode() for path in paths))
    return hashlib.sha256(lines).hexdigest() if lines else ""

"""The digest of a version: what two versions share exactly when they hold the same files. The SDK computes it alike."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from artifacts.references import uris

if TYPE_CHECKING:
    from artifacts.models import ArtifactVersion


class VersionDigest:
    """The digest of files that are added in the order of their paths as UTF-8 bytes, which is that of code points."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._is_known = True

    def add(self, path: str, identity: str | None, size: int) -> None:
        """A file by its sha256, or a reference by `of_reference`; None where the hash is not known."""
        if identity:
            self._hash.update(b"%b\0%b\0%d\n" % (path.encode(), identity.encode(), size))
        else:
            self._is_known = False

    @property
    def value(self) -> str | None:
        """sha256 (hex) over the lines `{path}\\0{sha256 or reference}\\0{size}\\n`; None while a hash is unknown."""
        return self._hash.hexdigest() if self._is_known else None


class ExecutableDigest:
    """What `of_executables` computes, of paths that are added in the same order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._is_empty = True

    def add(self, path: str) -> None:
        self._hash.update(b"%b\0" % path.encode())
        self._is_empty = False

    @property
    def value(self) -> str:
        return "" if self._is_empty else self._hash.hexdigest()


def of_version(version: "ArtifactVersion") -> str | None:
    """The digest of all files that the version has now; None while the sha256 of one is not known."""
    references = ("reference_uri", "reference_version_id", "reference_identity")
    rows = version.files.order_by("path").values_list("path", "size", "blob__sha256", *references)
    digest = VersionDigest()
    for path, size, sha256, *reference in rows.iterator(chunk_size=5000):
        digest.add(path, sha256 if reference[0] is None else of_reference(*reference), size)
    return digest.value


def of_reference(uri: str, version_id: str, identity: str) -> str:
    """What stands in a digest for a reference: where it is, and what the object was when it was recorded."""
    return f"ref:{uris.without_secrets(uri)} {version_id} {identity}"


def of_executables(paths: Iterable[str]) -> str:
    """sha256 (hex) over `{path}\\0` of each executable file, sorted as UTF-8 bytes; empty where there is none.

    Beside the digest, which stays that of the contents: clients that know of no such bit compute it too.
    """
    digest = ExecutableDigest()
    for path in sorted(paths):
        digest.add(path)
    return digest.value

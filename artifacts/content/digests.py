"""The digest of a version: what two versions share exactly when they hold the same files. The SDK computes it alike.

The `wandb` client has one of its own, which is made of md5.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

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


class WireDigest:
    """The digest that the `wandb` client computes, of files that are added in the order of `VersionDigest`.

    md5 (hex) over `wandb-artifact-manifest-v1\n` and the lines `{path}:{digest}\n`.
    """

    def __init__(self) -> None:
        self._hash = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        self._is_known = True

    def add(self, path: str, digest: str | None) -> None:
        """A file or reference by its digest on the wire; None where that is not known."""
        if digest is None:
            self._is_known = False
        elif self._is_known:
            self._hash.update(f"{path}:{digest}\n".encode())

    @property
    def value(self) -> str | None:
        """None while a digest is unknown."""
        return self._hash.hexdigest() if self._is_known else None


class Digests(NamedTuple):
    """The digests of one version; each is None while a hash that it is made of is unknown."""

    version: str | None
    wire: str | None


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
    return both_of_version(version).version


def both_of_version(version: "ArtifactVersion") -> Digests:
    """Both digests of all files that the version has now."""
    references = ("reference_uri", "reference_version_id", "reference_identity", "reference_digest")
    rows = version.files.order_by("path").values_list("path", "size", "blob__sha256", "blob__md5", *references)
    digest, wire = VersionDigest(), WireDigest()
    for path, size, sha256, md5, uri, version_id, identity, stated in rows.iterator(chunk_size=5000):
        if uri is None:
            digest.add(path, sha256, size)
            wire.add(path, md5_on_wire(md5))
        else:
            digest.add(path, of_reference(uri, version_id, identity), size)
            wire.add(path, reference_on_wire(uri, identity, stated))
    return Digests(digest.value, wire.value)


def md5_on_wire(md5: str | None) -> str | None:
    """An md5 in hex as the `wandb` client writes it."""
    return None if md5 is None else base64.b64encode(bytes.fromhex(md5)).decode()


def reference_on_wire(uri: str, identity: str, stated: str | None) -> str:
    """What the `wandb` client said of a reference; of one that it did not log its ETag or md5, else the URI."""
    if stated is not None:
        return stated
    kind, _, value = identity.partition(":")
    if kind == "md5":
        return md5_on_wire(value) or ""
    return value if kind == "etag" else uris.without_secrets(uri)


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

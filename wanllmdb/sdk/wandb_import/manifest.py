"""The manifest of a version of the source, as our server takes it: what it says of other versions there is translated.

`{"a.txt": {"digest": md5 in base64, "size": 12}, "b.csv": {"digest": …, "ref": "s3://…", "extra": {…}}}`
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from wanllmdb.sdk import errors
from wanllmdb.sdk.wandb_import import transfer
from wanllmdb.sdk.wandb_import.source import SourceError

# Beside an entry whose digest is no md5.
_OTHER_DIGEST = "digestAlgorithm"
_OWN_REFERENCE = re.compile(r"wandb-artifact://([0-9a-f]+)/(.*)", re.DOTALL)
_KEPT = ("digest", "ref", "size", "extra")


class ManifestFile(NamedTuple):
    """A file with bytes of its own; `md5` is in base64."""

    path: str
    md5: str
    size: int


class Manifest(NamedTuple):
    files: list[ManifestFile]
    content: bytes
    """JSON, as it is sent."""
    digest: str
    """Of the version, in hex, as the official client computes it."""

    @property
    def md5(self) -> str:
        return base64.b64encode(hashlib.md5(self.content, usedforsecurity=False).digest()).decode()


def build(artifact: Any, translate: Callable[[str], str | None], note: Callable[[str], object]) -> Manifest:
    """The manifest of an artifact of the official client. Raises `SourceError`, `InvalidPath`.

    `translate` finds the id that a version of the source has on our server. It is asked once for each.
    """
    translate = cache(translate)
    contents = artifact.manifest.to_manifest_json()["contents"]
    entries = {path: _entry(path, about, translate, note) for path, about in sorted(contents.items())}
    digest = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
    files = []
    for path, entry in entries.items():
        digest.update(f"{path}:{entry['digest']}\n".encode())
        if "ref" not in entry:
            files.append(ManifestFile(path, entry["digest"], transfer.require_size(entry.get("size"), path)))
    policy = {"storagePolicy": "wandb-storage-policy-v1", "storagePolicyConfig": {"storageLayout": "V2"}}
    content = json.dumps({"version": 1, **policy, "contents": entries}, separators=(",", ":")).encode()
    return Manifest(files, content, digest.hexdigest())


def _entry(
    path: object, about: Any, translate: Callable[[str], str | None], note: Callable[[str], object]
) -> dict[str, Any]:
    name = transfer.require_path(path)
    entry = {key: about[key] for key in _KEPT if about.get(key) is not None}
    if not isinstance(entry.get("digest"), str):
        raise SourceError(f"The source has no digest of {name}")
    if "ref" in entry:
        entry["ref"] = _translated(name, str(entry["ref"]), translate, note)
        return entry
    extra = entry.pop("extra", None) or {}
    try:
        transfer.in_hex(entry["digest"])
    except ValueError as error:
        raise SourceError(f"The digest of {name} is no md5: the version cannot be copied") from error
    if _OTHER_DIGEST in extra:
        raise SourceError(f"{name} was logged with {extra[_OTHER_DIGEST]}: only digests of MD5 can be copied")
    return entry


def _translated(path: str, uri: str, translate: Callable[[str], str | None], note: Callable[[str], object]) -> str:
    """A reference to a file of another version, which has another id here."""
    own = _OWN_REFERENCE.fullmatch(uri)
    if own is None:
        return uri
    try:
        found = translate(base64.b64encode(bytes.fromhex(own[1])).decode())
    except (ValueError, errors.Invalid):
        found = None
    if found is None:
        note(f"{path} refers to a version that was not copied, and leads nowhere")
        return uri
    return f"wandb-artifact://{base64.b64decode(found).hex()}/{own[2]}"

"""Manifests that clients send, read entry by entry: one of a million files never lies in memory as a whole.

    {"version": 1, "storagePolicy": …, "contents": {"sub/b.txt": {"digest": …, "birthArtifactID": …, "size": 12},
                                                    "ref.csv": {"digest": …, "ref": "s3://…", "extra": {…}}}}

What is the user's own, such as `local_path`, is not kept.
"""

import base64
import binascii
import codecs
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import ValidationError

from artifacts import errors
from artifacts.manifest_entries import Entry, FileEntry, ReferenceEntry
from artifacts.references import identities, uris
from artifacts.references.references import ReferenceSpec
from core.validators import validate_json_object, validate_json_value

_VERSION = 1
# Characters. The longest path, its URI and what a store says of the object have a tenth of it.
_MAX_VALUE = 2**18
_MAX_EXTRA_BYTES = 2**14
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def read(chunks: Iterable[bytes]) -> Iterator[Entry]:
    """The entries of a manifest. Raises `Invalid` where it is none, and what the chunks raise."""
    text = _Text(chunks)
    try:
        for key in text.read_keys():
            if key == "contents":
                for path in text.read_keys():
                    yield _entry(path, text.value())
            elif text.value() != _VERSION and key == "version":
                raise errors.Invalid(f"The manifest is not of version {_VERSION}.")
    except (ValueError, RecursionError) as error:
        raise errors.Invalid(f"The manifest is not valid JSON: {error}") from error
    # To their end, where they are compared with what was announced.
    text.read_rest()


class _Text:
    """JSON that is read value by value. Raises `ValueError` where it is not JSON."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")()
        self._chunks = (decoder.decode(chunk) for chunk in chunks)
        self._text = ""
        self._position = 0

    def read_keys(self) -> Iterator[str]:
        """The keys of an object; whoever takes one reads its value before the next."""
        self._expect("{")
        if self._peek() == "}":
            self._expect("}")
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise ValueError("a key is a text")
            self._expect(":")
            yield key
            if self._peek() == "}":
                self._expect("}")
                return
            self._expect(",")

    def value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except json.JSONDecodeError:
                if not self._read_more():
                    raise
                continue
            # A number that ends with what is there may go on.
            if end < len(self._text) or not self._read_more():
                self._position = end
                return value

    def read_rest(self) -> None:
        for _ in self._chunks:
            pass

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f"{character!r} is missing")
        self._position += 1

    def _peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._read_more():
                return ""

    def _read_more(self) -> bool:
        if len(self._text) - self._position > _MAX_VALUE:
            raise ValueError(f"a value has over {_MAX_VALUE:,} characters")
        more = next(self._chunks, None)
        if more is None:
            return False
        self._text, self._position = self._text[self._position :] + more, 0
        return True


def _entry(path: str, value: Any) -> Entry:
    if not isinstance(value, dict) or not isinstance(value.get("digest"), str):
        raise errors.Invalid(f"The entry {path!r} of the manifest has no digest.")
    digest, size = value["digest"], value.get("size")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise errors.Invalid(f"The size of {path!r} is not a number of bytes.")
    if value.get("ref") is None:
        return FileEntry(path, md5_in_hex(digest, path), size)
    if not isinstance(value["ref"], str) or not (digest.isprintable() and len(digest) <= uris.MAX_LENGTH):
        raise errors.Invalid(f"The reference {path!r} of the manifest has no URI, or too long a digest.")
    return _reference(path, value["ref"], digest, size or 0, value.get("extra") or {})


def _reference(path: str, uri: str, digest: str, size: int, extra: Any) -> ReferenceEntry:
    try:
        validate_json_object(extra)
        validate_json_value(extra, _MAX_EXTRA_BYTES)
    except ValidationError as error:
        message = f"What is kept beside the reference {path!r} is not allowed: {'; '.join(error.messages)}"
        raise errors.Invalid(message) from error
    version_id = str(extra.get("versionID") or "")
    identity = _identity(uri, digest)
    spec = ReferenceSpec(path, uri, size, identity, version_id if identities.is_version_id(version_id) else "")
    return ReferenceEntry(spec, digest, extra)


def _identity(uri: str, digest: str) -> str:
    """What the digest says of the object: its ETag, of a file its md5; nothing where it is the URI itself."""
    scheme = uri.partition(":")[0].lower()
    if digest == uri or not digest:
        return ""
    if scheme == "file":
        return f"md5:{found}" if (found := _md5_in_hex(digest)) else ""
    if scheme not in ("s3", "gs", "az", "http", "https"):
        return ""
    identity = identities.of_etag(digest)
    return identity if identities.is_identity(identity) else ""


def md5_in_hex(digest: str, path: str) -> str:
    """An md5 that came in base64. Raises `Invalid`."""
    found = _md5_in_hex(digest)
    if found is None:
        raise errors.Invalid(f"The digest of {path!r} is no md5 in base64.")
    return found


def _md5_in_hex(digest: str) -> str | None:
    try:
        found = base64.b64decode(digest, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found.hex() if len(found) == 16 else None

"""The public class `Media`, and how its objects become files of a run and JSON in its history."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from os import PathLike, fspath
from pathlib import Path
from typing import Any, ClassVar

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import excerpt

Add = Callable[[str, "bytes | Path"], object]
"""Keeps bytes, or those of a file, under a path of the run."""

_HASH_LENGTH = 20
_MAX_NAME = 200
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff<>:"\\|?*]')
"""What no path has on the server, or no name of a file on some systems."""
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}\Z")


class Media:
    """What `log` stores as a file of the run, or as an object of its own in the history."""

    def _to_record(self, add: Add, key: str, step: int) -> dict[str, Any]:
        """The JSON that the history has of it. `key` is what it was logged as."""
        raise NotImplementedError

    @classmethod
    def _to_list_record(cls, items: Sequence[Any], records: list[dict[str, Any]]) -> Any:
        """The JSON of several of this class that were logged as one value."""
        return records


class FileMedia(Media):
    """Media whose bytes are in a file."""

    _type: ClassVar[str]
    _directory: ClassVar[str]
    _content: bytes | Path
    _extension: str

    def __init__(self, content: bytes | Path, extension: str, caption: str | None = None) -> None:
        self._content = content
        self._extension = extension
        self.caption = caption

    def _to_record(self, add: Add, key: str, step: int) -> dict[str, Any]:
        sha256, size = _hash(self._content)
        path = f"media/{self._directory}/{_to_path(key)}_{step}_{sha256[:_HASH_LENGTH]}.{self._extension}"
        add(path, self._content)
        record = {"_type": self._type, "sha256": sha256, "size": size, "path": path, **self._details()}
        return record if self.caption is None else {**record, "caption": self.caption}

    def _details(self) -> dict[str, Any]:
        """What the record has beside the file."""
        return {}


def captions(items: Sequence[FileMedia]) -> dict[str, Any]:
    """What the record of several has of their captions."""
    found = [item.caption for item in items]
    return {"captions": [caption or "" for caption in found]} if any(found) else {}


def local_file(value: object, function: str) -> Path:
    """The file at a path. Raises `Invalid`."""
    path = Path(fspath(value) if isinstance(value, (str, PathLike)) else "").expanduser()
    if not path.is_file():
        raise errors.Invalid(f"{function}: there is no file {excerpt(str(value))}")
    return path


def extension_of(path: Path, default: str) -> str:
    """Without a dot."""
    found = _EXTENSION.match(path.suffix[1:])
    return found[0].lower() if found else default


def is_path(value: object) -> bool:
    return isinstance(value, (str, PathLike))


def require_numpy(function: str) -> Any:
    """The module, which only arrays need. Raises `Invalid`."""
    if find_spec("numpy") is None:
        raise errors.Invalid(f"{function} of an array needs numpy, which is not installed: pip install numpy")
    return import_module("numpy")


def to_array(value: Any, function: str) -> Any:
    """Numbers of numpy, torch, tensorflow or jax, or nested lists of them, as an array of numpy. Raises `Invalid`."""
    numpy = require_numpy(function)
    for name in ("detach", "cpu", "numpy"):
        method = getattr(value, name, None)
        value = method() if callable(method) and not isinstance(value, numpy.ndarray) else value
    try:
        array = numpy.asarray(value)
    except (TypeError, ValueError) as error:
        raise errors.Invalid(f"{function} takes numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise errors.Invalid(f"{function} takes numbers, not values of {array.dtype}")
    return array


def _hash(content: bytes | Path) -> tuple[str, int]:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest(), len(content)
    digest, size = hashlib.sha256(), 0
    with content.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def _to_path(key: str) -> str:
    """The key as the beginning of a path: its parts are directories."""
    parts = [_UNSAFE.sub("_", part).strip(". ") for part in unicodedata.normalize("NFC", key).split("/")]
    return "/".join(part for part in parts if part)[:_MAX_NAME] or "value"

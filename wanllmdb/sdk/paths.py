"""Paths inside an artifact: what all functions that take one accept, and what is refused.

Checked when a file is added, and again when it is downloaded: the server is not trusted with the user's disk."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePath

from wanllmdb.sdk import errors

StrPath = str | os.PathLike[str]

MAX_BYTES = 1024
MAX_NAME_BYTES = 255
"""Of one segment: what file systems take."""
TEMP_PREFIX = ".wanllmdb-tmp-"
"""What the names of directories for unfinished downloads begin with."""
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
DIRECTION_CHARACTER = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""They turn the text around them, so that a name reads as another one. As in `core.validators` of the server."""
_HAS_CONTROL = "it contains a control character"
# Nothing of it needs to be looked at: short, and no part of it begins with a dot.
_ORDINARY = re.compile(r"(?:[\w+=@~-][\w+=@~. -]{0,199}/){0,4}[\w+=@~-][\w+=@~. -]{0,199}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]*(?:/[A-Za-z0-9_-][A-Za-z0-9_. -]*)*")
_DRIVE_LETTER = re.compile(r"[A-Za-z]:")


def validate(path: str) -> str:
    """The path, if an artifact can contain it: POSIX, relative, NFC, and without a way out of its directory.

    Old versions have paths that `from_local` refuses: those that `DIRECTION_CHARACTER` finds. Raises `InvalidPath` with
    the reason.
    """
    # Most paths, in a tenth of the time.
    if _PLAIN.fullmatch(path) and len(path) <= MAX_BYTES:
        return path
    problem = _find_problem(path)
    if problem:
        raise _invalid(path, problem)
    return path


def _invalid(path: str, problem: str) -> errors.InvalidPath:
    return errors.InvalidPath(f"{path!r} is not a valid path inside an artifact: {problem}")


def _find_problem(path: str) -> str | None:
    if not path:
        return "it is empty"
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if length > MAX_BYTES:
        return f"it has {length} bytes, and the maximum is {MAX_BYTES}"
    if path.startswith("/"):
        return "it is absolute"
    if "\\" in path:
        return "it contains a backslash"
    if CONTROL_CHARACTER.search(path):
        return _HAS_CONTROL
    if _DRIVE_LETTER.match(path):
        return "it starts with a drive letter"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it contains an empty, '.' or '..' segment"
    if not unicodedata.is_normalized("NFC", path):
        return "it is not in Unicode normalization form NFC"
    return None


def compose(path: StrPath) -> str:
    """A path inside an artifact in the one form that it is compared in: `Path` and `./a//b` are `a/b`, in NFC.

    A slash at the end is dropped: a folder and a file are called alike. Nothing is checked. Raises `Invalid` for what
    is no path at all.
    """
    text = path.as_posix() if isinstance(path, PurePath) else to_text(path)
    if os.sep != "/":
        text = text.replace(os.sep, "/")
    root = "/" if text.startswith("/") else ""
    return root + "/".join(part for part in unicodedata.normalize("NFC", text).split("/") if part not in ("", "."))


def from_local(path: StrPath) -> str:
    """The path that a file gets in an artifact. Raises `InvalidPath` if it could not come back to a disk from there."""
    if isinstance(path, str) and _ORDINARY.fullmatch(path):
        return path
    composed = compose(path)
    if composed and to_text(path).endswith("/"):
        raise errors.InvalidPath(f"{path!r} names a folder: the path of a file ends with the name of the file")
    validate(composed)
    if DIRECTION_CHARACTER.search(composed):
        raise _invalid(composed, _HAS_CONTROL)
    if composed.startswith(TEMP_PREFIX):
        raise errors.InvalidPath(f"{composed!r} cannot be used: downloads keep unfinished files under {TEMP_PREFIX}…")
    for part in composed.split("/"):
        if len(part.encode()) > MAX_NAME_BYTES:
            raise errors.InvalidPath(f"{part!r} has {len(part.encode())} bytes, and disks take {MAX_NAME_BYTES}")
    return composed


def folder_from_user(path: StrPath) -> str:
    """A folder inside an artifact, with a slash at its end; empty for the artifact itself. Raises `InvalidPath`."""
    composed = compose(path)
    return f"{from_local(composed)}/" if composed else ""


def prefix_from_user(path: StrPath) -> str:
    """What a path that selects files begins with; one that ends with a slash means a folder. Raises `InvalidPath`."""
    composed = compose(path)
    return validate(composed) + "/" * to_text(path).endswith(("/", "/.")) if composed else ""


def folders_of(path: str) -> Iterator[str]:
    """The folders that a path inside an artifact lies in, the innermost first."""
    cut = path.rfind("/")
    while cut > 0:
        yield path[:cut]
        cut = path.rfind("/", 0, cut)


def first_three(paths: list[str]) -> str:
    """Some of the paths, for an error message."""
    return ", ".join(sorted(paths)[:3]) + (", …" if len(paths) > 3 else "")


def to_text(path: StrPath) -> str:
    """Raises `Invalid` for what is no path."""
    try:
        return os.fsdecode(path)
    except TypeError as error:
        raise errors.Invalid(f"{path!r} is not a path: use a str or a Path") from error

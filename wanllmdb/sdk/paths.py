"""Which paths an artifact can contain. Checked when a file is added, and again when it is downloaded: the server is not
trusted with the user's disk."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import PurePath

from wanllmdb.sdk import errors

MAX_BYTES = 1024
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE_LETTER = re.compile(r"[A-Za-z]:")


def validate(path: str) -> str:
    """The path, if an artifact can contain it: POSIX, relative, NFC, and without a way out of its directory.

    Raises `InvalidPath` with the reason.
    """
    problem = _find_problem(path)
    if problem:
        raise errors.InvalidPath(f"{path!r} is not a valid path inside an artifact: {problem}")
    return path


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
        return "it contains a control character"
    if _DRIVE_LETTER.match(path):
        return "it starts with a drive letter"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it contains an empty, '.' or '..' segment"
    if not unicodedata.is_normalized("NFC", path):
        return "it is not in Unicode normalization form NFC"
    return None


def from_local(path: str | PurePath) -> str:
    """A local relative path in the form that an artifact uses. Raises `InvalidPath` if there is none."""
    text = os.fspath(path)
    if os.sep != "/":
        text = text.replace(os.sep, "/")
    return validate(unicodedata.normalize("NFC", text))

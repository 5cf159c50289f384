"""Which paths an artifact may hold and which names things may have. Paths are checked when a file is added, and again
when it is downloaded: the server is not trusted with a user's disk."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import PurePath

from wanllmdb.sdk import errors

LONGEST = 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
VERSION = re.compile(r"v?([1-9][0-9]{0,8})")
LONGEST_TAG = 64


def check(path: str) -> str:
    """The path, if an artifact may hold it: POSIX, relative, NFC, with nothing that could lead out of a directory.

    Raises `InvalidPath` with the reason.
    """
    reason = _fault(path)
    if reason:
        raise errors.InvalidPath(f"{path!r} cannot be a path inside an artifact: {reason}")
    return path


def _fault(path: str) -> str | None:
    if not path:
        return "it is empty"
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    if length > LONGEST:
        return f"it is {length} bytes long, and {LONGEST} is the most"
    if path.startswith("/"):
        return "it is absolute"
    if "\\" in path:
        return "it holds a backslash"
    if _CONTROL.search(path):
        return "it holds a control character"
    if _DRIVE.match(path):
        return "it starts with a drive letter"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it holds an empty, '.' or '..' segment"
    if not unicodedata.is_normalized("NFC", path):
        return "it is not in Unicode's composed form (NFC)"
    return None


def from_local(path: str | PurePath) -> str:
    """A local relative path as an artifact writes it; raises `InvalidPath` where that is not possible."""
    text = os.fspath(path)
    if os.sep != "/":
        text = text.replace(os.sep, "/")
    return check(unicodedata.normalize("NFC", text))


def check_name(name: str) -> str:
    """The name, if an artifact may have it; raises `InvalidName`."""
    if not isinstance(name, str) or not ARTIFACT_NAME.fullmatch(name):
        raise errors.InvalidName(
            f"{name!r} cannot be an artifact's name: 1 to 128 letters, digits, '.', '_' and '-', "
            "of which the first is a letter or a digit"
        )
    return name


def check_alias(alias: str) -> str:
    """The alias, if a version may have it; raises `InvalidName`."""
    if not isinstance(alias, str) or not ALIAS.fullmatch(alias):
        raise errors.InvalidName(
            f"{alias!r} cannot be an alias: 1 to 100 letters, digits, '.', '_' and '-', "
            "of which the first is a letter or a digit"
        )
    return alias


def check_version(version: str | int) -> str:
    """`v3` for 'v3', '3' and 3; raises `Invalid`."""
    found = VERSION.fullmatch(str(version))
    if found is None:
        raise errors.Invalid(f"{version!r} is not a version: versions are v1, v2, v3 …")
    return f"v{found[1]}"


def check_tag(tag: str) -> str:
    """The tag, if an artifact may have it; raises `InvalidName`."""
    if not isinstance(tag, str) or not tag.strip() or len(tag.strip()) > LONGEST_TAG or _CONTROL.search(tag):
        raise errors.InvalidName(f"{tag!r} cannot be a tag: 1 to {LONGEST_TAG} characters on one line")
    return tag.strip()

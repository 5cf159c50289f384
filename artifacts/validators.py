"""Rules for the names of artifacts, aliases and types, and for paths inside a version. Pure functions, no database."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import ValidationError

from artifacts import errors
from core.validators import DIRECTION_CHARACTER, validate_tags

# Anchored so that Python and PostgreSQL agree: `$` would accept a newline at the end in Python.
# `.` and `..` are no names: browsers take them out of URLs.
ARTIFACT_NAME = r"\A(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,128}\Z"
OWN_ARTIFACT_NAME = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"
# A type or an alias: what the wandb client takes, but spaces at the ends.
_LETTER = r"[^/:\u0001-\u001f\u007f-\u009f]"
LABEL = rf"\A(?!\.{{1,2}}\Z)(?! ){_LETTER}{{0,127}}(?! ){_LETTER}\Z"
OWN_ALIAS = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z"
ALIAS_PATTERN = r"\A[A-Za-z0-9*?][A-Za-z0-9._*?-]{0,99}\Z"
SHA256 = r"\A[0-9a-f]{64}\Z"
MD5 = r"\A[0-9a-f]{32}\Z"
VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})")

LATEST = "latest"
# Segments of URLs under `…/aliases/`, where an alias of that name could not be reached.
RESERVED_ALIASES = ("history", "suggestions", "swap")
TYPES = ("model", "dataset", "file", "code")
MAX_PATH_BYTES = 1024
# That may be stated: `VERSION` reads those that come after it.
MAX_STATED_NUMBER = 99_999_999
MAX_TTL = timedelta(days=36_525)
MAX_LABEL_LENGTH = 128
# Of a move, a proposal or a decision, for the record.
MAX_REASON_LENGTH = 1000

_ALPHABET = "letters, digits, dots, underscores and hyphens"
ARTIFACT_NAME_RULE = f"An artifact name has 1 to 128 {_ALPHABET}, and starts with a letter or digit."
_LABEL_RULE = "1 to 128 printable characters, none of them '/' or ':', without spaces at the ends"
_DRIVE = re.compile(r"^[A-Za-z]:")
# What most paths are, in which nothing below can be found.
_PLAIN_NAME = "[A-Za-z0-9_-][A-Za-z0-9._ -]*"
_PLAIN_PATH = re.compile(f"(?:{_PLAIN_NAME}/)*{_PLAIN_NAME}")


def check_artifact_name(name: str, *, is_wandb: bool = False) -> str:
    """Raise `InvalidName` unless a new artifact can have it; the wandb client takes more than we do."""
    if not re.match(ARTIFACT_NAME if is_wandb else OWN_ARTIFACT_NAME, name):
        raise errors.InvalidName(f"{name!r} is not an artifact name. {ARTIFACT_NAME_RULE}")
    return name


def check_alias(alias: str) -> str:
    """Raise `InvalidName` for what no alias is called."""
    if not is_label(alias):
        raise errors.InvalidName(f"{alias!r} is not an alias: {_LABEL_RULE}.")
    if alias in RESERVED_ALIASES:
        raise errors.InvalidName(f"{alias!r} cannot be an alias: the name is reserved. Choose another one.")
    return alias


def is_alias(text: str) -> bool:
    return is_label(text) and text not in RESERVED_ALIASES


def check_new_alias(alias: str, *, is_wandb: bool = False) -> str:
    """Raise `InvalidName` unless a new alias can be called so; the wandb client takes more than we do."""
    if not is_wandb and not re.match(OWN_ALIAS, alias):
        raise errors.InvalidName(f"{alias!r} is not an alias: 1 to 100 {_ALPHABET}, starting with a letter or digit.")
    return check_alias(alias)


def check_alias_pattern(pattern: str) -> str:
    if not re.match(ALIAS_PATTERN, pattern):
        message = f"{pattern!r} is not a pattern of aliases: 1 to 100 {_ALPHABET}, `*` for any and `?` for one of them."
        raise errors.InvalidName(message)
    return pattern


def check_tags(tags: Iterable[str]) -> list[str]:
    try:
        return validate_tags(tags)
    except ValidationError as error:
        raise errors.Invalid(error.messages[0]) from error


def check_ttl(ttl: timedelta) -> timedelta:
    if not timedelta(0) < ttl <= MAX_TTL:
        raise errors.Invalid("A TTL is longer than nothing, and at most 100 years.")
    return ttl


def is_md5(text: str) -> bool:
    """Whether it is an md5 in lower-case hex."""
    return re.match(MD5, text) is not None


def check_type(type: str, *, is_wandb: bool = False) -> str:
    if not is_wandb and type not in TYPES:
        raise errors.InvalidName(f"{type!r} is not an artifact type: use one of {', '.join(TYPES)}.")
    if not is_label(type):
        raise errors.InvalidName(f"{type!r} is not an artifact type: {_LABEL_RULE}.")
    return type


def is_label(text: str) -> bool:
    """Whether it can be an alias or a type. Invisible characters cannot: two names must not look alike."""
    return re.match(LABEL, text) is not None and text.isprintable()


def check_path(path: str) -> str:
    """The path unchanged, if it is POSIX, relative and in NFC, and stays inside the artifact on every system."""
    if len(path) <= MAX_PATH_BYTES and _PLAIN_PATH.fullmatch(path):
        return path
    if not path:
        raise errors.InvalidPath("A path is empty.")
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise errors.InvalidPath(f"The path {path!r} is not valid Unicode.") from None
    if len(encoded) > MAX_PATH_BYTES:
        raise errors.InvalidPath(f"The path {path[:40]!r}… is longer than {MAX_PATH_BYTES} bytes.")
    reason = _path_error(path)
    if reason:
        raise errors.InvalidPath(f"The path {path!r} {reason}.")
    return path


def _path_error(path: str) -> str:
    if path.startswith("/"):
        return "is absolute"
    if _DRIVE.match(path):
        return "starts with a drive letter"
    if "\\" in path:
        return "has a backslash: use '/' between folders"
    if any(segment in ("", ".", "..") for segment in path.split("/")):
        return "has an empty, '.' or '..' segment"
    if not path.isprintable() and any(map(_is_control, path)):
        return "has a control character"
    if not unicodedata.is_normalized("NFC", path):
        return "is not in Unicode normalization form C"
    return ""


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or DIRECTION_CHARACTER.match(character) is not None


def version_number(version: str) -> int | None:
    """3 for 'v3', None for what is not a version."""
    match = VERSION.fullmatch(version)
    return int(match[1]) if match else None

"""Which names artifacts, aliases, versions and tags can have."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from wanllmdb.sdk import errors
from wanllmdb.sdk.paths import CONTROL_CHARACTER, DIRECTION_CHARACTER

ARTIFACT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
NEW_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# The wandb client may have called one so.
ALIAS = re.compile(r"(?!\.{1,2}\Z)(?! )[^/:]{0,127}[^/: ]")
VERSION = re.compile(r"v?(0|[1-9][0-9]{0,8})")
SURROGATE = re.compile("[\ud800-\udfff]")
TYPES = ("model", "dataset", "file", "code")
MAX_TAG_LENGTH = 128
MAX_TTL = timedelta(days=36_525)


def validate_name(name: str) -> str:
    """The name, if an artifact can have it. Raises `InvalidName`."""
    if not isinstance(name, str) or not ARTIFACT_NAME.fullmatch(name):
        raise errors.InvalidName(
            f"{name!r} is not a valid artifact name: use 1 to 128 letters, digits, '.', '_' and '-', "
            "starting with a letter or a digit"
        )
    return name


def validate_type(type: str) -> str:
    """The type, if an artifact can have it. Raises `InvalidName`."""
    if type not in TYPES:
        raise errors.InvalidName(f"{type!r} is not an artifact type: use one of {', '.join(TYPES)}")
    return type


def validate_new_alias(alias: str) -> str:
    """The alias, if we may call a version so. Raises `InvalidName`."""
    if not isinstance(alias, str) or not NEW_ALIAS.fullmatch(alias):
        raise errors.InvalidName(
            f"{alias!r} is not a valid alias: use 1 to 100 letters, digits, '.', '_' and '-', "
            "starting with a letter or a digit"
        )
    return alias


def validate_alias(alias: str) -> str:
    """The alias, if a version can have it. Raises `InvalidName`."""
    if not isinstance(alias, str) or not ALIAS.fullmatch(alias) or not alias.isprintable():
        raise errors.InvalidName(
            f"{alias!r} is not a valid alias: use 1 to 128 printable characters, none of them '/' or ':', "
            "without spaces at the ends"
        )
    return alias


def validate_aliases(aliases: str | Iterable[str] | None) -> list[str]:
    """New aliases, one or several, in the order given and without duplicates. Raises `InvalidName`."""
    return list(dict.fromkeys(map(validate_new_alias, _items(aliases, "aliases"))))


def validate_existing_aliases(aliases: str | Iterable[str] | None) -> list[str]:
    """The same of a version that may have aliases from the wandb client. Raises `InvalidName`."""
    return list(dict.fromkeys(map(validate_alias, _items(aliases, "aliases"))))


def parse_version(version: str | int) -> str:
    """`v3` for 'v3', '3' and 3. Raises `Invalid`."""
    match = VERSION.fullmatch(str(version))
    if match is None:
        raise errors.Invalid(f"{version!r} is not a version: versions are v0, v1, v2 …")
    return f"v{match[1]}"


def validate_tag(tag: str) -> str:
    """The tag without surrounding spaces, if an artifact can have it. Raises `InvalidName`."""
    refused = (CONTROL_CHARACTER, DIRECTION_CHARACTER, SURROGATE)
    is_text = isinstance(tag, str) and not any(characters.search(tag) for characters in refused)
    if not is_text or not 0 < len(tag.strip()) <= MAX_TAG_LENGTH:
        raise errors.InvalidName(f"{tag!r} is not a valid tag: use 1 to {MAX_TAG_LENGTH} characters on one line")
    return tag.strip()


def validate_tags(tags: str | Iterable[str] | None) -> list[str]:
    """One tag or several, in the order given and without duplicates. Raises `InvalidName`."""
    return list(dict.fromkeys(map(validate_tag, _items(tags, "tags"))))


def validate_ttl(ttl: timedelta | None) -> timedelta | None:
    """How long a version lives, in whole seconds; None for ever. Raises `Invalid`."""
    if ttl is None:
        return None
    if not isinstance(ttl, timedelta) or not timedelta(seconds=1) <= ttl <= MAX_TTL:
        raise errors.Invalid(f"{ttl!r} is not a TTL: use a timedelta of 1 second to 100 years, or None for ever")
    return timedelta(seconds=ttl // timedelta(seconds=1))


def _items(names: str | Iterable[str] | None, argument: str) -> list[str]:
    if names is None or isinstance(names, str):
        return [] if names is None else [names]
    if not isinstance(names, Iterable):
        raise errors.Invalid(f"{argument} takes a text or a list of texts, not {names!r}")
    return list(names)

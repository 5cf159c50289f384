"""What an object was when it was referenced: its ETag, a hash, or when it was last modified; and its version."""

import re
from datetime import datetime

from artifacts import validators

# Bytes. Some stores keep larger objects than ours.
MAX_SIZE = 2**50
MAX_IDENTITY_LENGTH = 400
MAX_VERSION_ID_LENGTH = 1024

_ETAG = re.compile(r'(W/)?[^"]+')
_QUOTED_ETAG = re.compile(r'(W/)?"([^"]*)"')


def of_etag(etag: str) -> str:
    """`etag:…` of an ETag as servers send it, with or without quotes; empty of an empty one."""
    quoted = _QUOTED_ETAG.fullmatch(etag)
    value = f"{quoted[1] or ''}{quoted[2]}" if quoted else etag
    return f"etag:{value}" if value else ""


def etag_of(identity: str | None) -> str | None:
    """The ETag that an identity is made of, without quotes; None of another."""
    return identity.removeprefix("etag:") if identity and identity.startswith("etag:") else None


def is_identity(identity: str) -> bool:
    """Whether it is of one of the known kinds, or empty."""
    kind, _, value = identity.partition(":")
    match kind:
        case "":
            return not identity
        case "etag":
            return len(identity) <= MAX_IDENTITY_LENGTH and _is_word(value) and bool(_ETAG.fullmatch(value))
        case "sha256":
            return bool(re.match(validators.SHA256, value))
        case "md5":
            return bool(re.match(validators.MD5, value))
        case "modified":
            return _is_time(value)
    return False


def is_version_id(version_id: str) -> bool:
    """Whether a store may call a version of an object so; empty where there is none."""
    return len(version_id) <= MAX_VERSION_ID_LENGTH and _is_word(version_id)


def _is_time(text: str) -> bool:
    try:
        offset = datetime.fromisoformat(text).utcoffset()
    except ValueError:
        return False
    return offset is not None and not offset and len(text) <= 40


def _is_word(text: str) -> bool:
    """Whether it can stand in a line of a digest, between spaces."""
    return " " not in text and text.isprintable()

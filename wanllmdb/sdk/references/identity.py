"""What tells an object from its later states: `kind:value`, and empty where nothing was recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from wanllmdb.sdk import errors, timestamps

_MD5 = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def of_etag(etag: str | None) -> str:
    """`etag:…` without the quotes, which some listings leave out. A weak one keeps its `W/`."""
    if not etag:
        return ""
    weak, value = ("W/", etag[2:]) if etag.startswith("W/") else ("", etag)
    value = value.strip('"')
    return f"etag:{weak}{value}"


def of_time(modified_at: datetime | None) -> str:
    """`modified:…`, in UTC."""
    return f"modified:{timestamps.to_wire(modified_at)}" if modified_at else ""


def of_headers(headers: Mapping[str, str]) -> str:
    """The ETag, or else the time of the last change; empty if a server sends neither."""
    return of_etag(headers.get("ETag")) or of_last_modified(headers)


def of_last_modified(headers: Mapping[str, str]) -> str:
    """The time of the last change; empty if a server sends none, or no date, or one without a time zone."""
    value = headers.get("Last-Modified")
    try:
        return of_time(parsedate_to_datetime(value)) if value else ""
    except (ValueError, errors.Invalid):
        return ""


def of_sha256(sha256: str) -> str:
    return f"sha256:{sha256}"


def of_hashes(md5_hash: str | None, sha256_hash: str | None) -> str:
    """The identity that a caller gives; empty without one. Raises `Invalid` for what is no hash."""
    for name, value, pattern in (("md5_hash", md5_hash, _MD5), ("sha256_hash", sha256_hash, _SHA256)):
        if value is not None and not pattern.fullmatch(value.lower()):
            raise errors.Invalid(f"{name} takes the hash in hexadecimal, not {value[:80]!r}")
    if sha256_hash is not None:
        return of_sha256(sha256_hash.lower())
    return f"md5:{md5_hash.lower()}" if md5_hash is not None else ""

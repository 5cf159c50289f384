"""What a HEAD of an object says: what it is, and whether it is what it was when it was logged.

The response is compared with what was recorded: the version of the object, its length, and its identity, which is an
ETag, a hash that the store tells of, or the time of its last change.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from artifacts.models import ReferenceState
from artifacts.references import identities
from core import guarded_http
from core.guarded_http import Limits, Response
from core.url_policy import Destination, Policy

_HEADERS = {"User-Agent": "wanLLMDB", "Accept": "*/*", "Accept-Encoding": "identity"}
_VERSION_HEADERS = ("x-amz-version-id", "x-goog-generation", "x-ms-version-id")
_DIGITS = re.compile(r"[0-9]{1,20}")
MAX_REASON_LENGTH = 200
_ABSENCES = {
    ReferenceState.MISSING: "Nothing is there.",
    ReferenceState.DENIED: "The server has no access to it.",
}
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of the object since it was logged: `size` is 0 where the length is not."""

    identity: str
    version_id: str
    size: int


class Finding(NamedTuple):
    """The state that was found; None where nothing was found out, and `reason` says why, in at most 200 characters."""

    state: ReferenceState | None
    reason: str = ""

    @classmethod
    def unknown(cls, reason: str) -> "Finding":
        return cls(None, reason[:MAX_REASON_LENGTH])


class Description(NamedTuple):
    """What identifies the object as it is now, as references record it; size 0 where the server does not tell it.

    Without an `identity` nothing does, and `reason` says why.
    """

    identity: str
    version_id: str = ""
    size: int = 0
    reason: str = ""

    @classmethod
    def unknown(cls, reason: str) -> "Description":
        return cls("", reason=reason[:MAX_REASON_LENGTH])


def ask(
    url: str,
    policy_of: Callable[[str], Policy],
    limits: Limits,
    wait_for_turn: Callable[[Destination], object] = lambda _: None,
) -> Response:
    """The response to a HEAD. Raises `AddressRefused` where the URL, or one that it redirects to, may not be called."""
    return guarded_http.head(url, policy_of, _HEADERS, limits, wait_for_turn=wait_for_turn)


def judge(response: Response, recorded: Recorded) -> Finding:
    """Whether it still is what was recorded."""
    state = state_of(response)
    if state is not None:
        return Finding(state)
    return _compare(response.headers, recorded) if response.is_success else Finding.unknown(_problem(response))


def describe(response: Response) -> Description:
    """What it is. The SDK words identities alike, so that the same object is the same in the digests of versions."""
    if not response.is_success:
        return Description.unknown(_ABSENCES.get(state_of(response)) or _problem(response))
    headers = response.headers
    identity = identities.of_etag(headers.get("etag", "")) or _identity_of_time(headers)
    version_id = _version_of(headers)
    if not identity or not identities.is_identity(identity) or not identities.is_version_id(version_id):
        return Description.unknown("It is there, but the server tells neither an ETag nor the time of its last change.")
    size = _length_of(headers) or 0
    # `null` is what S3 calls an object from before it kept versions, and writes anew.
    version_id = "" if version_id == "null" else version_id
    return Description(identity, version_id, size if size <= identities.MAX_SIZE else 0)


def _problem(response: Response) -> str:
    return response.error or f"The server responded with status {response.status}."


def state_of(response: Response) -> ReferenceState | None:
    """What the status alone says."""
    is_deleted = response.status == 405 and response.headers.get("x-amz-delete-marker") == "true"
    if response.status in (404, 410) or is_deleted:
        return ReferenceState.MISSING
    return ReferenceState.DENIED if response.status in (401, 403) else None


def _compare(headers: Mapping[str, str], recorded: Recorded) -> Finding:
    version_id = _version_of(headers)
    if recorded.version_id and version_id and version_id != recorded.version_id:
        return Finding(ReferenceState.CHANGED)
    if recorded.size and _length_of(headers) not in (None, recorded.size):
        return Finding(ReferenceState.CHANGED)
    kind, _, value = recorded.identity.partition(":")
    if not kind:
        return Finding.unknown("It is there. What identifies it was not recorded.")
    is_same = _COMPARISONS[kind](headers, value) if kind in _COMPARISONS else None
    if is_same is None:
        return Finding.unknown(f"It is there, but the server does not tell its {_NAMES.get(kind, kind)}.")
    return Finding(ReferenceState.UNCHANGED if is_same else ReferenceState.CHANGED)


def _version_of(headers: Mapping[str, str]) -> str:
    return next((headers[name] for name in _VERSION_HEADERS if name in headers), "")


def _length_of(headers: Mapping[str, str]) -> int | None:
    """None where it is not told, or is that of the object's compressed bytes."""
    length, encoding = headers.get("content-length", ""), headers.get("content-encoding", "identity")
    return int(length) if encoding == "identity" and _DIGITS.fullmatch(length) else None


def _identity_of_time(headers: Mapping[str, str]) -> str:
    """`modified:…`, in UTC; empty without a time, or one without a time zone."""
    try:
        modified_at = parsedate_to_datetime(headers["last-modified"])
    except (KeyError, ValueError):
        return ""
    return f"modified:{modified_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if modified_at.tzinfo else ""


def _is_etag(headers: Mapping[str, str], recorded: str) -> bool | None:
    """Weak or not: what is sent by the same name is the same for us."""
    etag = headers.get("etag", "").replace('"', "")
    return etag.removeprefix("W/") == recorded.replace('"', "").removeprefix("W/") if etag else None


def _is_md5(headers: Mapping[str, str], recorded: str) -> bool | None:
    """By what is certainly an MD5. An ETag that looks like one proves that it is the same, but not that it is not."""
    stated = re.search(r"md5=([A-Za-z0-9+/=]+)", headers.get("x-goog-hash", ""))
    value = _hex(stated[1] if stated else headers.get("content-md5", ""))
    if value:
        return value == recorded.lower()
    etag = headers.get("etag", "").replace('"', "").lower()
    return True if _MD5.fullmatch(etag) and etag == recorded.lower() else None


def _is_sha256(headers: Mapping[str, str], recorded: str) -> bool | None:
    value = _hex(headers.get("x-amz-checksum-sha256", ""))
    return value == recorded.lower() if value else None


def _is_modified(headers: Mapping[str, str], recorded: str) -> bool | None:
    try:
        times = parsedate_to_datetime(headers["last-modified"]), datetime.fromisoformat(recorded.replace("Z", "+00:00"))
    except (KeyError, ValueError, TypeError):
        return None
    stated, known = (time if time.tzinfo else time.replace(tzinfo=UTC) for time in times)
    # The header has whole seconds.
    return int(stated.timestamp()) == int(known.timestamp())


def _hex(text: str) -> str:
    """Of Base64; "" where it is none, as of checksums over checksums of parts."""
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


_COMPARISONS: dict[str, Callable[[Mapping[str, str], str], bool | None]] = {
    "etag": _is_etag,
    "md5": _is_md5,
    "sha256": _is_sha256,
    "modified": _is_modified,
}
_NAMES = {"etag": "ETag", "md5": "MD5", "sha256": "SHA-256", "modified": "Last-Modified"}

"""What a HEAD of an object says: whether it is what it was when it was logged.

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
from core import errors, guarded_http
from core.guarded_http import Limits, Response
from core.url_policy import Policy

_HEADERS = {"User-Agent": "wanLLMDB", "Accept": "*/*", "Accept-Encoding": "identity"}
_VERSION_HEADERS = ("x-amz-version-id", "x-goog-generation", "x-ms-version-id")
_DIGITS = re.compile(r"[0-9]{1,20}")
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of the object since it was logged: `size` is 0 where the length is not."""

    identity: str
    version_id: str
    size: int


class Finding(NamedTuple):
    """The state that was found; None where nothing was found out, and `reason` says why, in at most 200 characters.

    `is_silent`: the host gave no response at all.
    """

    state: ReferenceState | None
    reason: str = ""
    is_silent: bool = False

    @classmethod
    def unknown(cls, reason: str, *, is_silent: bool = False) -> "Finding":
        return cls(None, reason[:200], is_silent)


def ask(
    url: str,
    policy_of: Callable[[str], Policy],
    limits: Limits,
    before_redirect: Callable[[str], object] | None = None,
) -> Response:
    """The response to a HEAD. Raises `AddressRefused` where the URL, or one that it redirects to, may not be called."""
    return guarded_http.head(url, policy_of, _HEADERS, limits, before_redirect=before_redirect)


def inspect(
    url: str,
    policy_of: Callable[[str], Policy],
    limits: Limits,
    recorded: Recorded,
    before_redirect: Callable[[str], object] | None = None,
) -> Finding:
    """What one HEAD finds out about the object at the URL. `before_redirect` as of `guarded_http.head`."""
    try:
        return judge(ask(url, policy_of, limits, before_redirect), recorded)
    except errors.AddressRefused as refusal:
        return Finding.unknown(str(refusal))


def judge(response: Response, recorded: Recorded) -> Finding:
    state = state_of(response)
    if state is not None:
        return Finding(state)
    if response.status is None:
        return Finding.unknown(response.error, is_silent=True)
    if not response.is_success:
        return Finding.unknown(response.error or f"The server responded with status {response.status}.")
    return _compare(response.headers, recorded)


def state_of(response: Response) -> ReferenceState | None:
    """What the status alone says."""
    is_deleted = response.status == 405 and response.headers.get("x-amz-delete-marker") == "true"
    if response.status in (404, 410) or is_deleted:
        return ReferenceState.MISSING
    return ReferenceState.DENIED if response.status in (401, 403) else None


def _compare(headers: Mapping[str, str], recorded: Recorded) -> Finding:
    version_id = next((headers[name] for name in _VERSION_HEADERS if name in headers), "")
    if recorded.version_id and version_id and version_id != recorded.version_id:
        return Finding(ReferenceState.CHANGED)
    length = headers.get("content-length", "")
    is_plain = headers.get("content-encoding", "identity") == "identity"
    if recorded.size and is_plain and _DIGITS.fullmatch(length) and int(length) != recorded.size:
        return Finding(ReferenceState.CHANGED)
    kind, _, value = recorded.identity.partition(":")
    if not kind:
        return Finding.unknown("It is there. What identifies it was not recorded.")
    is_same = _COMPARISONS[kind](headers, value) if kind in _COMPARISONS else None
    if is_same is None:
        return Finding.unknown(f"It is there, but the server does not tell its {_NAMES.get(kind, kind)}.")
    return Finding(ReferenceState.UNCHANGED if is_same else ReferenceState.CHANGED)


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

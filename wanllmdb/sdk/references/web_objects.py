"""What a web server says of the object at a URL, without fetching it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from wanllmdb.sdk import connection_errors, errors
from wanllmdb.sdk.cancellation import cancellable_sleep
from wanllmdb.sdk.host_environment import proxies
from wanllmdb.sdk.http_client import CONNECT_TIMEOUT, RETRYABLE_STORE_STATUSES, USER_AGENT, create_pool
from wanllmdb.sdk.reference_uris import without_secrets
from wanllmdb.sdk.references import identity

READ_TIMEOUT = 60.0
MAX_ATTEMPTS = 3
MAX_REDIRECTS = 10
# Some servers refuse HEAD, and so does a URL that was signed for GET.
_NO_HEAD = (400, 401, 403, 405, 501)


def look_up(url: str) -> tuple[int, str]:
    """The size in bytes, 0 if it is not told, and the identity: the ETag, or else the time of the last change.

    Follows redirects. Raises `NotFound`, `ReferenceUnreachable`, `Invalid` for an object without an identity.
    """
    shown = without_secrets(url)
    status, headers = _ask("HEAD", url)
    if status in _NO_HEAD:
        status, headers = _ask("GET", url)
    if status in (404, 410):
        raise errors.NotFound(f"{shown} does not exist: the server answered {status}")
    if status >= 300:
        raise _unreachable(url, f"the server answered {status}")
    found = identity.of_etag(headers.get("ETag")) or _modified(headers.get("Last-Modified"))
    if not found:
        raise errors.Invalid(
            f"The server of {shown} sends neither an ETag nor the time of the last change, so that nobody could notice "
            "a change: pass sha256_hash or md5_hash, or checksum=False to record the URI alone"
        )
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else 0, found


def _ask(method: str, url: str) -> tuple[int, urllib3.HTTPHeaderDict]:
    """The status and headers of the last answer after redirects."""
    current = url
    for _ in range(MAX_REDIRECTS):
        status, headers = _ask_with_retries(method, current)
        if status not in (301, 302, 303, 307, 308) or not headers.get("Location"):
            return status, headers
        current = urljoin(current, headers["Location"])
        if urlsplit(current).scheme not in ("http", "https"):
            break
    raise _unreachable(url, "its redirects lead nowhere")


def _ask_with_retries(method: str, url: str) -> tuple[int, urllib3.HTTPHeaderDict]:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            status, headers = _ask_once(method, url)
        except HTTPError as error:
            if attempt == MAX_ATTEMPTS or connection_errors.is_final(error):
                raise _unreachable(url, connection_errors.reason_of(error)) from error
        else:
            if attempt == MAX_ATTEMPTS or status not in RETRYABLE_STORE_STATUSES:
                return status, headers
        cancellable_sleep(0.25 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _ask_once(method: str, url: str) -> tuple[int, urllib3.HTTPHeaderDict]:
    """The body of an answer is not read. Cookies, passwords and keys are not sent."""
    with create_pool(urlsplit(url).scheme, proxies.find(url)) as pool:
        response = pool.request(
            method,
            url,
            headers={"Accept-Encoding": "identity", "User-Agent": USER_AGENT},
            preload_content=False,
            redirect=False,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
        )
        response.close()
        return response.status, response.headers


def _unreachable(url: str, reason: str) -> errors.ReferenceUnreachable:
    shown = without_secrets(url)
    return errors.ReferenceUnreachable(f"{shown} cannot be read: {reason}", problem={"uris": [shown]})


def _modified(value: str | None) -> str:
    try:
        return identity.of_time(parsedate_to_datetime(value)) if value else ""
    except (ValueError, errors.Invalid):  # no date, or one without a time zone
        return ""

"""What a web server says of the object at a URL, without fetching it."""

from __future__ import annotations

from contextlib import closing

import urllib3

from wanllmdb.sdk import errors
from wanllmdb.sdk.reference_uris import without_secrets
from wanllmdb.sdk.references import identity, web_requests
from wanllmdb.sdk.references.web_requests import WebClient

# Some servers refuse HEAD, and so does a URL that was signed for GET.
_NO_HEAD = (400, 401, 403, 405, 501)


def look_up(url: str) -> tuple[int, str]:
    """The size in bytes, 0 if it is not told, and the identity: the ETag, or else the time of the last change.

    Follows redirects. Raises `NotFound`, `ReferenceUnreachable`, `Invalid` for an object without an identity.
    """
    safe_uri = without_secrets(url)
    with closing(WebClient()) as client:
        status, headers = _ask(client, "HEAD", url)
        if status in _NO_HEAD:
            status, headers = _ask(client, "GET", url)
    if status in (404, 410):
        raise errors.NotFound(f"{safe_uri} does not exist: the server answered {status}")
    if status >= 300:
        raise web_requests.unreachable(url, f"the server answered {status}")
    found = identity.of_headers(headers)
    if not found:
        raise errors.Invalid(
            f"The server of {safe_uri} sends neither an ETag nor the time of the last change, so that nobody could "
            "notice a change: pass sha256_hash or md5_hash, or checksum=False to record the URI alone"
        )
    length = headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else 0, found


def _ask(client: WebClient, method: str, url: str) -> tuple[int, urllib3.HTTPHeaderDict]:
    response = client.open(method, url)
    response.close()
    return response.status, response.headers

"""The HTTP client: JSON to the server, bytes to and from the object store.

The two have separate connection pools: a presigned URL is never called with the API key.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from wanllmdb.sdk import cancellation, connection_errors, errors
from wanllmdb.sdk.connection_errors import ObjectStoreError, origin_of
from wanllmdb.sdk.host_environment import certificates, proxies
from wanllmdb.sdk.host_environment.proxies import Proxy
from wanllmdb.sdk.host_environment.secret import Secret
from wanllmdb.sdk.http_pools import BLOCK_SIZE, USER_AGENT, create_pool
from wanllmdb.sdk.http_retries import (
    RETRY_PERIOD,
    RETRYABLE_API_STATUSES,
    RETRYABLE_STORE_STATUSES,
    Retries,
    backoff,
)

API_PATH = "/api/v1"
PAGE_SIZE = 200


class Client:
    """Talks to one server with one API key. Safe to use from several threads. Raises the exceptions of `errors`."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        retry_period: float = RETRY_PERIOD,
        api_path: str = API_PATH,
        is_key_optional: bool = False,
    ) -> None:
        """`is_key_optional` says that the server also answers those who send no key, as for what is public."""
        self.base_url = base_url
        self._api_path = api_path
        self._is_key_optional = is_key_optional
        self._retries = Retries(retry_period)
        self._api_key = Secret(api_key) if api_key else None
        self._has_answered = False
        self._lock = threading.Lock()
        self._pools_pid = 0
        self._pools: dict[tuple[object, ...], urllib3.PoolManager] = {}

    @property
    def retry_period(self) -> float:
        """For how many seconds an idempotent request is retried before `Unreachable` is raised."""
        return self._retries.period

    @retry_period.setter
    def retry_period(self, seconds: float) -> None:
        self._retries.period = seconds

    # --- JSON to the server -------------------------------------------------------------------------------------------

    def get(self, path: str, **query: object) -> Any:
        """The JSON response. Query parameters that are None are left out, and a list is one for each of its items."""
        return self._request_json("GET", path, query=query, idempotent=True)

    def post(self, path: str, body: object = None, *, idempotent: bool = False) -> Any:
        """`idempotent` says that the server may receive this twice without harm, so that it may be retried."""
        return self._request_json("POST", path, body=body if body is not None else {}, idempotent=idempotent)

    def put(self, path: str, body: object, *, idempotent: bool = False) -> Any:
        return self._request_json("PUT", path, body=body, idempotent=idempotent)

    def patch(self, path: str, body: object) -> Any:
        return self._request_json("PATCH", path, body=body, idempotent=True)

    def delete(self, path: str, **query: object) -> None:
        """Retried: if the response of an earlier attempt was lost, it is no error that there is nothing left."""
        try:
            self._request_json("DELETE", path, query=query, idempotent=True)
        except errors.NotFound as error:
            if not error.response_lost:
                raise

    def iter_pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """The items of a list, each that stays once, whatever others do meanwhile; fetched page by page when needed."""
        cursor = ""
        while cursor is not None:
            response = self.get(path, cursor=cursor, page_size=PAGE_SIZE, **query)
            yield from response["items"]
            cursor = response["next_cursor"]

    def iter_cursor_pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """The pages of a list with cursors; each page is fetched when it is needed."""
        cursor = None
        while True:
            response = self.get(path, cursor=cursor, **query)
            yield response
            # Older servers send all aliases at once, without one.
            cursor = response.get("next_cursor")
            if not cursor:
                return

    def complete(self, record: dict[str, Any], path: str, **query: object) -> dict[str, Any]:
        """The record of a list with the long values that the list left out, which are fetched from the item's path."""
        omitted = record.get("omitted")
        if not omitted:
            return record
        whole = self.get(path, **query)
        return {**record, **{name: whole[name] for name in omitted}, "omitted": []}

    def _request_json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        idempotent: bool,
    ) -> Any:
        url = self._url(path, query or {})
        headers = {**self._headers("application/json"), "Accept-Encoding": "gzip"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = _to_json(body)

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("api", method, url, headers=headers, body=content)

        response, response_lost = self._retries.send(send, url, idempotent=idempotent, statuses=RETRYABLE_API_STATUSES)
        try:
            return self._parse_response(response, url)
        except errors.WanLLMDBError as error:
            error.response_lost = response_lost
            raise

    def _url(self, path: str, query: Mapping[str, object]) -> str:
        params = {name: value for name, value in query.items() if value is not None}
        return self.base_url + self._api_path + path + ("?" + urlencode(params, doseq=True) if params else "")

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        if self._api_key:
            headers["Authorization"] = Secret(f"Bearer {self._api_key}")
        elif not self._is_key_optional:
            raise errors.AuthenticationError(
                f"No API key for {self.base_url}: run `wanllmdb login`, or set WANLLMDB_API_KEY"
            )
        return headers

    # --- Longer contents from and to the server -----------------------------------------------------------------------

    def open(self, path: str, *, accept: str = "*/*", **query: object) -> urllib3.BaseHTTPResponse:
        """The response, to be read in blocks and closed. Where it is a redirect, that is followed, without the key."""
        url, headers = self._url(path, query), self._headers(accept)

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("api", "GET", url, headers=headers, stream=True)

        response, _ = self._retries.send(send, url, idempotent=True, statuses=RETRYABLE_API_STATUSES)
        location = response.headers.get("Location")
        if response.status in (302, 303, 307) and location:
            response.close()
            return self._open_presigned(urljoin(url, location))
        if response.status >= 300:
            self._parse_response(response, url)
        self._has_answered = True
        return response

    def _open_presigned(self, url: str) -> urllib3.BaseHTTPResponse:
        headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT}

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("store", "GET", url, headers=headers, stream=True)

        response, _ = self._retries.send(send, url, idempotent=True, statuses=RETRYABLE_STORE_STATUSES)
        if response.status >= 300:
            raise ObjectStoreError(url, response.status, response.data.decode("utf-8", "replace"))
        return response

    def post_bytes(
        self, path: str, body: Callable[[], Iterable[bytes]], length: int, content_type: str, **query: object
    ) -> Any:
        """POST `length` bytes, and return the JSON response. It is only repeated if it cannot have arrived."""
        url, headers = self._url(path, query), self._headers("application/json")
        headers |= {"Content-Type": content_type, "Content-Length": str(length)}

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("api", "POST", url, headers=headers, body=body() if length else b"")

        response, _ = self._retries.send(send, url, idempotent=False, statuses=RETRYABLE_API_STATUSES)
        return self._parse_response(response, url)

    def _parse_response(self, response: urllib3.BaseHTTPResponse, url: str) -> Any:
        if response.status == 204:
            return None
        if 300 <= response.status < 400:
            raise errors.Invalid(
                f"{origin_of(url)} redirects to {response.headers.get('Location')}: set WANLLMDB_BASE_URL to the final "
                "URL of the server (the API key is not sent to another host)"
            )
        try:
            content = json.loads(response.data)
        except ValueError:
            content = None
        if response.status < 300 and content is not None:
            self._has_answered = True
            return content
        if response.status >= 400 and isinstance(content, dict) and ("code" in content or "detail" in content):
            if response.status == 404:
                content = {**content, "detail": f"{content.get('detail', '')}{self._hint_of_path()}"}
            raise errors.from_problem(response.status, content)
        proxy = proxies.find(url)
        via = f" (through the proxy {proxy.url})" if proxy else ""
        detail = f"{origin_of(url)} answered {response.status} {response.reason or ''}".rstrip() + via
        if response.status < 500:
            detail += ", which is not the response of a wanLLMDB server: is WANLLMDB_BASE_URL correct?"
            detail += self._hint_of_path()
        raise errors.from_problem(response.status if response.status >= 400 else 502, {"detail": detail})

    def _hint_of_path(self) -> str:
        """For a URL that has not worked yet: the page of a browser, or the root of the API, is easily taken for it."""
        parts = urlsplit(self.base_url)
        if self._has_answered or not parts.path:
            return ""
        return (
            f" The URL has the path {parts.path}: it should be that of the server, such as {origin_of(self.base_url)}"
        )

    # --- Bytes to and from the object store ---------------------------------------------------------------------------

    def upload(self, url: str, headers: Mapping[str, str], body: Callable[[], Iterable[bytes]], length: int) -> str:
        """PUT `length` bytes to a presigned URL and return the ETag. `body` is called again for each attempt.

        Raises `ObjectStoreError`, `Unreachable`.
        """
        all_headers = {**headers, "Content-Length": str(length), "User-Agent": USER_AGENT}

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("store", "PUT", url, headers=all_headers, body=body() if length else b"")

        response, _ = self._retries.send(send, url, idempotent=True, statuses=RETRYABLE_STORE_STATUSES)
        if response.status >= 300:
            raise ObjectStoreError(url, response.status, response.data.decode("utf-8", "replace"))
        return response.headers.get("ETag") or ""

    def send_presigned(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> urllib3.BaseHTTPResponse:
        """The response of a presigned URL to one request, whatever it says. Raises `Unreachable`."""
        all_headers = {**(headers or {}), "Accept-Encoding": "identity", "User-Agent": USER_AGENT}

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("store", method, url, headers=all_headers, body=body or None)

        return self._retries.send(send, url, idempotent=False, statuses=RETRYABLE_STORE_STATUSES)[0]

    def download_range(self, url: str, start: int, length: int, write: Callable[[bytes], object]) -> None:
        """Pass the bytes [start, start + length) of a presigned URL to `write`, in order and each of them once.

        After a broken connection the download resumes where it stopped. Raises `ObjectStoreError`, `Unreachable`.
        """
        received = 0
        failures = 0
        while received < length:
            before = received
            response = self._open_range(url, start + received, start + length - 1)
            try:
                for block in response.stream(BLOCK_SIZE, decode_content=False):
                    cancellation.raise_if_cancelled()
                    if received + len(block) > length:
                        raise ObjectStoreError(url, response.status, "<Code>MoreThanRequested</Code>")
                    write(block)
                    received += len(block)
            except HTTPError as error:
                failures = 0 if received > before else failures + 1
                if failures > 3:
                    raise connection_errors.unreachable(url, error) from error
                cancellation.cancellable_sleep(backoff(failures))
            except BaseException:
                response.close()
                raise
            else:
                if received < length:
                    raise ObjectStoreError(url, response.status, "<Code>ObjectTooShort</Code>")

    def _open_range(self, url: str, first: int, last: int) -> urllib3.BaseHTTPResponse:
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}

        def send() -> urllib3.BaseHTTPResponse:
            return self._send("store", "GET", url, headers=headers, stream=True)

        response, _ = self._retries.send(send, url, idempotent=True, statuses=RETRYABLE_STORE_STATUSES)
        if response.status != 206:
            text = response.data.decode("utf-8", "replace") if response.status >= 300 else "<Code>RangeIgnored</Code>"
            response.close()
            raise ObjectStoreError(url, response.status, text)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {first}-{last}/"):
            response.close()
            raise ObjectStoreError(url, response.status, "<Code>OtherRange</Code>")
        return response

    # --- Connections --------------------------------------------------------------------------------------------------

    def _send(
        self,
        purpose: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """The single point through which every byte enters and leaves."""
        proxy = proxies.find(url)
        try:
            response = self._pool(purpose, urlsplit(url).scheme, proxy).request(
                method, url, headers=headers, body=body, preload_content=not stream, redirect=False, retries=False
            )
        except HTTPError as error:
            if connection_errors.is_final(error):
                raise connection_errors.unreachable(url, error) from error
            raise
        if proxy is not None and response.status == 407:
            response.close()
            raise connection_errors.refused_by_proxy(url, response.status, proxy)
        return response

    def _pool(self, purpose: str, scheme: str, proxy: Proxy | None) -> urllib3.PoolManager:
        # Who reads in an error which variable to set may do so in a notebook, and go on with the same client.
        key = (purpose, scheme, proxy, certificates.variables() if scheme == "https" else ())
        with self._lock:
            if self._pools_pid != os.getpid():
                # A forked process inherits the sockets; two processes must not share one.
                self._pools_pid, self._pools = os.getpid(), {}
            pool = self._pools.get(key)
            if pool is None:
                pool = self._pools[key] = create_pool(scheme, proxy)
            return pool

    def close(self) -> None:
        """Close the connections. The client can be used again."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()


def quote_segment(name: object) -> str:
    """A name as one segment of a URL path."""
    return quote(str(name), safe="")


def _to_json(body: object) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise errors.Invalid(f"This cannot be sent as JSON: {error}") from error

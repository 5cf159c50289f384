"""The one way out of this process: JSON to the server, bytes to and from the object store.

Two sets of connections: what goes to a signed address never sees the API key.
"""

from __future__ import annotations

import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from wanllmdb.sdk import __version__, errors
from wanllmdb.sdk.transfer import worker_pool

API = "/api/v1"
USER_AGENT = f"wanllmdb-sdk/{__version__}"
BLOCK = 1 << 20
CONNECT_SECONDS = 10.0
# Of silence, not of the whole exchange. Finalizing asks the store about every object, so the server may think long.
READ_SECONDS = 120.0
# How long to go on trying: an address that has answered before is more likely restarting than mistyped.
PATIENCE_KNOWN = 45.0
PATIENCE_NEW = 1.5
LONGEST_WAIT = 8.0
PASSING = frozenset({408, 429, 500, 502, 503, 504})
PASSING_API = PASSING - {500}  # a 500 of the server is a bug, and will be one again
PASSING_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"})


class StoreRefusal(errors.ServerError):
    """The object store did not take or give bytes. `expired` is what a fresh address mends."""

    def __init__(self, address: str, status: int, text: str) -> None:
        found = re.search(r"<Code>([^<]+)</Code>", text)
        self.store_code = found[1] if found else ""
        what = f"{status} {self.store_code}".strip()
        super().__init__(f"The object store at {_origin(address)} answered {what}", status=status)

    @property
    def expired(self) -> bool:
        # 404 is what parts get once another program has completed or given up the upload that we share.
        return self.status in (401, 403, 404)


class Client:
    """Talks to one server with one key, from any number of threads. Refusals are raised as `errors` has them."""

    def __init__(self, base_url: str, api_key: str | None, *, patience: float = PATIENCE_KNOWN) -> None:
        self.base_url = base_url
        self.patience = patience
        """For how many seconds a request that is safe to repeat is repeated before `Unreachable` is raised."""
        self._api_key = api_key
        self._met: set[str] = set()
        self._lock = threading.Lock()
        self._owner = 0
        self._pools: dict[tuple[str, str | None], urllib3.PoolManager] = {}

    # --- JSON to the server -------------------------------------------------------------------------------------------

    def get(self, path: str, **query: object) -> Any:
        """What the server answers. Parameters that are None are left out."""
        return self._ask("GET", path, query=query, repeatable=True)

    def post(self, path: str, body: object = None, *, repeatable: bool = False) -> Any:
        """`repeatable` says that the server does not mind hearing this twice."""
        return self._ask("POST", path, body=body if body is not None else {}, repeatable=repeatable)

    def put_json(self, path: str, body: object, *, repeatable: bool = False) -> Any:
        return self._ask("PUT", path, body=body, repeatable=repeatable)

    def patch(self, path: str, body: object) -> Any:
        return self._ask("PATCH", path, body=body, repeatable=True)

    def delete(self, path: str, **query: object) -> None:
        self._ask("DELETE", path, query=query, repeatable=False)

    def pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """The items of a numbered list, page by page as they are asked for."""
        page = 1
        while True:
            answer = self.get(path, page=page, page_size=200, **query)
            yield from answer["items"]
            if page >= answer["total_pages"]:
                return
            page += 1

    def scroll(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """The answers of a cursor list, one after the other."""
        cursor = None
        while True:
            answer = self.get(path, cursor=cursor, **query)
            yield answer
            cursor = answer["next_cursor"]
            if not cursor:
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        repeatable: bool,
    ) -> Any:
        if not self._api_key:
            raise errors.AuthenticationError(
                f"No API key for {self.base_url}: run `wanllmdb login`, or set WANLLMDB_API_KEY"
            )
        url = self.base_url + API + path
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        if asked:
            url += "?" + urlencode(asked)
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self._api_key}", "User-Agent": USER_AGENT}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = _json(body)

        def exchange() -> urllib3.BaseHTTPResponse:
            return self._exchange("api", method, url, headers=headers, body=content)

        response, answer_lost = self._patiently(exchange, url, repeatable=repeatable, passing=PASSING_API)
        try:
            return self._understand(response, url)
        except errors.WanLLMDBError as refusal:
            refusal.answer_lost = answer_lost
            raise

    def _understand(self, response: urllib3.BaseHTTPResponse, url: str) -> Any:
        if response.status == 204:
            return None
        if 300 <= response.status < 400:
            raise errors.Invalid(
                f"{_origin(url)} sends on to {response.headers.get('Location')}: set WANLLMDB_BASE_URL to where the "
                "server really is (the API key is not sent elsewhere)"
            )
        try:
            answer = json.loads(response.data)
        except ValueError:
            answer = None
        if response.status < 300 and answer is not None:
            return answer
        if response.status >= 400 and isinstance(answer, dict) and ("code" in answer or "detail" in answer):
            raise errors.from_problem(response.status, answer)
        told = f"{_origin(url)} answered {response.status} {response.reason or ''}".rstrip()
        if response.status < 500:
            told += ", but not as a wanLLMDB server does: is WANLLMDB_BASE_URL right?"
        raise errors.from_problem(response.status if response.status >= 400 else 502, {"detail": told})

    # --- Bytes to and from the store ----------------------------------------------------------------------------------

    def put(self, url: str, headers: Mapping[str, str], body: Callable[[], Iterable[bytes]], length: int) -> str:
        """Send `length` bytes to a signed address, and return the ETag. Each attempt asks `body` for them anew.

        Raises `StoreRefusal`, `Unreachable`.
        """
        sent = {**headers, "Content-Length": str(length), "User-Agent": USER_AGENT}

        def exchange() -> urllib3.BaseHTTPResponse:
            return self._exchange("store", "PUT", url, headers=sent, body=body() if length else b"")

        response, _ = self._patiently(exchange, url, repeatable=True, passing=PASSING)
        if response.status >= 300:
            raise StoreRefusal(url, response.status, response.data.decode("utf-8", "replace"))
        return response.headers.get("ETag") or ""

    def fetch(self, url: str, start: int, length: int, sink: Callable[[bytes], object]) -> None:
        """Hand the bytes [start, start + length) of a signed address to `sink`, in order, each of them once.

        A connection that breaks in the middle goes on where it broke. Raises `StoreRefusal`, `Unreachable`.
        """
        got = 0
        barren = 0
        while got < length:
            before = got
            response = self._begin(url, start + got, start + length - 1)
            try:
                for piece in response.stream(BLOCK, decode_content=False):
                    worker_pool.heed()
                    if got + len(piece) > length:
                        raise StoreRefusal(url, response.status, "<Code>MoreThanAsked</Code>")
                    sink(piece)
                    got += len(piece)
            except HTTPError as error:
                barren = 0 if got > before else barren + 1
                if barren > 3:
                    raise _unreachable(url, error) from error
                worker_pool.pause(_backoff(barren))
            except BaseException:
                response.close()
                raise
            else:
                if got < length:
                    raise StoreRefusal(url, response.status, "<Code>ObjectTooShort</Code>")

    def _begin(self, url: str, first: int, last: int) -> urllib3.BaseHTTPResponse:
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}

        def exchange() -> urllib3.BaseHTTPResponse:
            return self._exchange("store", "GET", url, headers=headers, stream=True)

        response, _ = self._patiently(exchange, url, repeatable=True, passing=PASSING)
        if response.status != 206:
            text = response.data.decode("utf-8", "replace") if response.status >= 300 else "<Code>RangeIgnored</Code>"
            response.close()
            raise StoreRefusal(url, response.status, text)
        if not response.headers.get("Content-Range", "").startswith(f"bytes {first}-{last}/"):
            response.close()
            raise StoreRefusal(url, response.status, "<Code>OtherRange</Code>")
        return response

    # --- The seam -----------------------------------------------------------------------------------------------------

    def _exchange(
        self,
        purpose: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] | None = None,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        """Every byte that leaves or enters passes here."""
        return self._pool(purpose, url).request(
            method, url, headers=headers, body=body, preload_content=not stream, redirect=False, retries=False
        )

    def _pool(self, purpose: str, url: str) -> urllib3.PoolManager:
        host = urlsplit(url).hostname or ""
        proxy = None if proxy_bypass(host) else getproxies().get(urlsplit(url).scheme)
        with self._lock:
            if self._owner != os.getpid():
                # A fork inherits the sockets; two processes must not talk over one.
                self._owner, self._pools = os.getpid(), {}
            pool = self._pools.get((purpose, proxy))
            if pool is None:
                options: dict[str, Any] = {
                    "maxsize": 32,
                    "blocksize": BLOCK,
                    "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                }
                pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
                self._pools[purpose, proxy] = pool
            return pool

    def _patiently(
        self,
        exchange: Callable[[], urllib3.BaseHTTPResponse],
        url: str,
        *,
        repeatable: bool,
        passing: Iterable[int],
    ) -> tuple[urllib3.BaseHTTPResponse, bool]:
        """Try until it is answered for good, or until patience ends. What is not safe to repeat is repeated only where
        it cannot have arrived. With the answer: whether an earlier try may have been carried out."""
        known = _origin(url) in self._met
        deadline = time.monotonic() + (self.patience if known else min(self.patience, PATIENCE_NEW))
        attempt = 0
        answer_lost = False
        while True:
            wait = _backoff(attempt)
            attempt += 1
            try:
                response = exchange()
            except HTTPError as error:
                never_arrived = isinstance(error, (NewConnectionError, ConnectTimeoutError))
                hopeless = isinstance(error, SSLError) or not (repeatable or never_arrived)
                if hopeless or time.monotonic() + wait > deadline:
                    raise _unreachable(url, error) from error
                answer_lost = answer_lost or not never_arrived
            else:
                if not known:
                    self._met.add(_origin(url))
                    known, deadline = True, time.monotonic() + self.patience
                if not (repeatable and _passes(response, passing)):
                    return response, answer_lost
                wait = max(wait, _retry_after(response))
                if time.monotonic() + wait > deadline:
                    return response, answer_lost
                # Whoever answers for the server, such as a proxy, does not know how far it came.
                answer_lost = True
                response.close()
            worker_pool.pause(wait)

    def close(self) -> None:
        """Let go of the connections. The client may be used again."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()


def segment(name: object) -> str:
    """A name as one segment of a path."""
    return quote(str(name), safe="")


def _json(body: object) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise errors.Invalid(f"This cannot be sent as JSON: {error}") from error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _backoff(attempt: int) -> float:
    return random.uniform(0.5, 1.0) * min(LONGEST_WAIT, 0.25 * 2.0**attempt)


def _passes(response: urllib3.BaseHTTPResponse, passing: Iterable[int]) -> bool:
    if response.status in passing:
        return True
    # S3 says "your upload was too slow" with a 400, which is worth another try.
    return response.status == 400 and any(code.encode() in (response.data or b"") for code in PASSING_CODES)


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    said = response.headers.get("Retry-After", "")
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _unreachable(url: str, error: HTTPError) -> errors.Unreachable:
    origin = _origin(url)
    if isinstance(error, NameResolutionError):
        why = "there is no host of that name"
    elif isinstance(error, NewConnectionError):
        why = "nobody listens there"
    elif isinstance(error, ConnectTimeoutError):
        why = "no answer"
    elif isinstance(error, ReadTimeoutError):
        why = "it took the connection and then fell silent"
    elif isinstance(error, SSLError):
        why = f"the encrypted connection failed ({error})"
    else:
        why = f"the connection broke ({error})"
    if "X-Amz-Signature" in url or "Signature=" in url:
        check = "It is the object store's address as the server gives it out: can this machine reach it?"
    else:
        check = "Is the server running, and is WANLLMDB_BASE_URL right?"
    return errors.Unreachable(f"Cannot reach {origin}: {why}. {check}", address=origin)

"""Requests to the web servers that references name: without keys and cookies, and led nowhere private by redirects."""

from __future__ import annotations

import ipaddress
import os
import socket
import threading
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from wanllmdb.sdk import connection_errors, errors
from wanllmdb.sdk.cancellation import cancellable_sleep
from wanllmdb.sdk.connection_errors import origin_of
from wanllmdb.sdk.host_environment import certificates, proxies
from wanllmdb.sdk.http_pools import CONNECT_TIMEOUT, USER_AGENT, create_pool
from wanllmdb.sdk.http_retries import RETRYABLE_STORE_STATUSES
from wanllmdb.sdk.reference_uris import without_secrets

READ_TIMEOUT = 60.0
MAX_ATTEMPTS = 3
MAX_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class WebClient:
    """Keeps connections open for the next request. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._pools: dict[tuple[object, ...], urllib3.PoolManager] = {}
        self._hosts: dict[str, list[_Address]] = {}

    def open(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, *, follows: bool = True
    ) -> urllib3.BaseHTTPResponse:
        """The last response after redirects, whose body is not read: the caller reads it, or closes it.

        Redirects go to `http` and `https` only, not from `https` to `http`, and not from a public host to one of a
        private network. Raises `ReferenceUnreachable`, which shows of the URL what grants no access.
        """
        current = url
        for _ in range(MAX_REDIRECTS + 1):
            self._require_not_of_cloud(url, current)
            response = self._send(method, current, headers or {}, url)
            target = response.headers.get("Location")
            if not follows or response.status not in _REDIRECTS or not target:
                return response
            response.close()
            current = self._redirected(url, current, target)
        raise unreachable(url, "its redirects lead nowhere")

    def _send(self, method: str, url: str, headers: Mapping[str, str], requested: str) -> urllib3.BaseHTTPResponse:
        all_headers = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT, **headers}
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._pool(url).request(
                    method,
                    url,
                    headers=all_headers,
                    preload_content=False,
                    redirect=False,
                    retries=False,
                    timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT),
                )
            except HTTPError as error:
                if attempt == MAX_ATTEMPTS or connection_errors.is_final(error):
                    raise unreachable(requested, connection_errors.reason_of(error)) from error
            else:
                if attempt == MAX_ATTEMPTS or response.status not in RETRYABLE_STORE_STATUSES:
                    return response
                response.close()
            cancellable_sleep(0.25 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _pool(self, url: str) -> urllib3.PoolManager:
        scheme, proxy = urlsplit(url).scheme, proxies.find(url)
        key = (scheme, proxy, certificates.variables() if scheme == "https" else ())
        with self._lock:
            if self._pid != os.getpid():
                # A forked process inherits the sockets; two processes must not share one.
                self._pid, self._pools = os.getpid(), {}
            if key not in self._pools:
                self._pools[key] = create_pool(scheme, proxy)
            return self._pools[key]

    def _redirected(self, requested: str, current: str, target: str) -> str:
        """Where the response leads to, if it may."""
        try:
            following = urljoin(current, target)
            before, after = urlsplit(current), urlsplit(following)
            host = after.hostname
        except ValueError:
            raise unreachable(requested, "its redirects lead nowhere") from None
        if after.scheme not in ("http", "https") or not host:
            raise unreachable(requested, "its redirects lead nowhere")
        origin = origin_of(following)
        if before.scheme == "https" and after.scheme == "http":
            raise unreachable(requested, f"it redirects to {origin}, which is not encrypted")
        if host != before.hostname and self._is_private(host) and not self._is_private(before.hostname or ""):
            raise unreachable(requested, f"it redirects to {origin}, which is in a private network")
        return following

    def _require_not_of_cloud(self, requested: str, url: str) -> None:
        """Link-local addresses are where machines get the credentials of their cloud: no data is there."""
        host = urlsplit(url).hostname or ""
        if any(address.is_link_local for address in self._addresses(host)):
            raise unreachable(requested, f"{origin_of(url)} is a link-local address, which is never fetched from")

    def _is_private(self, host: str) -> bool:
        return any(not address.is_global for address in self._addresses(host))

    def _addresses(self, host: str) -> list[_Address]:
        if host not in self._hosts:
            self._hosts[host] = addresses_of(host)
        return self._hosts[host]

    def close(self) -> None:
        with self._lock:
            for pool in self._pools.values():
                pool.clear()


def unreachable(uri: str, reason: str) -> errors.ReferenceUnreachable:
    """That nothing can be read there, without what grants access."""
    safe_uri = without_secrets(uri)
    return errors.ReferenceUnreachable(f"{safe_uri} cannot be read: {reason}", problem={"uris": [safe_uri]})


def addresses_of(host: str) -> list[_Address]:
    """Those of the host as this machine knows it; none where only a proxy does."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    except (OSError, ValueError):
        return []
    return [getattr(address, "ipv4_mapped", None) or address for address in addresses]

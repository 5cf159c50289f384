"""Requests to URLs of users: to an address that was judged before, bounded in time and in what is read.

A POST or GET is never redirected. A HEAD is, a few times, and each URL is judged like the first. None of them uses a
proxy, a cookie or credentials of this server.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Timer
from urllib.parse import urljoin, urlsplit

from core import url_policy
from core.url_policy import Destination, Lookup, Policy

MAX_RESPONSE_BYTES = 2048
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited, in seconds: to connect, between two bytes of the response, and for the whole request."""

    connect: float
    read: float
    total: float


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Without a `status` nothing did; `error` says why, or why a redirect was not followed.

    Names of headers are in lower case.
    """

    status: int | None
    body: str
    error: str
    duration_ms: int
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes = b""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(destination: Destination, headers: Mapping[str, str], body: bytes, limits: Limits) -> Response:
    """Send the body, and read the beginning of the answer."""
    return _request("POST", destination, headers, body, limits, "The receiver")


def head(
    url: str,
    policy_of: Callable[[str], Policy],
    headers: Mapping[str, str],
    limits: Limits,
    lookup: Lookup = url_policy.resolve_host,
    wait_for_turn: Callable[[Destination], object] = lambda _: None,
) -> Response:
    """The headers of what the URL leads to, over at most `MAX_REDIRECTS` redirects, all within `limits.total`.

    `policy_of` says under which policy each of the URLs is judged. `wait_for_turn` returns when a destination may be
    asked; its time is not counted. Raises `AddressRefused` where one may not be called, also where a redirect leads
    from TLS to none.
    """
    until = time.monotonic() + limits.total
    for _ in range(MAX_REDIRECTS + 1):
        destination = url_policy.find(url, policy_of(url), lookup)
        began = time.monotonic()
        wait_for_turn(destination)
        until += time.monotonic() - began
        left = max(until - time.monotonic(), 0.1)
        own_limits = Limits(min(limits.connect, left), min(limits.read, left), left)
        response = _request("HEAD", destination, headers, None, own_limits, "The server")
        location = response.headers.get("location")
        if response.status not in _REDIRECTS or not location:
            return response
        url = _redirected(url, location)
    return replace(response, error=f"The server redirected more than {MAX_REDIRECTS} times.")


def get_range(url: str, policy: Policy, limits: Limits, offset: int, length: int) -> Response:
    """So many bytes of what the URL leads to, as `data` of the response; it is not redirected, and may hold less.

    Raises `AddressRefused` where the URL may not be called.
    """
    headers = {
        "User-Agent": "wanLLMDB",
        "Accept-Encoding": "identity",
        "Range": f"bytes={offset}-{offset + length - 1}",
    }
    return _request("GET", url_policy.find(url, policy), headers, None, limits, "The server", max_bytes=length)


def _redirected(url: str, location: str) -> str:
    try:
        # A header is in Latin-1, whatever the server meant.
        target = urljoin(url, location.encode("latin-1").decode("utf-8", "replace")).partition("#")[0]
        is_downgrade = urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https"
    except ValueError as error:
        raise url_policy.AddressRefused("The server redirects to what is no URL.") from error
    if is_downgrade:
        raise url_policy.AddressRefused("The server redirects from https:// to another scheme.")
    return target


def _request(
    method: str,
    destination: Destination,
    headers: Mapping[str, str],
    body: bytes | None,
    limits: Limits,
    peer: str,
    *,
    max_bytes: int = MAX_RESPONSE_BYTES,
) -> Response:
    """`peer` is what error messages call the other side. Of a GET the body is `data`, of others text."""
    began = time.monotonic()
    try:
        with _connection(destination, limits) as (connection, is_cut):
            connection.request(method, destination.path, body, {"Host": destination.host_header, **headers})
            response = connection.getresponse()
            if is_cut.is_set():
                # To http.client, headers that break off are at their end.
                raise TimeoutError
            data = response.read(max_bytes)
            received = {name.lower(): value for name, value in response.getheaders()}
            wait = _seconds(received.get("retry-after", ""))
            if method == "GET":
                return Response(response.status, "", "", _since(began), wait, received, data)
            return Response(response.status, _text(data), "", _since(began), wait, received)
    except (OSError, http.client.HTTPException, ValueError) as error:
        is_late = time.monotonic() - began >= limits.total - 0.5
        return Response(None, "", _error_message(error, peer, is_late), _since(began))


@contextmanager
def _connection(destination: Destination, limits: Limits) -> Iterator[tuple[http.client.HTTPConnection, Event]]:
    """A connection to exactly this address, that a watchdog cuts when its time is over, and whether it did.

    Timeouts of a socket bound the wait for the next byte; who sends one now and then would be waited for for ever.
    """
    began = time.monotonic()
    is_cut = Event()
    with closing(socket.create_connection((destination.ip, destination.port), limits.connect)) as plain:
        plain.settimeout(limits.read)
        # Wrapped in TLS, a socket is taken from its object; the twin stays.
        with closing(plain.dup()) as twin:
            left = max(limits.total - (time.monotonic() - began), 0)
            watchdog = Timer(left, _cut, [twin, is_cut])
            watchdog.daemon = True
            watchdog.start()
            try:
                with closing(http.client.HTTPConnection(destination.host, destination.port)) as connection:
                    connection.sock = _secured(plain, destination.host) if destination.is_secure else plain
                    yield connection, is_cut
            finally:
                watchdog.cancel()
                watchdog.join()


def _secured(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """In TLS, with a certificate for the name that was asked for."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context.wrap_socket(plain, server_hostname=host.rstrip("."))


def _cut(twin: socket.socket, is_cut: Event) -> None:
    is_cut.set()
    try:
        twin.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was quicker.
        return


def _text(body: bytes) -> str:
    # PostgreSQL keeps no NUL.
    return body.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _seconds(retry_after: str) -> float | None:
    return float(retry_after) if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < 9 else None


def _error_message(error: Exception, peer: str, is_late: bool) -> str:
    if is_late:
        return f"{peer} took too long."
    match error:
        case ssl.SSLCertVerificationError():
            return f"{peer}'s certificate was rejected: {error.verify_message.rstrip('.')}."
        case ssl.SSLError():
            return f"The TLS handshake with {peer[0].lower()}{peer[1:]} failed."
        case TimeoutError():
            return f"{peer} did not respond in time."
        case ConnectionRefusedError():
            return f"{peer} refused the connection."
        case http.client.RemoteDisconnected() | ConnectionError():
            return f"{peer} closed the connection without a response."
        case OSError():
            return f"{peer} cannot be reached: {error.strerror or type(error).__name__}."
    return f"{peer}'s response is not HTTP."


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)

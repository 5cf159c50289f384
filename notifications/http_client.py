"""One POST to an address that was judged before: bounded in time and in what is read, and never redirected."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Timer

from django.conf import settings

from core.url_policy import Destination

MAX_RESPONSE_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Without a `status` none did, and `error` says why."""

    status: int | None
    body: str
    error: str
    duration_ms: int
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(destination: Destination, headers: Mapping[str, str], body: bytes) -> Response:
    """Send the body, and read the beginning of the answer. Takes `WEBHOOK_TOTAL_TIMEOUT` at the longest."""
    began = time.monotonic()
    try:
        with _connection(destination) as (connection, is_cut):
            connection.request("POST", destination.path, body, {"Host": destination.host_header, **headers})
            response = connection.getresponse()
            if is_cut.is_set():
                # To http.client, headers that break off are at their end.
                raise TimeoutError
            text = _text(response.read(MAX_RESPONSE_BYTES))
            wait = _seconds(response.headers.get("Retry-After", ""))
            return Response(response.status, text, "", _since(began), wait)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Response(None, "", _error_message(error, began), _since(began))


@contextmanager
def _connection(destination: Destination) -> Iterator[tuple[http.client.HTTPConnection, Event]]:
    """A connection to exactly this address, that a watchdog cuts when its time is over, and whether it did.

    Timeouts of a socket bound the wait for the next byte; who sends one now and then would be waited for for ever.
    """
    connect, read = settings.WEBHOOK_CONNECT_TIMEOUT, settings.WEBHOOK_READ_TIMEOUT
    is_cut = Event()
    with closing(socket.create_connection((destination.ip, destination.port), connect)) as plain:
        plain.settimeout(read)
        # Wrapped in TLS, a socket is taken from its object; the twin stays.
        with closing(plain.dup()) as twin:
            watchdog = Timer(settings.WEBHOOK_TOTAL_TIMEOUT - connect, _cut, [twin, is_cut])
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


def _error_message(error: Exception, began: float) -> str:
    if time.monotonic() - began >= settings.WEBHOOK_TOTAL_TIMEOUT - 0.5:
        return "The receiver took too long."
    match error:
        case ssl.SSLCertVerificationError():
            return f"The receiver's certificate was rejected: {error.verify_message.rstrip('.')}."
        case ssl.SSLError():
            return "The TLS handshake with the receiver failed."
        case TimeoutError():
            return "The receiver did not respond in time."
        case ConnectionRefusedError():
            return "The receiver refused the connection."
        case http.client.RemoteDisconnected() | ConnectionError():
            return "The receiver closed the connection without a response."
        case OSError():
            return f"The receiver cannot be reached: {error.strerror or type(error).__name__}."
    return "The receiver's response is not HTTP."


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)

"""A proxy that misbehaves, between a client and the object store or the API: the faults that networks are known for."""

import http.client
import http.server
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from harness.proxy_server import ProxyServer

FAULTS = ("unavailable", "slow", "reset", "truncated", "wrong", "expired", "duplicate", "lost")
_BUSY = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
_EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


class FaultyProxy(ProxyServer):
    """Relays requests, about one in two of them with a fault: of each object one or two.

    `fault` is one of `FAULTS`, or None for a proxy that does nothing wrong. `accepted` counts, by object, the PUTs that
    were passed on as they came and that the store took.
    """

    def __init__(
        self, url: str, fault: str | None = None, before: Callable[[str], object] = lambda moment: None
    ) -> None:
        super().__init__(url, _Relay)
        self._lock = threading.Lock()
        self.begin(fault, before)

    def begin(self, fault: str | None = None, before: Callable[[str], object] = lambda moment: None) -> None:
        """Do this from now on, and count anew: a server that sends its clients here need not be started again."""
        self.fault, self.before = fault, before
        self.accepted: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self._random = random.Random(15)

    def draw(self, object: str) -> str | None:
        """The fault of this request."""
        with self._lock:
            if self.fault is None or self.done[object] >= 2 or self._random.random() < 0.5:
                return None
            self.done[object] += 1
            return self.fault

    def count_accepted(self, object: str) -> None:
        with self._lock:
            self.accepted[object] += 1

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that is gone is nothing to tell of."""


class _Relay(http.server.BaseHTTPRequestHandler):
    server: FaultyProxy

    def relay(self) -> None:
        self.close_connection = True
        # An object, or one part of it; never the signature, which is another each time.
        query = [part for part in urlsplit(self.path).query.split("&") if part.startswith("partNumber=")]
        name = f"{self.command} {urlsplit(self.path).path} {''.join(query)}"
        self.server.before(f"request {name}")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.draw(name)
        if fault == "unavailable":
            return self.answer(503, _BUSY)
        if fault == "expired":
            return self.answer(403, _EXPIRED)
        is_put = self.command == "PUT"
        if is_put and fault == "reset":
            return self.reset()
        if is_put and fault == "truncated":
            self.send_half(body)
            return self.reset()
        self.server.before(f"pass on {name}")
        status, headers, content = self.pass_on(_changed(body) if is_put and fault == "wrong" else body)
        if fault == "duplicate":
            status, headers, content = self.pass_on(body)
        elif is_put and status == 200 and fault is None:
            self.server.count_accepted(name)
        self.server.before(f"answer {name}")
        if fault == "lost":
            return self.reset()
        if not is_put and fault == "wrong":
            content = _changed(content)
        if not is_put and fault in ("reset", "truncated"):
            self.start_answer(status, headers, len(content))
            self.wfile.write(content[: len(content) // 2])
            return self.reset() if fault == "reset" else None
        self.start_answer(status, headers, len(content))
        if fault == "slow":
            step = max(1, len(content) // 10)
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                time.sleep(0.05)
            return None
        self.wfile.write(content)
        return None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = relay

    def pass_on(self, body: bytes) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(self.server.target)
        try:
            # The host is the one that the URL was signed for.
            connection.request(self.command, self.path, body, dict(self.headers))
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def send_half(self, body: bytes) -> None:
        """To the store, which is told of all of it."""
        connection = http.client.HTTPConnection(self.server.target)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body[: len(body) // 2])
        connection.close()

    def answer(self, status: int, content: bytes) -> None:
        self.start_answer(status, {"Content-Type": "application/xml"}, len(content))
        self.wfile.write(content)

    def start_answer(self, status: int, headers: Mapping[str, str] | http.client.HTTPMessage, length: int) -> None:
        self.send_response_only(status)
        for name in ("Content-Type", "Content-Encoding", "Content-Range", "ETag", "Retry-After", "Vary"):
            if value := headers.get(name):
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def reset(self) -> None:
        """As a router that has forgotten the connection does it."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *args: object) -> None:
        """Log nothing."""


def _changed(content: bytes) -> bytes:
    """With another byte in its middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :] if content else content

"""A load generator that costs the machine little beside what it measures: plain sockets that are kept alive."""

import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

TIMEOUT = 30.0


class UnexpectedStatus(Exception):
    """An answer that is not of the 2xx kind."""


@dataclass(frozen=True)
class Measurement:
    """How long each of the requests took, in seconds and sorted, and how long all of them together."""

    latencies: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """The latency, in seconds, that this share of the requests did not exceed."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


class Connection:
    """One connection to a server on this machine. It knows as much HTTP/1.1 as our own answers need."""

    def __init__(self, port: int, timeout: float = TIMEOUT) -> None:
        self.port, self.timeout = port, timeout
        self.socket: socket.socket | None = None

    def send(self, message: bytes) -> bytes:
        """The body of the answer. A server may close a connection that is idle: then a new one is used, once."""
        for is_last in (self.socket is None, True):
            try:
                return self._exchange(message)
            except ConnectionError:
                self.close()
                if is_last:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _exchange(self, message: bytes) -> bytes:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(message)
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            self._receive(data)
        head = bytes(data[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        while len(data) < end + 4 + length:
            self._receive(data)
        body = bytes(data[end + 4 :])
        if b"connection: close" in head:
            self.close()
        if not head[9:10] == b"2":
            raise UnexpectedStatus(
                f"{head[:40].decode()} to {message.partition(b' HTTP')[0].decode()}: {body[:500].decode()}"
            )
        return body

    def _receive(self, data: bytearray) -> None:
        assert self.socket is not None
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionResetError("The server closed the connection.")
        data += piece


def build_request(method: str, path: str, key: str, body: Any = None) -> bytes:
    """A request with an API key, as bytes. The body is sent as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}\r\n".encode() + content


def run(
    port: int, messages: Sequence[bytes], *, clients: int, seconds: float, max_requests: int = 100_000
) -> Measurement:
    """Send the messages round and round from so many clients at once, for so long, but not more than `max_requests`."""
    latencies: list[list[float]] = [[] for _ in range(clients)]
    failures: list[BaseException] = []
    started_at = time.perf_counter()

    def client(which: int) -> None:
        connection, own = Connection(port), latencies[which]
        try:
            while time.perf_counter() < started_at + seconds and len(own) < max_requests // clients and not failures:
                started = time.perf_counter()
                connection.send(messages[(which + len(own) * clients) % len(messages)])
                own.append(time.perf_counter() - started)
        except (OSError, UnexpectedStatus) as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(which,)) for which in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return Measurement(sorted(one for own in latencies for one in own), time.perf_counter() - started_at)

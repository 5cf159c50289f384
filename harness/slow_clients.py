"""Clients that make a server wait: they send half of a request, or do not read the answer, or stay and say nothing.

Beside them, `visit` is a normal user whose requests are counted and timed.
"""

import asyncio
import http.client
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from harness.servers import ROOT, Stack

SLOW = 32
IDLE = 1000
_VERSION = "/acme/slow/artifacts/file/photos/v1"
ZIP, IMAGE = f"{_VERSION}.zip", f"{_VERSION}/image/photo.png"
# Less than any of them: what the kernel holds for a reader that does not read.
_RECEIVE_BUFFER = 8192


@dataclass(frozen=True)
class Kind:
    """What such a client sends at first and then every second, and whether it reads the answer."""

    name: str
    opening: bytes
    drip: bytes = b""
    reads: bool = True
    count: int = SLOW


@dataclass
class Visit:
    """The statuses that the normal user got, and after how many seconds."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Site:
    """A running stack with a version of an image of 18 MB, and alice, who has a key and has signed in."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.port, self.key = int(stack.env["PORT"]), stack.key("alice")
        self.cookie, self.visitor = _sign_in(self.port, "alice")
        (directory / "photo.png").write_bytes(_png(2450))
        env = os.environ | {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": self.key, "WANLLMDB_SILENT": "1"}
        command = [sys.executable, "-m", "wanllmdb", "artifact", "put", "--name", "acme/slow/photos", "photo.png"]
        subprocess.run(command, env=env | {"PYTHONPATH": str(ROOT)}, cwd=directory, check=True)

    def size(self, path: str) -> int:
        """How many bytes alice gets there."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", path, headers={"Cookie": self.cookie})
            return len(connection.getresponse().read())

    def kinds(self) -> list[Kind]:
        key = f"Authorization: Bearer {self.key}\r\nContent-Type: application/json"
        cookie = f"Cookie: {self.cookie}"
        token = self.visitor.partition("=")[2]
        form = f"Cookie: {self.visitor}\r\nX-CSRFToken: {token}\r\nContent-Type: application/x-www-form-urlencoded"
        body = "Content-Length: 1000"
        return [
            Kind("idle connections", _head("GET /healthz", ""), count=IDLE),
            Kind("headers, a line a second", b"GET /healthz HTTP/1.1\r\n", drip=b"X-More: 1\r\n"),
            Kind("POST /login, no body", _head("POST /login", f"{form}\r\n{body}")),
            Kind("POST with a key, no body", _head("POST /api/v1/teams", f"{key}\r\n{body}")),
            Kind("POST with a key, a byte a second", _head("POST /api/v1/teams", f"{key}\r\n{body}"), drip=b"x"),
            Kind("a zip, not read", _head(f"GET {ZIP}", cookie), reads=False),
            Kind("an image of 18 MB, not read", _head(f"GET {IMAGE}", cookie), reads=False),
        ]

    def visit(self, rounds: int) -> Visit:
        """A page, two calls of the API and the health check, so many times, on one connection."""
        visit = Visit()
        headers = {"Authorization": f"Bearer {self.key}"}
        paths = ["/healthz", "/api/v1/me", "/api/v1/artifacts/resolve?name=acme/slow/photos:latest", "/acme/slow"]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for path in paths * rounds:
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": self.cookie} if path == "/acme/slow" else headers)
            response = connection.getresponse()
            response.read()
            visit.seconds.append(time.perf_counter() - begun)
            visit.statuses.append(response.status)
        connection.close()
        return visit


@contextmanager
def attack(port: int, kind: Kind) -> Iterator[None]:
    """All clients of this kind are there meanwhile. One that the server cuts off comes again."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    there, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_attack(port, kind, there, ended)), daemon=True)
    thread.start()
    try:
        there.wait(60)
        yield
    finally:
        ended.set()
        thread.join()


async def _attack(port: int, kind: Kind, there: threading.Event, ended: threading.Event) -> None:
    opened: set[int] = set()

    async def come_again_and_again(number: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(OSError):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
                connection.setblocking(False)
                await loop.sock_connect(connection, ("127.0.0.1", port))
                transport, client = await loop.create_connection(partial(_Client, kind), sock=connection)
                opened.add(number)
                try:
                    await client.stay()
                finally:
                    transport.abort()
            await asyncio.sleep(0.2)

    clients = [asyncio.create_task(come_again_and_again(number)) for number in range(kind.count)]
    while not ended.is_set():
        if len(opened) == kind.count:
            there.set()
        await asyncio.sleep(0.05)
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


class _Client(asyncio.Protocol):
    def __init__(self, kind: Kind) -> None:
        self.kind, self.is_closed = kind, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.kind.opening)
        if not self.kind.reads:
            transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True

    async def stay(self) -> None:
        """Until the server hangs up."""
        while not self.is_closed:
            await asyncio.sleep(1)
            self.transport.write(self.kind.drip)


def _head(request: str, headers: str) -> bytes:
    lines = [f"{request} HTTP/1.1", "Host: 127.0.0.1", *filter(None, headers.split("\r\n")), "", ""]
    return "\r\n".join(lines).encode()


def _sign_in(port: int, name: str) -> tuple[str, str]:
    """The cookies of somebody who has signed in, and those of a visitor."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def cookies(response: http.client.HTTPResponse) -> dict[str, str]:
        response.read()
        lines = response.headers.get_all("Set-Cookie") or []
        return dict(re.match(r"(\w+)=([^;]*)", line).groups() for line in lines)

    connection.request("GET", "/login")
    token = cookies(connection.getresponse())["csrftoken"]
    form = urlencode({"username": name, "password": f"{name} has a long password", "csrfmiddlewaretoken": token})
    headers = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", form, headers)
    session = cookies(connection.getresponse())["sessionid"]
    connection.close()
    return f"sessionid={session}", f"csrftoken={token}"


def _png(side: int) -> bytes:
    """A picture that is not compressed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80" * 3 * side) * side, 0)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")

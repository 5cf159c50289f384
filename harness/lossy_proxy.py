"""A proxy that loses the response of the server: what a client sees of a network that breaks at the wrong moment."""

import http.client
import http.server
import time
from collections.abc import Callable

from harness.proxy_server import ProxyServer


class LossyProxy(ProxyServer):
    """A proxy to the server. It drops the first response to a request that `drops` matches: (method, part of path)."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url, RelayHandler)
        self.drops: tuple[str, str] | None = None
        self.before_drop: Callable[[], object] = lambda: None
        self.matched: list[tuple[str, int]] = []
        self.rewrite: Callable[[bytes], bytes] = lambda content: content
        """What becomes of the body of each response."""
        self.clock_offset: float | None = None
        """In seconds: the header Date is that of a clock which is so far ahead. Without it there is none."""


class RelayHandler(http.server.BaseHTTPRequestHandler):
    server: LossyProxy

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = http.client.HTTPConnection(self.server.target)
        connection.request(self.command, self.path, body, dict(self.headers))
        response = connection.getresponse()
        content = self.server.rewrite(response.read())
        connection.close()
        self.close_connection = True
        if self.server.drops and self.command == self.server.drops[0] and self.server.drops[1] in self.path:
            self.server.matched.append((self.command, response.status))
            if len(self.server.matched) == 1:
                self.server.before_drop()
                return
        self.send_response_only(response.status)
        for name in ("Content-Type", "ETag"):
            if response.headers[name]:
                self.send_header(name, response.headers[name])
        if self.server.clock_offset is not None:
            self.send_header("Date", self.date_time_string(int(time.time() + self.server.clock_offset)))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = relay

    def log_message(self, *args: object) -> None:
        """Log nothing."""

"""A program that webhooks call: it listens on 127.0.0.1, keeps what it was sent, and answers as the test says."""

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook


class Sent(NamedTuple):
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)

    def verify(self, secret: str) -> dict[str, Any]:
        """The event, if signature and time are as Standard Webhooks say."""
        return Webhook(secret).verify(self.body, self.headers)


Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with this status; `Retry_After="3"` is a header."""

    def answer(call: BaseHTTPRequestHandler) -> None:
        call.send_response(code)
        for name, value in headers.items():
            call.send_header(name.replace("_", "-"), value)
        call.send_header("Content-Length", str(len(body)))
        call.end_headers()
        call.wfile.write(body)

    return answer


class Receiver:
    """Answers by `answers`, one after the other; the last one for ever."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.sent: list[Sent] = []
        # Names that were asked for over TLS.
        self.server_names: list[str | None] = []
        self.answers: list[Answer] = [status(204)]
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if tls else "http"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?from=wanllmdb"

    @property
    def kinds(self) -> list[str]:
        return [row.event["type"] for row in self.sent]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers["content-length"]))
                receiver.sent.append(Sent(self.path, headers, body))
                answers = receiver.answers
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

            def log_message(self, *args: object) -> None:
                """In silence."""

        return Handler

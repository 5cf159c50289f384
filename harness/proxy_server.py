"""What the proxies of the tests share: a server on a free port of 127.0.0.1 that knows where requests go on to."""

import http.server
import threading
from typing import Self
from urllib.parse import urlsplit


class ProxyServer(http.server.ThreadingHTTPServer):
    """A proxy to `target`, a host with its port, at `url`; it serves inside of its `with` block."""

    daemon_threads = True

    def __init__(self, url: str, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.target = urlsplit(url).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

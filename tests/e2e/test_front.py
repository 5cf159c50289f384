"""What the front passes on, seen from behind it."""

import http.client
import json
import os
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from deploy import ports, runtime_directory, var_directory
from deploy.launcher import trust_proxies
from harness import servers
from tests.e2e.conftest import wait_until

# As Caddy counts.
SECOND = 10**9
FORGED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that it got, and the size of the body; as many seconds later as `Delay` says."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(float(self.headers.get("Delay", 0)))
        answer = json.dumps(dict(self.headers) | {"size": len(body)}).encode()
        self.server.seen += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def address_string(self) -> str:
        return "front"

    def log_message(self, *_: object) -> None:
        pass


class Behind(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    seen = 0


class Front:
    def __init__(self, var: Path, environment: dict[str, str]) -> None:
        var_directory.create(var)
        self.run_directory = runtime_directory.create(var)
        self.port = servers.free_port()
        env = servers.session_env() | {"WANLLMDB_VAR_DIR": str(var), "WANLLMDB_RUN_DIR": str(self.run_directory)}
        self.server = servers.Server(
            f"front-{self.port}",
            ["sh", "-c", servers.PROCFILE["front"]],
            env | {"PORT": str(self.port)} | environment,
            lambda: not ports.is_free(self.port),
        )
        self.server.start()

    def ask(self, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, "/", body, headers)
            response = connection.getresponse()
            return response.status, response.read().decode(), dict(response.headers)


@pytest.fixture
def start_front(tmp_path) -> Iterator[Callable[..., Front]]:
    started: list[Front] = []

    def start(**environment: str) -> Front:
        started.append(Front(tmp_path / "var", environment))
        return started[-1]

    yield start
    for front in started:
        front.server.stop()


@pytest.fixture
def behind(tmp_path) -> Iterator[Behind]:
    (tmp_path / "var" / "run").mkdir(parents=True)
    with Behind(str(tmp_path / "var" / "run" / "web.sock"), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_what_a_client_says_of_its_ip_is_replaced(start_front, behind):
    _, body, _ = start_front().ask(**FORGED)
    headers = json.loads(body)
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]) == ("127.0.0.1", "http")


def test_what_a_trusted_proxy_says_is_passed_on(start_front, behind, monkeypatch):
    monkeypatch.setenv("BEHIND_TLS_PROXY", "1")
    monkeypatch.setenv("FRONT_TRUSTED_PROXIES", "")
    trust_proxies()
    front = start_front(FRONT_TRUSTED_PROXIES=os.environ["FRONT_TRUSTED_PROXIES"])
    headers = json.loads(front.ask(**FORGED)[1])
    assert headers["X-Forwarded-For"].startswith("203.0.113.7, ")
    assert headers["X-Forwarded-Proto"] == "https"


def test_a_request_comes_when_it_is_whole(start_front, behind):
    front = start_front()
    with socket.create_connection(("127.0.0.1", front.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
        # Others pass meanwhile.
        assert json.loads(front.ask("POST", b"x" * 100_000)[1])["size"] == 100_000
        assert behind.seen == 1
        client.sendall(b"67890")
        wait_until(lambda: behind.seen == 2)


def test_without_a_web_server_it_says_so(start_front):
    status, body, headers = start_front().ask()
    assert (status, body, headers["Retry-After"]) == (
        503,
        "The server does not respond. Try again in a few seconds.",
        "5",
    )


def test_who_waits_for_an_answer_is_not_cut_off(start_front, behind):
    status, body, _ = start_front(FRONT_WRITE_IDLE="1s").ask("POST", b"x", Delay="2.5")
    assert (status, json.loads(body)["size"]) == (200, 1)


def test_a_connection_that_is_idle_is_closed(start_front, behind):
    front = start_front(FRONT_IDLE="1s")
    with socket.create_connection(("127.0.0.1", front.port), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(2**16), b""))
    # As of HTTP/1.1, it was to be kept.
    assert answer.startswith(b"HTTP/1.1 200 OK") and b"Connection: close" not in answer


@pytest.mark.parametrize("stack", ["embedded", "stack"])
def test_no_listener_keeps_what_is_idle_or_cuts_off_who_waits(tmp_path, stack):
    names = ("FRONT_LOCAL", "FRONT_HOST", "FRONT_BIND", "WANLLMDB_RUN_DIR", "WANLLMDB_VAR_DIR")
    env = servers.session_env() | dict.fromkeys(names, "127.0.0.1") | {"FRONT_LOCAL": "127.0.0.2"}
    env |= {"PORT": "8001", "STORE_PORT": "8002", "STORE_TLS_PORT": "8003", "FRONT_TLS": "internal"}
    command = ["caddy", "adapt", "--config", f"deploy/{stack}/Caddyfile"]
    adapted = subprocess.run(command, cwd=servers.ROOT, env=env, capture_output=True, text=True, check=True).stdout
    listeners = json.loads(adapted)["apps"]["http"]["servers"].values()
    assert len(listeners) == (1 if stack == "embedded" else 2)
    for listener in listeners:
        assert listener["idle_timeout"] == 60 * SECOND
        assert listener["write_idle_timeout"] == 20 * SECOND
        # The rate of a listener counts from the beginning of a request, before there is anything to write.
        assert not listener.get("write_min_rate")

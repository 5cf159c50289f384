"""Who sends more than the server takes reads why, on a real connection, instead of a reset; and bodies that are being
sent are held nowhere."""

import http.client
import json
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import urllib3

from core import long_request_bodies
from harness import servers
from wanllmdb.refused_request_bodies import RefusedRequestBodies

MIB = 2**20


@pytest.fixture(scope="module")
def stack() -> servers.Stack:
    running = servers.stack()
    running.start()
    return running


@contextmanager
def unfinished_bodies(stack: servers.Stack, count: int, path: str, length: int, sent: int, key: str = "") -> Iterator:
    """So many clients who say that they send so much, and have sent as much of it as they could."""
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    kind = "application/json" if key else "application/x-www-form-urlencoded"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Content-Type: {kind}\r\n"
    head += f"Content-Length: {length}\r\n\r\n"

    def begin(client: socket.socket) -> None:
        with suppress(OSError):
            client.sendall(head.encode() + b" " * sent)

    with ExitStack() as opened, ThreadPoolExecutor(count) as threads:
        address = ("127.0.0.1", int(stack.env["PORT"]))
        clients = [opened.enter_context(socket.create_connection(address, timeout=2)) for _ in range(count)]
        list(threads.map(begin, clients))
        yield clients


def resident_bytes(stack: servers.Stack) -> int:
    """Of the front and the web server."""
    total = 0
    for pid in stack.web.pids:
        with suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            total += next((int(line.split()[1]) * 1024 for line in status.splitlines() if "VmRSS" in line), 0)
    return total


def front(stack: servers.Stack) -> int:
    """The process of the front."""
    (pid,) = [pid for pid in stack.web.pids if Path(f"/proc/{pid}/comm").read_text() == "caddy\n"]
    return pid


def answer(client: socket.socket) -> tuple[int, str]:
    """The status, and how long to wait before another attempt; 0 where the connection broke or nothing came."""
    with suppress(OSError, http.client.HTTPException):
        response = http.client.HTTPResponse(client)
        response.begin()
        return response.status, response.headers.get("Retry-After", "")
    return 0, ""


def send_long_body(stack: servers.Stack, username: str, name: str) -> int:
    body = json.dumps({"name": name}) + " " * MIB
    headers = {"Authorization": f"Bearer {stack.key(username)}", "Content-Type": "application/json"}
    with urllib3.PoolManager() as pool:
        return pool.request("POST", f"{stack.base_url}/api/v1/teams", body=body, headers=headers, retries=False).status


class Stream:
    """Three bytes of a body; before the first of them comes, `meanwhile` is done."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile, self.reads = meanwhile, 0

    def read(self, size: int) -> bytes:
        self.reads += 1
        if self.reads == 1:
            self.meanwhile()
        return b"x" if self.reads <= 3 else b""


def test_of_too_many_refused_bodies_the_first_is_left():
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return []

    bodies = RefusedRequestBodies(application, max_bytes=lambda path: 1000)
    streams: list[Stream] = []

    def send(count: int) -> None:
        streams.append(Stream(lambda: send(count - 1) if count else None))
        environ = {"CONTENT_LENGTH": "2000", "wsgi.input": streams[-1]}
        bodies(environ, None)

    send(8)
    assert [stream.reads for stream in streams] == [1, *[4] * 8]
    streams.clear()
    send(7)
    assert [stream.reads for stream in streams] == [4] * 8


def test_long_bodies_are_read_of_who_has_signed_in_and_few_of_each_person(api, browser, alice, bob):
    long = {"data": b" " * (long_request_bodies.HELD_BYTES + 1), "content_type": "application/json"}
    form = {**long, "content_type": "application/x-www-form-urlencoded"}
    refused = browser().generic("POST", "/login", **form)
    assert (refused.status_code, "Sign in to send more" in refused.content.decode()) == (413, True)
    assert api().generic("POST", "/api/v1/teams", **long).status_code == 401
    with ExitStack() as sending:
        for _ in range(long_request_bodies.MAX_A_PERSON):
            sending.enter_context(long_request_bodies.receive(alice))
        for answer in (
            api(alice).generic("POST", "/api/v1/teams", **long),
            browser(alice).generic("POST", "/", **form),
        ):
            assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert api(bob).generic("POST", "/api/v1/teams", **long).status_code == 400
        assert api(alice).get("/api/v1/me").status_code == 200
    assert api(alice).generic("POST", "/api/v1/teams", **long).status_code == 400


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_body_over_16_mib_is_answered_with_413_that_is_read(stack, signed_in):
    headers = {"Content-Type": "application/json"}
    if signed_in:
        headers["Authorization"] = f"Bearer {stack.key('bob')}"
    with urllib3.PoolManager() as pool:
        answers = [
            pool.request("POST", f"{stack.base_url}{path}", body=b"x" * size * MIB, headers=headers, retries=False)
            for size in (17, 24, 48)
            for path in ("/api/v1/teams", "/login")
        ]
        assert Counter(answer.status for answer in answers) == {413: 6}
        assert all(b"16 MiB" in answer.data for answer in answers)
        assert pool.request("GET", f"{stack.base_url}/healthz").status == 200


def test_a_long_body_that_is_refused_before_it_is_read_is_answered(stack):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {stack.key('bob')}"}
    url = f"{stack.base_url}/api/v1/artifacts/versions/{uuid4()}/uploads"
    with urllib3.PoolManager() as pool:
        for _ in range(3):
            answer = pool.request("POST", url, body=b"x" * 4 * MIB, headers=headers, retries=False)
            assert (answer.status, answer.json()["code"]) == (404, "Missing")


def test_a_long_body_of_a_stranger_is_answered(stack):
    """Also at URLs that do not exist, and with a key that is not valid."""
    expected = {"/api/v1/teams": 401, "/api/v1/nothing": 404, "/api/nothing": 404, "/nothing": 413, "/login": 413}
    with urllib3.PoolManager() as pool:
        for path, status in expected.items():
            for key in ({}, {"Authorization": "Bearer wllm_revoked"}):
                headers = {"Content-Type": "application/json", **key}
                url = f"{stack.base_url}{path}"
                answer = pool.request("POST", url, body=b"x" * 8 * MIB, headers=headers, retries=False)
                assert answer.status == status, path


def test_the_front_has_a_limit_of_sockets(stack):
    limits = Path(f"/proc/{front(stack)}/limits").read_text().splitlines()
    (files,) = [line.split() for line in limits if line.startswith("Max open files")]
    assert files[3:5] == ["4096", "4096"]


@pytest.mark.parametrize(("mebibytes", "status", "code"), [(0, 400, "Invalid"), (20, 413, "PayloadTooLarge")])
def test_a_body_of_unknown_length_is_answered(stack, mebibytes, status, code):
    body = iter([b'{"name": "chunked"}', *[b" " * MIB] * mebibytes])
    with closing(http.client.HTTPConnection("127.0.0.1", int(stack.env["PORT"]), timeout=60)) as connection:
        headers = {"Authorization": f"Bearer {stack.key('bob')}", "Content-Type": "application/json"}
        connection.request("POST", "/api/v1/teams", body, headers, encode_chunked=True)
        response = connection.getresponse()
        assert (response.status, json.load(response)["code"]) == (status, code)


def test_slow_senders_of_too_much_do_not_keep_others_from_their_answer(stack):
    body = b"x" * 20 * MIB
    with unfinished_bodies(stack, 20, "/login", length=60 * MIB, sent=MIB):
        for _ in range(3):
            with closing(http.client.HTTPConnection("127.0.0.1", int(stack.env["PORT"]), timeout=60)) as connection:
                connection.request("POST", "/api/v1/teams", body, {"Authorization": f"Bearer {stack.key('bob')}"})
                response = connection.getresponse()
                assert (response.status, json.load(response)["code"]) == (413, "PayloadTooLarge")


def test_bodies_of_nobody_are_not_held(stack):
    send_long_body(stack, "bob", "warm")
    before = resident_bytes(stack)
    with unfinished_bodies(stack, 32, "/login", length=15 * MIB, sent=15 * MIB - 1) as clients:
        grown = resident_bytes(stack) - before
        with ThreadPoolExecutor(len(clients)) as threads:
            statuses = {status for status, _ in threads.map(answer, clients)}
    assert grown < 160 * MIB
    assert statuses <= {0, 413, 503}
    assert 413 in statuses


def test_a_person_who_sends_many_long_bodies_leaves_room_for_others(stack):
    before = resident_bytes(stack)
    with unfinished_bodies(stack, 32, "/api/v1/teams", 15 * MIB, 15 * MIB - 1, key=stack.key("alice")) as clients:
        assert send_long_body(stack, "bob", "others") == 201
        grown = resident_bytes(stack) - before
        with ThreadPoolExecutor(len(clients)) as threads:
            answers = Counter(threads.map(answer, clients))
    assert grown < 200 * MIB
    assert answers[503, "5"] > 0

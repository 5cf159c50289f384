"""One POST over a real socket: what the other side may do, none of it for longer than is allowed."""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
import trustme

from core import guarded_http, url_policy
from notifications import webhook_delivery
from tests.notifications.receiver import Receiver, status

MESSAGE = {"webhook-id": "msg_1"}


def send(url: str) -> guarded_http.Response:
    return guarded_http.post(url_policy.find(url, url_policy.for_webhooks()), MESSAGE, b"{}", webhook_delivery.limits())


def send_to(name: str, port: int) -> guarded_http.Response:
    """Over TLS, to a name that stands for this machine."""
    policy = url_policy.for_webhooks()
    destination = url_policy.find(f"https://{name}:{port}/hook", policy, lambda host, port: ["127.0.0.1"])
    return guarded_http.post(destination, MESSAGE, b"{}", webhook_delivery.limits())


@pytest.fixture
def authority(monkeypatch, tmp_path) -> trustme.CA:
    """One that this server trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


@pytest.fixture
def secure() -> Callable[..., Receiver]:
    """`secure(authority, name)` is a receiver with a certificate for that name."""
    made: list[Receiver] = []

    def listen(authority: trustme.CA, name: str) -> Receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        context.sni_callback = lambda connection, requested, _: made[-1].server_names.append(requested)
        made.append(Receiver(context))
        return made[-1]

    yield listen
    for row in made:
        row.close()


def test_it_is_posted(receiver):
    answer = send(receiver.url)

    assert (answer.status, answer.error, answer.is_success) == (204, "", True)
    sent = receiver.sent[0]
    assert (sent.path, sent.body, sent.headers["webhook-id"]) == ("/hook?from=wanllmdb", b"{}", "msg_1")
    assert sent.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver, code):
    target = Receiver()
    receiver.answers = [status(code, Location=target.url)]
    answer = send(receiver.url)
    target.close()

    assert (answer.status, answer.is_success, len(receiver.sent), target.sent) == (code, False, 1, [])


def test_a_huge_answer_is_not_read(receiver):
    def flood(call: BaseHTTPRequestHandler) -> None:
        call.send_response(200)
        call.send_header("Content-Length", str(2**40))
        call.end_headers()
        try:
            while True:
                call.wfile.write(b"x" * 2**16)
        except OSError:
            call.close_connection = True

    receiver.answers = [flood]

    assert send(receiver.url).body == "x" * 2048


def test_headers_without_end_are_not_read(receiver):
    def flood(call: BaseHTTPRequestHandler) -> None:
        call.send_response(200)
        for number in range(1000):
            call.send_header(f"X-{number}", "x" * 1000)
        try:
            call.end_headers()
        except OSError:
            call.close_connection = True

    receiver.answers = [flood]

    assert send(receiver.url).error == "The receiver's response is not HTTP."


def test_what_is_no_text_is_marked_as_such(receiver):
    receiver.answers = [status(200, b"a\0b\xff")]

    assert send(receiver.url).body == "a\ufffdb\ufffd"


def test_a_connection_that_closes_is_a_failure(receiver):
    def leave(call: BaseHTTPRequestHandler) -> None:
        call.close_connection = True

    receiver.answers = [leave]

    assert send(receiver.url).error == "The receiver closed the connection without a response."


def test_nobody_there_is_a_failure(receiver):
    receiver.close()

    assert send(receiver.url).error == "The receiver refused the connection."


def test_an_answer_that_is_not_http_is_a_failure(receiver):
    def mumble(call: BaseHTTPRequestHandler) -> None:
        call.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        call.close_connection = True

    receiver.answers = [mumble]

    assert send(receiver.url).error == "The receiver's response is not HTTP."


def test_a_silent_receiver_is_not_waited_for(receiver, settings):
    settings.WEBHOOK_READ_TIMEOUT = 0.2
    is_over = threading.Event()
    receiver.answers = [lambda call: is_over.wait()]
    answer = send(receiver.url)
    is_over.set()

    assert answer.error == "The receiver did not respond in time."
    assert answer.duration_ms >= 200


@pytest.mark.parametrize(("before", "code"), [(b"X-Slow: ", None), (b"\r\n", 200)])
def test_a_receiver_that_drips_is_cut_off(receiver, settings, before, code):
    """Each byte comes in time, the last one never: neither of its headers nor of its body."""
    settings.WEBHOOK_CONNECT_TIMEOUT, settings.WEBHOOK_TOTAL_TIMEOUT = 5, 6
    is_cut = threading.Event()

    def drip(call: BaseHTTPRequestHandler) -> None:
        call.wfile.write(b"HTTP/1.1 200 OK\r\n" + before)
        try:
            while True:
                call.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            is_cut.set()
        call.close_connection = True

    receiver.answers = [drip]
    answer = send(receiver.url)

    assert (answer.status, bool(answer.error)) == (code, code is None)
    assert is_cut.wait(60)


def test_a_handshake_that_never_ends_is_cut_off(settings):
    settings.WEBHOOK_CONNECT_TIMEOUT, settings.WEBHOOK_READ_TIMEOUT, settings.WEBHOOK_TOTAL_TIMEOUT = 0.2, 3600, 1
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        answer = send_to("hooks.example", silent.getsockname()[1])

    assert answer.error and answer.status is None


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert send(receiver.url).is_success


@pytest.mark.parametrize("name", ["hooks.acme.example", "*.acme.example"])
def test_over_tls_the_name_is_requested_at_the_ip_that_was_judged(authority, secure, name):
    receiver = secure(authority, name)
    answer = send_to("hooks.acme.example", receiver.port)

    assert (answer.error, receiver.server_names) == ("", ["hooks.acme.example"])
    assert receiver.sent[0].headers["host"] == f"hooks.acme.example:{receiver.port}"


def test_over_tls_an_ip_may_stand_for_itself(authority, secure):
    assert send(secure(authority, "127.0.0.1").url).is_success


@pytest.mark.parametrize("name", ["other.example", "localhost", "127.0.0.1"])
def test_a_certificate_for_another_name_is_refused(authority, secure, name):
    receiver = secure(authority, name)

    assert "certificate was rejected" in send_to("hooks.example", receiver.port).error
    assert receiver.sent == []


def test_a_certificate_of_an_unknown_authority_is_refused(authority, secure):
    receiver = secure(trustme.CA(), "hooks.example")

    assert "certificate was rejected" in send_to("hooks.example", receiver.port).error
    assert receiver.sent == []


def test_http_where_tls_is_expected_is_a_failure(receiver):
    assert send_to("hooks.example", receiver.port).error == "The TLS handshake with the receiver failed."

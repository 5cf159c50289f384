"""What a program prints, as it is sent. The client is scripted here; live tests have a server."""

import io
import re
import sys

import pytest

from wanllmdb.sdk import console_capture, errors
from wanllmdb.sdk.console_capture import ConsoleCapture


class ScriptedClient:
    """Raises the failures one after the other, and takes everything afterwards."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.bodies = []

    def post(self, path, body, *, idempotent):
        assert path == "/runs/1/console" and idempotent
        self.bodies.append(body)
        if self.failures:
            raise self.failures.pop(0)

    @property
    def lines(self):
        return [line for body in self.bodies for line in body["lines"]]


@pytest.fixture
def replace_streams(monkeypatch):
    """To be called by the test itself, because pytest puts its own in their place before."""

    def replace() -> None:
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), errors="replace", write_through=True))

    return replace


def test_lines_are_read_along_with_their_time(replace_streams):
    replace_streams()
    client = ScriptedClient()
    capture = ConsoleCapture(client, "1")
    capture.start()
    print("epoch", 1)
    print("oh\0 \udc80", file=sys.stderr, end="")
    capture.stop()
    print("after the run")
    capture.send()

    assert sys.stdout.getvalue() == "epoch 1\nafter the run\n"
    assert [re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", "AT", line) for line in client.lines] == [
        "AT epoch 1",
        "ERROR AT oh\ufffd ?",
    ]


def test_a_progress_bar_is_its_last_state(replace_streams):
    replace_streams()
    client = ScriptedClient()
    capture = ConsoleCapture(client, "1")
    for text in ("\r 10 %", "\r 50 %", "\r100 %", "\n", "a\r\nb\n", "\n"):
        capture.write(text, False)
    capture.send()
    assert [line.partition(" ")[2] for line in client.lines] == ["100 %", "a", "b", ""]


def test_what_was_not_received_is_sent_again(monkeypatch):
    monkeypatch.setattr(console_capture, "MAX_LINES_PER_REQUEST", 2)
    client = ScriptedClient(errors.Unreachable("away", url="x"), errors.Invalid("no"))
    capture = ConsoleCapture(client, "1")
    capture.write("1\n2\n3\n", False)
    with pytest.raises(errors.Unreachable):
        capture.send()
    capture.send()
    assert [(body["offset"], len(body["lines"])) for body in client.bodies] == [(0, 2), (0, 2), (2, 1)]


def test_the_oldest_lines_go_while_the_server_is_away(monkeypatch):
    monkeypatch.setattr(console_capture, "MAX_WAITING_LINES", 2)
    client = ScriptedClient()
    capture = ConsoleCapture(client, "1")
    capture.write("1\n2\n3\n", False)
    capture.send()
    assert client.bodies[0]["offset"] == 1 and [line[-1] for line in client.lines] == ["2", "3"]


def test_a_server_without_consoles_is_not_asked_again(replace_streams):
    replace_streams()
    client = ScriptedClient(errors.NotFound("no such address"))
    capture = ConsoleCapture(client, "1")
    capture.start()
    print("1")
    capture.send()
    print("2")
    capture.send()
    assert len(client.bodies) == 1


def test_whoever_wrapped_a_stream_since_stays(replace_streams):
    replace_streams()
    capture = ConsoleCapture(ScriptedClient(), "1")
    before = sys.stdout.write
    capture.start()
    theirs = sys.stdout.write = lambda text, inner=sys.stdout.write: inner(text.upper())
    capture.stop()
    print("a")
    assert sys.stdout.write is theirs and sys.stdout.getvalue() == "A\n" and before is not theirs

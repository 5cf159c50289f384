"""The thread of a run outlives whatever fails in it. What it sends to is scripted here; live tests have a server."""

import threading

import pytest

from wanllmdb.sdk import errors, heartbeat


class ScriptedClient:
    """Raises the failures one after the other, and takes everything afterwards."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.received = []
        self.beaten = threading.Event()

    def patch(self, path, body):
        if self.failures:
            raise self.failures.pop(0)
        self.received.append(body)

    def post(self, path, *, idempotent):
        self.beaten.set()


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setattr(heartbeat, "HEARTBEAT_INTERVAL", 0.02)
    monkeypatch.setattr(heartbeat, "SEND_INTERVAL", 0.001)
    started = []

    def start(client, values):
        warnings = []
        thread = heartbeat.Heartbeat(client, "1", lambda: {name: dict(items) for name, items in values.items()},
                                     warnings.append)  # fmt: skip
        started.append(thread)
        return thread, warnings

    yield start
    for thread in started:
        thread.stop()


def test_it_survives_every_exception(start):
    failures = [
        RuntimeError("can't start new thread"),
        MemoryError(),
        RecursionError("too deep"),
        OSError(24, "Too many open files"),
        errors.Denied("The key has expired"),
        errors.NotFound("Not found"),
        errors.Conflict("The run has ended"),
        errors.ServerError("A bug"),
        errors.Unreachable("Cannot reach it", url="x"),
    ]
    client, values = ScriptedClient(*failures), {"config": {}, "summary": {}}
    thread, warnings = start(client, values)
    values["summary"]["loss"] = 1
    thread.mark_dirty()
    while not client.received:
        assert thread._thread.is_alive()
        assert client.beaten.wait(30)
    assert client.received == [{"summary": {"loss": 1}, "merge": True}]
    assert len(warnings) == 7, warnings  # an outage is nothing that the user could change
    assert any("MemoryError" in warning for warning in warnings)


def test_heartbeats_go_on_while_a_value_cannot_be_sent(start):
    client, values = ScriptedClient(*[errors.ServerError("A bug")] * 100_000), {"config": {}, "summary": {}}
    thread, _ = start(client, values)
    values["summary"]["loss"] = 1
    thread.mark_dirty()
    for _ in range(3):
        client.beaten.clear()
        assert client.beaten.wait(30)


def test_a_refusal_of_config_does_not_keep_the_summary(start):
    client, values = ScriptedClient(errors.Invalid("No")), {"config": {}, "summary": {}}
    thread, warnings = start(client, values)
    thread.stop()
    values["config"]["a"] = values["summary"]["b"] = 1
    thread.send_changes()
    assert client.received == [{"summary": {"b": 1}, "merge": True}]
    assert warnings == ["could not send config of the run: No"]
    thread.send_changes()
    values["summary"]["b"] = True
    thread.send_changes()
    assert client.received[1:] == [{"summary": {"b": True}, "merge": True}]


def test_only_changed_keys_are_sent_until_one_is_removed(start):
    client, values = ScriptedClient(), {"config": {}, "summary": {"a": 1, "b": 2}}
    thread, _ = start(client, values)
    thread.stop()
    values["summary"]["b"] = 3
    thread.send_changes()
    del values["summary"]["a"]
    thread.send_changes()
    assert client.received == [{"summary": {"b": 3}, "merge": True}, {"summary": {"b": 3}, "merge": False}]


class AlertClient(ScriptedClient):
    """The same of alerts."""

    def post(self, path, body=None, *, idempotent):
        if path.endswith("/alerts"):
            self.patch(path, body)


def test_an_alert_that_cannot_be_sent_keeps_nothing_else(start):
    outage = errors.ServerError("A bug")
    client, values = AlertClient(outage, outage, errors.Denied("No")), {"summary": {}}
    thread, warnings = start(client, values)
    for title in "ab":
        thread.add_alert({"title": title})
    while "b" not in [body.get("title") for body in client.received]:
        pass
    values["summary"]["loss"] = 1
    thread.send_changes()
    assert {"summary": {"loss": 1}, "merge": True} in client.received
    assert warnings == ["could not send the alert 'a': No"]


def test_the_program_is_asked_once_to_stop():
    stopped = []
    client = ScriptedClient()
    client.post = lambda path, **options: {"stop_requested": True}
    thread = heartbeat.Heartbeat(client, "1", dict, print, has_thread=False, on_stop=lambda: stopped.append(True))
    for _ in range(2):
        thread._beat()
    assert stopped == [True]
    thread.stop()

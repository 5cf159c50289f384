"""Rows wait in a bounded buffer, are sent in batches, and one that is refused does not cost the others."""

from typing import Any

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import history_buffer
from wanllmdb.sdk.history_buffer import HistoryBuffer


class Server:
    """Stands for the client: stores rows as the server does, and refuses those that have `bad`."""

    def __init__(self) -> None:
        self.stored: dict[str, list[int]] = {}
        self.requests: list[int] = []
        self.error: Exception | None = None

    def post(self, path: str, body: dict[str, Any], idempotent: bool) -> None:
        assert path == "/runs/1/history" and idempotent
        self.requests.append(len(body["rows"]))
        if self.error:
            raise self.error
        if any("bad" in row for row in body["rows"]):
            raise wandb.Invalid("rows: A text has a NUL character.")
        steps = self.stored.setdefault(body["writer"], [])
        steps[body["offset"] :] = [row["_step"] for row in body["rows"]]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def buffer(server, warnings) -> HistoryBuffer:
    return HistoryBuffer(server, "1", warnings.append)


def fill(buffer: HistoryBuffer, *steps: int, **values: object) -> None:
    for step in steps:
        buffer.add({"_step": step, "_timestamp": 1.5, **values})


def test_rows_are_sent_in_batches_and_once(buffer, server, monkeypatch):
    monkeypatch.setattr(history_buffer, "MAX_ROWS_PER_REQUEST", 4)
    fill(buffer, *range(10))
    buffer.send()
    buffer.send()
    fill(buffer, 10)
    buffer.send()

    assert server.requests == [4, 4, 2, 1]
    assert list(server.stored.values()) == [list(range(11))]


def test_large_rows_are_sent_in_requests_of_a_bounded_size(buffer, server, monkeypatch):
    monkeypatch.setattr(history_buffer, "MAX_BYTES_PER_REQUEST", 1000)
    fill(buffer, 0, 1, 2, text="x" * 600)
    buffer.send()
    assert server.requests == [1, 1, 1]


def test_rows_wait_while_the_server_is_away(buffer, server, warnings):
    fill(buffer, 0, 1)
    server.error = wandb.Unreachable("away")
    with pytest.raises(wandb.Unreachable):
        buffer.send()
    server.error = None
    fill(buffer, 2)
    buffer.send()
    assert (list(server.stored.values()), warnings) == ([[0, 1, 2]], [])


def test_refused_rows_are_named_and_cost_no_others(buffer, server, warnings):
    fill(buffer, 0, 1, 2)
    fill(buffer, 3, bad="\0", loss=1)
    fill(buffer, 4, 5)
    fill(buffer, 6, bad="\0")
    fill(buffer, 7)
    buffer.send()

    (steps,) = server.stored.values()
    assert steps == [0, 1, 2, 4, 5, 7]
    assert warnings == ["the history of the run lacks step 3, 6 ('bad', 'loss'): rows: A text has a NUL character."]
    for step in range(8, 40):
        fill(buffer, step, bad="\0")
        buffer.send()
    assert len(warnings) == history_buffer.MAX_WARNINGS


@pytest.mark.parametrize("limit", ["MAX_WAITING_ROWS", "MAX_WAITING_BYTES"])
def test_too_many_waiting_rows_are_dropped_with_a_warning(buffer, server, warnings, monkeypatch, limit):
    monkeypatch.setattr(history_buffer, limit, 3 if limit == "MAX_WAITING_ROWS" else 120)
    fill(buffer, *range(5), loss=1)
    buffer.send()
    assert len(warnings) == 2 and "step 4 ('loss'): too many values wait to be sent" in warnings[1]
    assert list(server.stored.values()) == [[0, 1, 2]]


def test_a_full_history_is_told_once(buffer, server, warnings):
    fill(buffer, 0, 1)
    server.error = wandb.Conflict("The history of a run has at most 5,000,000 rows and 1 GiB.")
    buffer.send()
    fill(buffer, 2)
    buffer.send()
    assert (len(warnings), server.requests) == (1, [2])
    assert "at most 5,000,000 rows" in warnings[0]

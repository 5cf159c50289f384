"""What the process of a run tells while it runs: lines, summary, files, heartbeats and how it ended."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import keys
from accounts.actor import Actor
from accounts.models import Scope, User
from projects import runs
from projects.models import Run, State
from tracking import files, streams
from tracking.models import Stream
from wandb_api.summaries import fit

URL = "/files/acme/demo/brisk-otter-1/file_stream"


class StreamClient:
    """One user's process, with a key of its own."""

    def __init__(self, user: User, scope: Scope = Scope.WRITE) -> None:
        _, value = keys.issue(user=user, name="wandb", scope=scope)
        self.headers = {"Authorization": "Basic " + base64.b64encode(f"api:{value}".encode()).decode()}

    def send(self, body: bytes, url: str = URL, **headers: str) -> Any:
        return Client().post(url, body, content_type="application/json", headers=self.headers | headers)

    def tell(self, url: str = URL, **body: Any) -> Any:
        return self.send(json.dumps(body).encode(), url)


@pytest.fixture
def stream(run) -> Callable[..., Any]:
    """bob's process, which the test asks for by what it tells."""
    return lambda user=None, **options: StreamClient(user or run.created_by, **options)


def chunk(*lines: object, offset: int = 0) -> dict[str, Any]:
    return {"offset": offset, "content": [one if isinstance(one, str) else json.dumps(one) for one in lines]}


def test_lines_arrive_where_they_belong(stream, run):
    told = stream().tell(
        files={
            "wandb-history.jsonl": chunk({"_step": 0, "loss": float("nan")}, {"_step": 1, "loss": 0.5}),
            "wandb-events.jsonl": chunk({"system.cpu": 1.5, "_runtime": 3}),
            "wandb-summary.json": chunk({"loss": 1}, {"loss": float("inf"), "best": 2}),
            "output.log": chunk("2026-05-03T12:00:00.000000 hello"),
            "unknown.txt": chunk("x"),
        }
    )
    assert (told.status_code, told.json()) == (200, {"exitcode": None, "limits": {}})

    run.refresh_from_db()
    assert streams.line_counts(run) == {Stream.HISTORY: 2, Stream.EVENTS: 1, Stream.CONSOLE: 1}
    assert run.summary == {"loss": "Infinity", "best": 2}
    assert run.system_metrics == {"system.cpu": 1.5, "_runtime": 3}
    assert run.last_step == 1


def test_the_same_request_again_changes_nothing(stream, run):
    body = {
        "files": {"wandb-history.jsonl": chunk({"_step": 0}, {"_step": 1}), "output.log": chunk("a", "b")},
        "uploaded": ["gone.txt"],
        "complete": True,
        "exitcode": 3,
    }
    for _ in range(2):
        assert stream().tell(**body).status_code == 200
        run.refresh_from_db()
        ended = run.finished_at
        assert (run.state, run.exit_code, run.history_row_count) == (State.FAILED, 3, 2)
        assert streams.tail(run, Stream.CONSOLE, 5) == ["a", "b"]
    stream().tell(**body)
    run.refresh_from_db()
    assert run.finished_at == ended


def test_a_heartbeat_brings_back_what_fell_silent(stream, run):
    Run.objects.update(state=State.CRASHED)
    before = run.heartbeat_at
    assert stream().tell().status_code == 200

    run.refresh_from_db()
    assert run.state == State.RUNNING and run.heartbeat_at > before


def test_a_run_that_ended_goes_on_once_it_streams_again(stream, run):
    stream().tell(complete=True, exitcode=0)
    stream().tell(files={"wandb-history.jsonl": chunk({"_step": 5})})
    run.refresh_from_db()
    assert (run.state, run.finished_at, run.exit_code) == (State.RUNNING, None, None)

    stream().tell(complete=True, exitcode=1)
    run.refresh_from_db()
    assert (run.state, run.exit_code) == (State.FAILED, 1)


def test_a_run_that_was_killed_stays_so_and_its_process_is_stopped(stream, run, bob):
    runs.finish(Actor(bob), run, State.KILLED)
    assert stream().tell().json()["stopped"] is True
    stream().tell(complete=True, exitcode=0)

    run.refresh_from_db()
    assert run.state == State.KILLED


def test_a_process_learns_that_it_should_stop(stream, run, bob):
    assert "stopped" not in stream().tell().json()
    runs.stop(Actor(bob), run)
    assert stream().tell().json()["stopped"] is True

    stream().tell(complete=True, exitcode=255)
    assert "stopped" not in stream().tell().json()


def test_a_run_that_loses_its_machine_is_preempted(stream, run):
    stream().tell(preempting=True)
    stream().tell()
    run.refresh_from_db()
    assert run.state == State.PREEMPTING

    Run.objects.update(heartbeat_at="2020-01-01T00:00Z")
    assert runs.mark_crashed() == 1
    run.refresh_from_db()
    assert (run.state, run.finished_at) == (State.PREEMPTED, None)


def test_uploaded_files_are_taken_in(stream, run, bob, work):
    [(file, url)] = files.begin(Actor(bob), run, ["saved.txt"])
    assert url and not file.object_id
    assert stream().tell(uploaded=["saved.txt", "never.txt"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"{", 400),
        (b"[]", 400),
        (b'{"files": []}', 400),
        (b'{"files": {"output.log": []}}', 400),
        (b'{"files": {"output.log": {"offset": -1, "content": []}}}', 400),
        (b'{"files": {"output.log": {"offset": "1", "content": []}}}', 400),
        (b'{"files": {"output.log": {"content": [1]}}}', 400),
        (b'{"files": {"output.log": {"content": "x"}}}', 400),
        (b'{"files": {"output.log": null}}', 200),
        (b'{"files": {"wandb-summary.json": {"content": ["{"]}}}', 200),
        (b'{"files": {"wandb-summary.json": {"content": ["[]"]}}}', 200),
        (b'{"uploaded": 1}', 400),
        (b'{"complete": true}', 200),
        (b'{"complete": true, "exitcode": 1e99}', 200),
        (b'{"files": {"output.log": {"content": ["nul \\u0000 half \\ud800 \xff"]}}}', 200),
    ],
)
def test_what_makes_no_sense_is_refused_and_text_without_sense_is_kept(stream, run, body, status):
    assert stream().send(body).status_code == status


def test_a_program_that_was_ended_before_it_could_tell_has_failed(stream, run):
    stream().tell(complete=True)
    run.refresh_from_db()
    assert (run.state, run.exit_code) == (State.FAILED, 1)


def test_bodies_may_be_compressed_and_are_bounded_once_they_are_not(stream, run, settings):
    body = json.dumps({"files": {"output.log": chunk("x" * 2000)}}).encode()
    gzipped = {"Content-Encoding": "gzip"}
    assert stream().send(gzip.compress(body), **gzipped).status_code == 200
    assert streams.line_count(run, Stream.CONSOLE) == 1
    assert stream().send(b"no gzip", **gzipped).status_code == 400
    assert stream().send(gzip.compress(body)[:-9], **gzipped).status_code == 400

    settings.MAX_STREAM_BODY_BYTES = 1000
    assert len(gzip.compress(body)) < 1000
    assert stream().send(gzip.compress(body), **gzipped).status_code == 413
    assert stream().send(body).status_code == 413


def test_more_fits_than_into_other_bodies(stream, run, settings):
    settings.MAX_BODY_BYTES = 1000
    body = json.dumps({"files": {"output.log": chunk("x" * 2000)}}).encode()
    assert stream().send(body).status_code == 200
    assert stream().send(body, "/graphql").status_code == 413


def test_a_long_body_is_taken_of_who_has_a_key(stream, run):
    body = json.dumps({"files": {"output.log": chunk("x" * 200_000)}}).encode()
    assert stream().send(body).status_code == 200
    assert Client().post(URL, body, content_type="application/json").status_code == 401


def test_who_may_stream(stream, run, alice, vera, mallory):
    told = [stream(user).tell().status_code for user in (alice, vera, mallory)]
    assert told == [200, 403, 404]
    assert stream(scope=Scope.READ).tell().status_code == 403
    assert Client().post(URL, "{}", content_type="application/json").status_code == 401
    for missing in ("acme/demo/other", "acme/other/brisk-otter-1", "nobody/demo/brisk-otter-1"):
        answer = stream().tell(f"/files/{missing}/file_stream")
        assert (answer.status_code, "not found" in answer.json()["error"]) == (404, True)


def test_a_summary_that_is_too_much_keeps_what_fits():
    large, small = "x" * 700_000, {"loss": 1, "nan": "NaN"}
    assert fit(small) == small
    assert fit(small | {"first": large}) == small | {"first": large}
    assert fit(small | {"first": large, "second": large + "y"}) == small | {"first": large}
    assert fit({"nul": "\0", "loss": 1}) == {"loss": 1}

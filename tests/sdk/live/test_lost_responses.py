"""A move arrives and its answer does not: asked for again by itself, it is made once, and told as what it was."""

import http.client
import http.server
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

import wanllmdb as wandb
from wanllmdb import registry
from wanllmdb.sdk.client import Client


class Line(http.server.ThreadingHTTPServer):
    """The line to the server: once it has carried a request to a path with `loses` in it, it breaks."""

    daemon_threads = True

    def __init__(self, base_url: str) -> None:
        super().__init__(("127.0.0.1", 0), Relay)
        self.address = urlsplit(base_url).netloc
        self.base_url = f"http://127.0.0.1:{self.server_port}"
        self.loses: tuple[str, str] | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self.carried: list[tuple[str, int]] = []


class Relay(http.server.BaseHTTPRequestHandler):
    server: Line

    def relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        line = http.client.HTTPConnection(self.server.address)
        line.request(self.command, self.path, body, dict(self.headers))
        answer = line.getresponse()
        content = answer.read()
        line.close()
        self.close_connection = True
        if self.server.loses and self.command == self.server.loses[0] and self.server.loses[1] in self.path:
            self.server.carried.append((self.command, answer.status))
            if len(self.server.carried) == 1:
                self.server.meanwhile()
                return
        self.send_response_only(answer.status)
        for name in ("Content-Type", "ETag"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay

    def log_message(self, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def line(stack) -> Iterator[Line]:
    with Line(stack.base_url) as line:
        thread = threading.Thread(target=line.serve_forever)
        thread.start()
        yield line
        line.shutdown()
        thread.join()


@pytest.fixture
def model(run, project, line, monkeypatch) -> str:
    """`production` is at v1, `staging` at v2, and bob is behind a line that may break."""
    for number, alias in enumerate(["production", "staging", None], 1):
        artifact = wandb.Artifact("ranker", "model")
        with artifact.new_file("weights") as file:
            file.write(f"weights {number}")
        run.log_artifact(artifact, aliases=alias)
    wandb.finish()
    monkeypatch.setenv("WANLLMDB_BASE_URL", line.base_url)
    return f"{project}/ranker"


@pytest.fixture
def alice(stack, model) -> Callable[..., None]:
    """`alice("production", "v2")`: she moves it, over a line of her own."""
    client = Client(stack.base_url, stack.key("alice"))

    def move(alias: str, version: str | None) -> None:
        place = client.get("/artifacts/resolve", name=model)["artifact"]["id"]
        client.put_json(f"/artifacts/{place}/aliases", {"aliases": {alias: version}})

    return move


def told(model: str, alias: str) -> list[tuple[str | None, str | None, str]]:
    return [(each.from_version, each.to_version, each.changed_by) for each in registry.history(model, alias)]


@pytest.mark.parametrize("condition", [{}, {"expect": "v1"}])
def test_a_move_is_made_once(model, line, condition):
    line.loses = ("PUT", "/aliases")
    assert registry.transition_stage(model, "v3", "Production", **condition).version == "v3"
    assert [status for _, status in line.carried] == [200, 409 if condition else 200]
    assert told(model, "production") == [("v1", "v3", "bob"), (None, "v1", "bob")]


def test_an_alias_is_made_once(model, line):
    line.loses = ("PUT", "/aliases")
    registry.transition_stage(model, "v3", "champion", expect="none")
    assert told(model, "champion") == [(None, "v3", "bob")]


def test_a_removal_is_made_once(model, line):
    line.loses = ("PUT", "/aliases")
    artifact = wandb.Api().artifact(f"{model}:production")
    artifact.aliases.remove("production")
    artifact.save()
    assert artifact.aliases == []
    assert [status for _, status in line.carried] == [200, 409]
    assert told(model, "production")[0] == ("v1", None, "bob")


def test_a_rollback_does_not_undo_itself(model, line):
    registry.transition_stage(model, "v2", "Production")
    line.loses = ("POST", "/rollback")
    assert registry.rollback(model, "production").version == "v1"
    assert [status for _, status in line.carried] == [200, 409]
    assert len(told(model, "production")) == 3


def test_a_swap_does_not_undo_itself(model, line):
    line.loses = ("PUT", "/aliases")
    assert registry.swap(model, "production", "staging") == {"production": "v2", "staging": "v1"}
    assert wandb.Api().collection(model).all_aliases() == {"latest": "v3", "production": "v2", "staging": "v1"}


def test_a_proposal_is_made_once(model, line):
    line.loses = ("POST", "/alias-proposals")
    proposal = registry.propose(model, "v2", "production")
    assert [status for _, status in line.carried] == [201, 409]
    assert registry.proposals(model, state=None) == [proposal]
    line.loses, line.carried = ("POST", "/withdraw"), []
    assert registry.withdraw(proposal).state == "withdrawn"
    assert [status for _, status in line.carried] == [200, 409]


def test_who_was_quicker_is_told_although_it_is_where_we_wanted_it(model, line, alice):
    """Two robots want the same: one of them did it, and only that one is told so."""
    alice("production", "v3")
    with pytest.raises(wandb.AliasMoved):
        registry.transition_stage(model, "v3", "Production", expect="v1")


def test_who_moves_it_on_in_between_is_not_undone(model, line, alice):
    line.loses, line.meanwhile = ("PUT", "/aliases"), lambda: alice("production", "v2")
    with pytest.raises(wandb.AliasMoved, match="it is at v2 now"):
        registry.transition_stage(model, "v3", "Production", expect="v1")
    assert told(model, "production")[:2] == [("v3", "v2", "alice"), ("v1", "v3", "bob")]


def test_who_moves_it_where_we_wanted_it_is_not_taken_for_us(model, line, alice):
    line.loses, line.meanwhile = ("PUT", "/aliases"), lambda: (alice("production", "v2"), alice("production", "v3"))
    with pytest.raises(wandb.AliasMoved, match="it is at v3 now"):
        registry.transition_stage(model, "v3", "Production", expect="v1")


def test_save_does_not_take_again_what_somebody_took_meanwhile(model, line, alice):
    artifact = wandb.Api().artifact(f"{model}:production")
    artifact.aliases[:] = ["champion"]
    line.loses, line.meanwhile = ("PUT", "/aliases"), lambda: alice("champion", "v2")
    with pytest.raises(wandb.AliasMoved):
        artifact.save()
    assert told(model, "champion") == [("v1", "v2", "alice"), (None, "v1", "bob")]
    assert told(model, "production")[0] == ("v1", None, "bob")

"""The first minutes of a new user, and the days after. The tests of this module are one story, told in order."""

import os
import signal
import socket
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

import pytest
import urllib3

import wanllmdb as wandb
from deploy.ports import GRPC_PORT_OFFSET, STORE_PORT_COUNT
from deploy.var_directory import read_env
from harness import listeners, servers
from tests.e2e.conftest import STOPS_WITHIN, Terminal, wait_until
from wanllmdb.sdk import aliases
from wanllmdb.sdk.http_client import Client

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def first(make_run) -> Terminal:
    """The first start of all."""
    return make_run().wait_for_banner()


@pytest.fixture
def running(first, starts, make_run) -> Terminal:
    """What the tests before have left running, or else the next start."""
    return next((start for start in starts if start.process.poll() is None), None) or make_run().wait_for_banner()


@pytest.fixture(scope="module")
def other_port() -> str:
    return str(servers.free_port())


@pytest.fixture
def server(first) -> wandb.Api:
    """The server as the first user has it in hand."""
    return wandb.Api(base_url=first.credentials["base_url"], api_key=first.credentials["api_key"])


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_it_says_where_it_serves_and_keeps_the_credentials(first, server):
    kept = first.credentials
    assert list(kept) == ["base_url", "username", "password", "api_key"]
    assert all(value in first.output for value in kept.values())
    assert server.viewer["username"] == kept["username"]


def test_what_it_keeps_is_for_its_owner_alone(first):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [first.var, *first.var.iterdir()]}
    assert not {name: oct(mode) for name, mode in modes.items() if mode & 0o077}
    assert modes["credentials.json"] == modes["embedded.env"] == modes["s3.json"] == 0o600


def test_the_demo_can_be_used_by_its_aliases(first, server):
    project = f"{first.credentials['username']}/first-steps"
    row = {artifact.name: artifact.all_aliases() for artifact in server.artifacts(project)}
    assert row["houses"] == {"latest": "v3", "production": "v3", "v1.0.0": "v3", "v0.2.0": "v2", "v0.1.0": "v1"}
    assert row["price-model"] == {
        **{"latest": "v2", "staging": "v2", "v1.1.0": "v2"},
        **{"production": "v1", "v1.0.0": "v1"},
    }
    model = server.artifact(f"{project}/price-model:production")
    assert model.logged_by().config["features"] == ["area"]
    assert "train-by-area" in [run.name for run in server.artifact(f"{project}/houses:production").used_by()]


def test_the_demo_shows_what_happens_to_aliases(first, server):
    model = f"{first.credentials['username']}/first-steps/price-model"
    client = Client(first.credentials["base_url"], first.credentials["api_key"])
    where = server.collection(model).id
    assert [(row["from_version"], row["to_version"]) for row in aliases.history(client, where, "staging")] == [
        *(("v1", "v2"), ("v2", "v1")),
        (None, "v2"),
    ]
    (proposal,) = aliases.list_proposals(client, where)
    assert (proposal["alias"], proposal["to_version"], proposal["state"]) == ("production", "v2", "open")
    protected = {alias for alias, row in aliases.list_aliases(client, where).items() if row["protected"]}
    assert protected == {"production"}


def test_the_demo_keeps_records_without_a_key(first):
    """The requests of the guide's curl block, at the URL of the banner."""
    project = f"{first.credentials['base_url']}/h/{first.credentials['username']}/first-steps"
    artifacts = f"{project}/experiments/api/v1/artifacts"
    assert f"curl {artifacts}" in first.output
    assert urllib3.request("GET", f"{artifacts}?data.experiment_name=weather_forecast").json()["total"] == 1

    root = urllib3.request("POST", artifacts, json={"data": {"experiment": "test"}}).json()["id"]
    child = urllib3.request("POST", artifacts, json={"parent_id": root, "data": {"model": "trained"}}).json()["id"]
    tree = urllib3.request("POST", f"{artifacts}/$tree", json={"root_id": root}).json()
    assert [node["id"] for node in tree["children"]] == [child]


def test_the_demo_comes_back_with_the_same_bytes(first, server, clone, tmp_path):
    project = f"{first.credentials['username']}/first-steps"
    for name, needed in {"handbook": "README.md", "wanllmdb-source": "wanllmdb/settings.py"}.items():
        version = server.artifact(f"{project}/{name}:production")
        got = contents(Path(version.download(tmp_path / name)))
        assert needed in got
        assert got == {path: (clone / path).read_bytes() for path in got}


def test_workers_verify_what_was_logged(first, server):
    project = f"{first.credentials['username']}/first-steps"

    def verified() -> bool:
        names = [f"{artifact.qualified_name}:latest" for artifact in server.artifacts(project)]
        return {file.integrity for name in names for file in server.artifact(name).files()} == {"verified"}

    wait_until(verified)


def test_it_listens_only_on_known_ports(first):
    """What answers at each port of the store is in tests/attacks/test_inner_ports.py."""
    port, store_port = (int(read_env(first.var / "embedded.env")[name]) for name in ("PORT", "STORE_PORT"))
    of_store = range(store_port, store_port + STORE_PORT_COUNT)
    expected = {port, *of_store, *(inner + GRPC_PORT_OFFSET for inner in of_store)}
    assert listeners.tcp(first.processes) == {("127.0.0.1", number) for number in expected}
    # supervisord renames its socket once it is there, and the system tells the first name.
    sockets = [path for name in listeners.unix_paths(first.processes) if (path := Path(name)).exists()]
    assert [str(path) for path in sockets if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    assert {"web.sock", "s3.sock", "filer.sock"} <= {path.name for path in sockets}


def test_a_second_one_in_the_same_directory_says_so(first, make_run):
    second = make_run()
    assert second.wait_for_end() != 0
    assert "already runs in" in second.output
    assert "Traceback" not in second.output


def test_ctrl_c_stops_everything(first):
    assert len(first.processes) > 5
    first.press_ctrl_c()
    assert not first.processes
    assert "Stopped. Everything is kept" in first.output
    assert "Traceback" not in first.output


def test_a_taken_port_is_one_line(first, make_run):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        refused = make_run(PORT=port)
        assert refused.wait_for_end() != 0
    assert f"Port {port} is taken" in refused.output
    assert "Traceback" not in refused.output


def test_the_next_start_keeps_everything(first, make_run, server):
    before = first.credentials
    again = make_run().wait_for_banner()
    assert again.credentials == before
    assert len(list(server.artifacts(f"{before['username']}/first-steps"))) == 5
    assert "Logging a first project" not in again.output
    # What goes into logs at every start is no secret.
    assert "credentials.json" in again.output
    assert not [name for name in ("password", "api_key") if before[name] in again.output]


def test_a_killed_process_is_started_again_and_the_console_says_so(running):
    [store] = [pid for pid in running.processes if Path(f"/proc/{pid}/exe").resolve().name == "weed"]
    os.kill(store, signal.SIGKILL)
    wait_until(lambda: "The process `store` runs again." in running.output)
    assert "The process `store` ended unexpectedly" in running.output


def test_a_terminated_launcher_stops_everything(running):
    os.kill(running.launcher, signal.SIGTERM)
    running.wait_for_end(STOPS_WITHIN)
    assert not running.processes


def test_a_killed_launcher_leaves_nothing_behind_and_nothing_in_the_way(running, make_run):
    os.kill(running.launcher, signal.SIGKILL)
    running.wait_for_end(STOPS_WITHIN)
    wait_until(lambda: not running.processes, STOPS_WITHIN)
    make_run().wait_for_banner()


def test_everything_killed_at_once_is_no_obstacle(running, make_run, other_port):
    for pid in {running.launcher, *running.processes}:
        # Some end by themselves when they lose their parent.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.wait_for_end(STOPS_WITHIN)
    make_run(PORT=other_port).wait_for_banner()


def test_a_url_that_changes_is_in_the_credentials(running, other_port):
    assert running.credentials["base_url"] == f"http://127.0.0.1:{other_port}"
    assert wandb.Api(base_url=running.credentials["base_url"], api_key=running.credentials["api_key"]).viewer
    running.press_ctrl_c()
    assert not running.processes


def test_a_process_that_cannot_start_is_reported(first, make_run):
    again = make_run(CELERY_BROKER_URL="nonsense://").wait_for_banner()
    wait_until(lambda: "The process `worker` ended unexpectedly" in again.output)
    again.press_ctrl_c()


def test_a_newer_database_is_one_line(first, make_run):
    with sqlite3.connect(first.var / "db.sqlite3") as database:
        database.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('artifacts', '9999_to_come', 0)")
    refused = make_run()
    assert refused.wait_for_end() != 0
    assert "A newer wanLLMDB made this database (it has artifacts.9999_to_come)" in refused.output
    assert "Traceback" not in refused.output

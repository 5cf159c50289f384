"""A database that is locked, full or away: what only reads works on, and what writes says so.

The parts are real: a connection that holds the lock of the database, a database that may not grow.
"""

import json
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client

import wanllmdb as wandb
from accounts.models import ApiKey
from artifacts import storage
from artifacts.models import ArtifactVersion
from core import database_errors
from harness import servers
from projects.models import Project
from tests.artifacts.client import begin, send, sha256
from tests.e2e.conftest import wait_until
from wanllmdb.sdk import http_client


@pytest.fixture
def short_waits() -> Iterator[None]:
    """No connection of ours waits long for a lock, as those of a web process do not."""
    options = connection.settings_dict["OPTIONS"]
    short = {"timeout": 0.2} if connection.vendor == "sqlite" else {"options": "-c lock_timeout=200"}
    connection.close()
    connection.settings_dict["OPTIONS"] = options | short
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = options


@contextmanager
def locked(*tables: str) -> Iterator[None]:
    """Another connection writes, and does not end: to these tables, or on SQLite to any."""
    options = connection.settings_dict
    if connection.vendor == "sqlite":
        other = sqlite3.connect(options["NAME"], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(
            host=options["HOST"], port=options["PORT"], user=options["USER"], dbname=options["NAME"]
        )
        # Reads go on under it, writes wait.
        for table in tables:
            other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


def assert_unavailable(response, code: str, message: str) -> None:
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    if code:
        assert response.json()["code"] == code
        assert message in response.json()["detail"]
    else:
        assert message in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_under_a_lock_reads_go_on_and_writes_say_so(short_waits, api, browser, bob, project, artifact, v1):
    program, page = api(bob), browser(bob)
    assert page.get("/acme/demo").status_code == 200
    busy = "The database is busy with other changes."
    with locked("accounts_apikey", "projects_project"):
        # The key was never used: to say that it is now would be a write.
        assert program.get(f"/api/v1/artifacts/{artifact.pk}").status_code == 200
        assert program.get(f"/api/v1/artifacts/{artifact.pk}/aliases/latest").status_code == 200
        assert page.get("/acme/demo").status_code == 200
        write = program.patch(f"/api/v1/projects/{project.pk}", {"description": "new"})
        assert_unavailable(write, "DatabaseBusy", busy)
        assert_unavailable(page.post("/acme/demo/settings", {"name": "demo", "visibility": "private"}), "", busy)
    assert Project.objects.get().description == ""
    assert program.patch(f"/api/v1/projects/{project.pk}", {"description": "new"}).status_code == 200


LOGGED_TABLES = (
    "projects_run", "artifacts_artifact", "artifacts_artifactversion", "artifacts_artifactfile", "artifacts_blob",
    "artifacts_storedobject",
)  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_each_call_of_a_log_can_be_repeated_once_the_lock_is_gone(short_waits, api, bob, project, artifact):
    program, versions = api(bob), f"/api/v1/artifacts/{artifact.pk}/versions"
    begun = begin(bob, artifact, {"a": b"a", "b": b"b"}).version
    draft = f"/api/v1/artifacts/versions/{begun.pk}"
    one, two = ({"kind": "file", "sha256": sha256(body), "size": 1} for body in (b"a", b"b"))
    more = {"path": "c", "size": 1, "sha256": sha256(b"b")}
    [target, _] = program.post(f"{draft}/uploads", {"objects": [one, two]}).json()["objects"]
    send(storage.SignedPut(target["url"], target["headers"]), b"a")
    in_pack = {"kind": "pack", "sha256": sha256(b"b"), "size": 1, "first": "b", "last": "c", "count": 1}
    calls = {
        "/api/v1/runs": {"project": str(project.pk), "name": "busy"},
        "/api/v1/artifacts": {
            "project": str(project.pk),
            "name": "new",
            "type": "dataset",
            "version": {"files": [more]},
        },
        versions: {"files": [more]},
        f"{draft}/files/batch": {"files": [more]},
        f"{draft}/uploads": {"objects": [one, in_pack]},
        f"{draft}/finalize": {"aliases": ["best"]},
    }
    before = set(ArtifactVersion.objects.values_list("pk", "state", "touched_at"))
    for url, body in calls.items():
        with locked(*LOGGED_TABLES):
            assert_unavailable(program.post(url, body), "DatabaseBusy", "The database is busy with other changes.")
    with locked(*LOGGED_TABLES):
        assert_unavailable(program.delete(draft), "DatabaseBusy", "The database is busy with other changes.")
    assert set(ArtifactVersion.objects.values_list("pk", "state", "touched_at")) == before
    answers = {url: program.post(url, body).status_code for url, body in calls.items()}
    assert answers.pop(f"{draft}/finalize") == 409
    assert set(answers.values()) == {200, 201}


@pytest.mark.django_db(transaction=True)
def test_the_use_of_a_key_is_recorded_by_a_later_request(short_waits, api, bob, project):
    program = api(bob)
    with locked("accounts_apikey"):
        assert program.get("/api/v1/projects").status_code == 200
        assert ApiKey.objects.get(user=bob).last_used_at is None
    assert program.get("/api/v1/projects").status_code == 200
    assert ApiKey.objects.get(user=bob).last_used_at is not None


@contextmanager
def full() -> Iterator[None]:
    """The database refuses to grow: SQLite by its own limit, PostgreSQL as it says it where the disk is full."""
    cursor = connection.cursor()
    if connection.vendor == "sqlite":
        cursor.execute("VACUUM")  # what other tests deleted is room too
        [(pages,)] = cursor.execute("PRAGMA page_count").fetchall()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        try:
            yield
        finally:
            cursor.execute("PRAGMA max_page_count = 1073741823")
        return
    cursor.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON projects_project EXECUTE FUNCTION full_disk();"
        "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON accounts_apikey EXECUTE FUNCTION full_disk();"
    )
    try:
        yield
    finally:
        cursor.execute("DROP FUNCTION full_disk CASCADE")


@pytest.mark.django_db(transaction=True)
def test_on_a_full_disk_reads_go_on_and_writes_say_so(api, browser, bob, project):
    program, page = api(bob), browser(bob)
    message = "The disk of the database is full."
    long = "x" * 50_000
    with full():
        assert program.get("/api/v1/projects").status_code == 200
        assert page.get("/acme/demo").status_code == 200
        # A few writes still fit into the pages that there are.
        for number in range(20):
            write = program.post("/api/v1/projects", {"team": "acme", "name": f"p{number}", "description": long})
            if write.status_code != 201:
                break
        assert_unavailable(write, "DatabaseFull", message)
        form = {"name": "demo", "visibility": "private", "description": long}
        assert_unavailable(page.post("/acme/demo/settings", form), "", message)
        assert program.get(f"/api/v1/projects/{project.pk}").json()["description"] == ""
    assert program.post("/api/v1/projects", {"team": "acme", "name": "p"}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_middleware_meets_is_reported_too(short_waits, bob):
    client = Client(raise_request_exception=False)
    client.force_login(bob)
    session = client.session
    # A session that has to be saved, by the middleware, once the view is through.
    session.set_expiry(300)
    session.save()
    with locked("django_session"):
        response = client.get("/login?next=/")
        form = client.post("/logout")
    assert response.status_code in (302, 503)
    assert_unavailable(form, "", "The database is busy with other changes.")


def test_a_database_that_is_away_is_reported():
    """As the driver says it of a port where nobody listens."""
    try:
        psycopg.connect(host="127.0.0.1", port=servers.free_port(), connect_timeout=2)
    except psycopg.OperationalError as cause:
        error = OperationalError(str(cause))
        error.__cause__ = cause
    assert database_errors.refusal(error).code == "DatabaseUnavailable"
    assert database_errors.refusal(ValueError()) is None


@contextmanager
def locked_in(stack: servers.Stack) -> Iterator[Callable[[], None]]:
    """Somebody writes into a stack's database, to its projects, and does not end before the function is called."""
    url = stack.env["DATABASE_URL"]
    if url.startswith("sqlite"):
        other: Any = sqlite3.connect(stack.var / "db.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(url)
        other.execute("LOCK TABLE projects_project IN EXCLUSIVE MODE")
    with closing(other):
        yield other.rollback


def test_a_log_goes_on_once_a_lock_is_gone(monkeypatch, tmp_path):
    stack = servers.stack()
    stack.start()
    (tmp_path / "a.txt").write_text("a")
    monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
    monkeypatch.setenv("WANLLMDB_API_KEY", stack.key("bob"))
    statuses, send_once = [], http_client.Client._send

    def observed(self: Any, *args: Any, **options: Any) -> Any:
        response = send_once(self, *args, **options)
        statuses.append(response.status)
        return response

    monkeypatch.setattr(http_client.Client, "_send", observed)
    with ThreadPoolExecutor(1) as threads, wandb.init(project=f"acme/busy-{os.urandom(4).hex()}") as run:
        artifact = wandb.Artifact("data", "dataset")
        artifact.add_dir(tmp_path)
        with locked_in(stack) as release:
            logged = threads.submit(lambda: run.log_artifact(artifact).wait())
            wait_until(lambda: 503 in statuses)
            release()
        assert logged.result().version == "v1"


def test_a_locked_database_gives_every_writer_an_answer_and_readers_their_page():
    stack = servers.stack()
    stack.start()
    key = stack.key("bob")

    def call(method: str, body: dict[str, object] | None = None) -> tuple[int, str, str]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{stack.base_url}/api/v1/projects", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, "", ""
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)["code"], refusal.headers["Retry-After"]

    with ThreadPoolExecutor(140) as threads, locked_in(stack) as release:
        writes = [threads.submit(call, "POST", {"team": "acme", "name": f"locked-{n}"}) for n in range(120)]
        # All but the few that wait.
        wait_until(lambda: sum(write.done() for write in writes) > 100)
        reads = [threads.submit(call, "GET") for _ in range(20)]
        assert {read.result() for read in reads} == {(200, "", "")}
        assert {write.result() for write in writes} == {(503, "DatabaseBusy", "5")}
        release()
        assert call("POST", {"team": "acme", "name": "locked"})[0] == 201

"""A part that hangs holds up nobody for long: what does not need it works on, the rest says so.

The parts are real: a server that accepts and is silent, a store that is stopped in the middle.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
import urllib3
from django.conf import settings as django_settings
from django.core.cache import cache

from accounts.actor import Actor
from artifacts import health, storage, store_connection
from artifacts.content import uploads
from artifacts.errors import StoreUnavailable
from core.circuit_breaker import CircuitBreaker
from harness import servers
from tests.artifacts.client import HTTP, MIB, begin, log, single_file, with_store_options
from tests.attacks.test_slow_readers import SIGN_IN, log_large_file
from tests.e2e.conftest import wait_until

FILE = "/acme/demo/artifacts/dataset/data/v1/files/x.csv"


class SilentServer:
    """Accepts, and says nothing. `accepted` are the connections that it holds."""

    def __init__(self) -> None:
        self.accepted: list[socket.socket] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                self.accepted.append(self._socket.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        # A close alone would not wake the thread that accepts.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for client in self.accepted:
            client.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture
def web_process(settings, monkeypatch) -> None:
    """This process waits for the store as a web process does."""
    settings.IS_WEB_PROCESS = True
    settings.STORAGES = with_store_options(region_name="us-east-1")
    monkeypatch.setattr(store_connection, "_breaker", CircuitBreaker(60))
    store_connection.with_short_timeouts.cache_clear()
    yield
    store_connection.with_short_timeouts.cache_clear()


@pytest.fixture
def silent_store(web_process, silent, settings) -> SilentServer:
    settings.STORAGES = with_store_options(endpoint_url=f"http://127.0.0.1:{silent.port}")
    store_connection.with_short_timeouts.cache_clear()
    return silent


# --- The object store -------------------------------------------------------------------------------------------------


def test_a_silent_store_is_waited_for_once(bob, artifact, browser, api, silent_store, settings):
    settings.STORAGES = with_store_options(endpoint_url=settings.S3_ENDPOINT_URL)
    log(bob, artifact, {"x.csv": b"a\n1\n"})
    draft = begin(bob, artifact, {"b": b"b"}).version
    uploads.begin(Actor(bob), draft, [single_file(b"b")])
    settings.STORAGES = with_store_options(endpoint_url=f"http://127.0.0.1:{silent_store.port}")
    page, program = browser(bob), api(bob)

    for _ in range(10):
        response = page.get(FILE)
        assert response.status_code == 200
        assert "The object store does not respond." in response.content.decode()
        answer = program.post(f"/api/v1/artifacts/versions/{draft.pk}/finalize", {})
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert len(silent_store.accepted) == 1


def test_what_health_knows_is_refused_at_once(db, silent_store):
    with pytest.raises(StoreUnavailable):
        storage.ping()
    for _ in range(10):
        with pytest.raises(StoreUnavailable, match="does not respond"):
            storage.get_file_info("x")
    assert len(silent_store.accepted) == 1


def test_health_is_what_finds_that_it_is_back(db, store, web_process):
    os.killpg(store.process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable):
            storage.get_file_info("x")
    finally:
        os.killpg(store.process.pid, signal.SIGCONT)
    with pytest.raises(StoreUnavailable):
        storage.get_file_info("x")
    storage.ping()

    assert storage.get_file_info("x") is None


def test_a_connection_that_the_store_has_closed_meanwhile_is_no_failure(store, web_process):
    storage.upload_file("tries/x", b"x")
    store.stop()
    store.start()

    assert storage.get_file_info("tries/x").size == 1


def test_workers_wait_longer(store):
    patient, impatient = store_connection.ArtifactStorage.client_config, store_connection.ArtifactStorage._web_config

    assert impatient.connect_timeout + impatient.read_timeout < 10 < patient.read_timeout
    assert not django_settings.IS_WEB_PROCESS


def test_a_store_that_is_stopped_stops_no_page(store):
    """More people ask for what needs the store than there are threads, and others for what does not."""
    stack = servers.stack()
    stack.start()
    key = stack.key("bob")

    def call(path: str, body: dict[str, object] | None = None) -> tuple[int, dict]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(stack.base_url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)

    project = f"hanging-{os.getpid()}"
    assert call("/api/v1/projects", {"team": "acme", "name": project})[0] == 201
    made = {"project": f"acme/{project}", "name": "data", "type": "dataset"}
    artifact = call("/api/v1/artifacts", made)[1]["id"]
    version = call(f"/api/v1/artifacts/{artifact}/versions", {})[1]["id"]
    target = call(f"/api/v1/artifacts/versions/{version}/files/upload-url", {"path": "x", "size": 1})[1]
    file = {"path": "x", "size": 1, "storage_key": target["storage_key"]}
    with ThreadPoolExecutor(32) as threads:
        os.killpg(store.process.pid, signal.SIGSTOP)
        try:
            clicks = [threads.submit(call, f"/api/v1/artifacts/versions/{version}/files", file) for _ in range(24)]
            others = [threads.submit(call, "/api/v1/projects") for _ in range(8)]
            assert {one.result()[0] for one in others} == {200}
            assert {one.result()[0] for one in clicks} == {503}
        finally:
            os.killpg(store.process.pid, signal.SIGCONT)
    wait_until(lambda: call("/readyz")[0] == 200)


@contextmanager
def stopped(store: servers.Server) -> Iterator[None]:
    os.killpg(store.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(store.process.pid, signal.SIGCONT)


def test_a_zip_that_the_store_does_not_give_whole_is_seen_as_incomplete(store):
    """By whoever fetches it through the front: it is refused, or it breaks off."""
    stack = servers.stack()
    stack.start()
    name = f"zip{os.getpid()}"
    log_large_file(stack, name)
    sessions = stack.manage("shell", "--no-imports", "--command", SIGN_IN.format(name=name, people=2)).split()
    cookie, other = (f"sessionid={session}" for session in sessions)
    url = f"{stack.base_url}/acme/{name}/artifacts/dataset/data/v1.zip"
    # Everybody has one slot, which the server gives back a little after a client has gone. That the store goes on, it
    # sees a little later too.
    retry = urllib3.Retry(total=30, status_forcelist=[503], redirect=0)
    get = partial(HTTP.request, "GET", url, headers={"Cookie": cookie}, preload_content=False, timeout=60)
    curl = ["curl", "--silent", "--fail", "--retry", "30", "--header", f"Cookie: {cookie}", url]

    whole = get(retries=retry)
    assert whole.status == 200
    assert len(whole.read()) == int(whole.headers["Content-Length"]) > 32 * MIB

    with stopped(store):
        for _ in range(2):
            refused = get(headers={"Cookie": other})
            assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
            assert b"The object store does not respond." in refused.read()

    broken = get(retries=retry)
    assert (broken.status, len(broken.read(1))) == (200, 1)
    with stopped(store), pytest.raises(urllib3.exceptions.ProtocolError, match="IncompleteRead"):
        broken.read()

    with subprocess.Popen(curl, stdout=subprocess.PIPE) as process:
        assert process.stdout and len(process.stdout.read(1)) == 1
        with stopped(store):
            assert 0 < len(process.stdout.read()) < 32 * MIB
    # "Partial file".
    assert process.returncode == 18


def test_health_reports_a_silent_store(silent_store, client, db):
    cache.clear()
    assert client.get("/readyz").status_code == 503
    assert "object store does not respond" in health.problems()[0]


def test_only_one_probes_a_part_that_did_not_respond():
    breaker = CircuitBreaker(pause=0.0)
    assert breaker.allows()
    breaker.record_failure()
    assert breaker.allows()
    breaker = CircuitBreaker(pause=3600.0)
    breaker.record_failure()
    assert not breaker.allows()
    breaker.record_response()
    assert breaker.allows() and breaker.allows()


# --- The broker -------------------------------------------------------------------------------------------------------


SEND = """
import django; django.setup()
from artifacts import tasks
from kombu.exceptions import OperationalError
for number in range(10):
    try:
        tasks.sweep.delay()
    except OperationalError:
        print("refused")
"""


def test_a_silent_broker_is_tried_once(silent):
    env = os.environ | {"CELERY_BROKER_URL": f"redis://127.0.0.1:{silent.port}/0", "WANLLMDB_WEB_PROCESS": "true"}
    done = subprocess.run([sys.executable, "-c", SEND], env=env, capture_output=True, text=True, timeout=120)

    assert done.stdout.count("refused") == 10, done.stderr
    assert 1 <= len(silent.accepted) <= 2

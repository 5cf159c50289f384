"""What the server says of the parts that it stands on."""

from datetime import timedelta

import botocore.auth
import pytest
from django.core.cache import cache
from django.utils import timezone

from artifacts import errors, health, storage, store_connection, tasks
from artifacts.models import WorkerHeartbeat
from harness import servers

PARTS = ("database", "store", "workers", "cleanup", "notifications")
PROCESSES = (health.queue_name("celery"), health.queue_name("notifications"), health.BEAT)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    cache.clear()


@pytest.fixture
def store_away(store) -> servers.Server:
    store.stop()
    yield store
    store.start()


@pytest.fixture
def workers(db) -> None:
    tasks.record_heartbeat()
    health.record_heartbeat("notifications")
    for name in PROCESSES:
        health.record_heartbeat(name)


def test_all_is_well(workers, store, client):
    storage.ensure_bucket()

    assert set(health.parts().values()) == {""}
    assert health.problems() == []
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, dict.fromkeys(PARTS, "ok"))


def test_a_store_that_is_away_is_reported(workers, store_away, client):
    ready = client.get("/readyz")

    assert ready.status_code == 503
    assert "object store does not respond" in ready.json()["store"]
    assert "object store does not respond" in client.get("/login").content.decode()


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_differ_are_named(workers, store, client, monkeypatch, hours):
    """The clock that signs is an hour off; the store's own is right."""
    storage.ensure_bucket()
    real_now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *args: real_now(*args) + timedelta(hours=hours))
    monkeypatch.setattr(store_connection.time, "time", lambda: real_now().timestamp() + hours * 3600)

    expected = "The clocks of this server and of the object store differ by 60 minutes"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["store"].startswith(expected)) == (503, True), ready.json()
    for ask in (lambda: storage.get_file_info("x"), lambda: storage.upload_file("x", b"x")):
        with pytest.raises(errors.ClockSkew, match=expected):
            ask()
    assert expected in client.get("/login").content.decode()


def test_workers_that_never_came_are_reported(db, store, client):
    message, other = health.problems()

    assert "The workers have not started yet" in message
    assert "The notification workers have not started yet" in other
    assert client.get("/readyz").status_code == 200
    assert message in client.get("/login").content.decode()


def test_workers_that_fell_silent_are_reported(workers, store):
    past = timezone.now() - timedelta(minutes=7, seconds=5)
    WorkerHeartbeat.objects.filter(name=health.WORKERS).update(last_seen_at=past)

    assert "for 7 min" in health.parts()["workers"]


@pytest.mark.parametrize(
    ("name", "part", "message"),
    [
        (health.queue_name("celery"), "workers", "No worker is running"),
        (health.queue_name("notifications"), "notifications", "No notification worker is running"),
        (health.BEAT, "workers", "scheduler (beat) is not running"),
    ],
)
def test_a_process_that_is_missing_is_reported_within_seconds(workers, store, client, name, part, message):
    past = timezone.now() - health.PROCESS_HEARTBEAT_TIMEOUT
    WorkerHeartbeat.objects.filter(name=name).update(last_seen_at=past)

    assert timedelta(seconds=30) > health.PROCESS_HEARTBEAT_TIMEOUT
    assert message in client.get("/readyz").json()[part]


def test_pages_ask_once_in_a_while(workers, store, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(health, "_CHECK_EVERY_SECONDS", 3600)
    health.problems()
    WorkerHeartbeat.objects.all().delete()

    with django_assert_num_queries(0):
        assert health.problems() == []


def test_a_pulse_is_one_row(db):
    tasks.record_heartbeat()
    tasks.record_heartbeat()

    assert WorkerHeartbeat.objects.count() == 1

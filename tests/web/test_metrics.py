"""Who may read /metrics, and what one page of it says. The numbers of several processes are in tests/e2e."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from accounts.actor import Actor
from api.fast_path.wsgi import _VIEWS as FAST_VIEWS
from artifacts.models import ReferenceCheck, ReferenceState
from artifacts.references import checks
from core.metrics import REQUESTS
from events import outbox
from events.models import Event
from hierarchies import hierarchies, records, totals
from hierarchies.records import RecordSpec
from notifications.webhook_events import WEBHOOK_TEST
from tests.api.test_permission_matrix import CALLS
from tests.artifacts.references import places
from wanllmdb import record_metrics
from wanllmdb.request_metrics import RequestMetrics


@pytest.fixture(autouse=True)
def directory(settings, tmp_path) -> None:
    settings.METRICS_DIR = tmp_path
    cache.clear()


def read(**headers: str) -> dict[tuple[str, str], float]:
    response = Client().get("/metrics", headers=headers)
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


def read_all(**headers: str) -> dict[tuple[str, ...], float]:
    """With all labels."""
    families = text_string_to_metric_families(Client().get("/metrics", headers=headers).content.decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_it_is_not_there_unless_it_is_configured(db):
    assert Client().get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("wrong", ["", "Bearer", "Bearer ", "Bearer wrong", "Token secret", "secret", "Bearer sécret"])
def test_a_token_opens_it(db, settings, wrong):
    settings.METRICS_TOKEN = "secret"

    assert Client().get("/metrics", headers={"Authorization": wrong} if wrong else {}).status_code == 404
    assert read(Authorization="Bearer secret")
    assert Client().post("/metrics", headers={"Authorization": "Bearer secret"}).status_code == 405


def test_a_network_opens_it_by_the_ip_of_the_client(db, settings):
    settings.METRICS_NETWORKS = [ip_network("10.0.0.0/8")]

    assert read(**{"X-Forwarded-For": "10.1.2.3"})
    for forwarded in ("203.0.113.9", "10.1.2.3, 203.0.113.9"):
        assert Client().get("/metrics", headers={"X-Forwarded-For": forwarded}).status_code == 404
    stranger = Client(REMOTE_ADDR="203.0.113.9")
    assert stranger.get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 404


def test_what_waits_is_counted_with_its_age(settings, project, alice, django_assert_max_num_queries):
    settings.METRICS_TOKEN = "secret"
    outbox.record(WEBHOOK_TEST, project, {}, actor=alice)
    Event.objects.update(created_at=timezone.now() - timedelta(hours=1))

    with django_assert_max_num_queries(12):
        first = read(Authorization="Bearer secret")
    assert first["wanllmdb_queue_depth", "events"] == 1
    assert first["wanllmdb_queue_age_seconds", "events"] >= 3600
    assert first["wanllmdb_queue_depth", "verification"] == first["wanllmdb_queue_age_seconds", "verification"] == 0
    assert first["wanllmdb_worker_heartbeat_age_seconds", ""] == float("inf")
    # What no index counts is not counted each time.
    with django_assert_max_num_queries(8):
        assert read(Authorization="Bearer secret") == pytest.approx(first, abs=3600)


def test_references_are_counted_by_state_and_their_checks_are_a_queue(settings, bob, artifact):
    settings.METRICS_TOKEN = "secret"
    version = places.refer(bob, artifact, {name: f"file:///{name}" for name in "abc"})
    version.files.filter(path="a").update(reference_state="changed")
    checks.request(Actor(bob), version)
    ReferenceCheck.objects.update(requested_at=timezone.now() - timedelta(hours=1))

    found = read(Authorization="Bearer secret")
    states = {state: found["wanllmdb_references", state] for state in ReferenceState}
    assert states == {"unchecked": 2, "unchanged": 0, "changed": 1, "missing": 0, "denied": 0}
    assert found["wanllmdb_queue_depth", "reference_checks"] == 1
    assert found["wanllmdb_queue_age_seconds", "reference_checks"] >= 3600


def test_the_fast_path_counts_under_the_routes_of_the_views():
    routes = {call.path for call in CALLS}

    assert {route for _, _, route in FAST_VIEWS} <= routes


def test_a_client_cannot_make_up_new_series():
    def answer(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    for number in range(20):
        RequestMetrics(answer)({"REQUEST_METHOD": f"MADE{number}", "PATH_INFO": f"/{number}"}, lambda *_: None)

    methods = {sample.labels["method"] for family in REQUESTS.collect() for sample in family.samples}
    assert "other" in methods and not any(method.startswith("MADE") for method in methods)


def test_records_are_counted_by_hierarchy_and_level(settings, alice, bob, project):
    settings.METRICS_TOKEN = "secret"
    hierarchy = hierarchies.create(Actor(alice), project, "trees")
    specs = [RecordSpec({"n": 0}), *(RecordSpec({"n": n}, parent_id=f"#{n}") for n in range(10))]
    made = records.create_many(Actor(bob), hierarchy, specs)
    records.delete(Actor(bob), made[-1])
    totals.count_due()

    first = read_all(Authorization="Bearer secret")
    assert first["wanllmdb_records_created_total", "acme/demo/trees", "0"] == 1
    # Deep levels are one series; what was deleted was made all the same.
    assert first["wanllmdb_records_created_total", "acme/demo/trees", "8+"] == 3
    assert first["wanllmdb_records", "acme/demo/trees", "8+"] == 2
    assert first["wanllmdb_record_bytes_created_total", "acme/demo/trees", "1"] == len('{"n":0}')
    assert first["wanllmdb_record_bytes", "acme/demo/trees", "1"] == len('{"n":0}')
    assert (first["wanllmdb_hierarchies",], first["wanllmdb_all_records",]) == (1, 10)


def test_only_the_largest_hierarchies_have_series(settings, alice, bob, project, monkeypatch):
    settings.METRICS_TOKEN = "secret"
    monkeypatch.setattr(record_metrics, "MAX_HIERARCHIES", 2)
    for number in range(4):
        hierarchy = hierarchies.create(Actor(alice), project, f"trees-{number}")
        records.create_many(Actor(bob), hierarchy, [RecordSpec({})] * number)

    found = read_all(Authorization="Bearer secret")
    names = {labels[0] for name, *labels in found if name == "wanllmdb_records_created_total"}
    assert names == {"acme/demo/trees-2", "acme/demo/trees-3"}
    assert found["wanllmdb_all_records",] == 6

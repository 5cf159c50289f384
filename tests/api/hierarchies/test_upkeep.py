"""Retention, archives, indexes and totals of a hierarchy over the API."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F

from accounts.actor import Actor
from harness import servers
from hierarchies import data_indexes, hierarchies, records, retention, retention_rules, totals
from hierarchies.models import Hierarchy, LevelTotal, Record
from hierarchies.records import RecordSpec
from tests.artifacts.client import fetch


@pytest.fixture
def base(hierarchy) -> str:
    return f"/api/v1/hierarchies/{hierarchy.pk}"


@pytest.fixture
def old(bob, hierarchy) -> list[Record]:
    """A root with two children."""
    specs = [RecordSpec({"n": 0}), RecordSpec({"n": 1}, parent_id="#0"), RecordSpec({"n": 2}, parent_id="#0")]
    found = records.create_many(Actor(bob), hierarchy, specs)
    Record.objects.update(created_at=F("created_at") - timedelta(days=9))
    return found


def test_rules_are_made_listed_changed_and_deleted(api, alice, bob, base):
    admin = api(alice)
    made = admin.post(f"{base}/retention", {"level": 1, "keep_last": 3}, format="json")
    assert made.status_code == 201
    rule = made.json()
    assert (rule["level_label"], rule["keep_last"], rule["older_than_days"], rule["archive"]) == (
        "model", 3, None, True,
    )  # fmt: skip
    assert admin.post(f"{base}/retention", {"older_than_days": 7}, format="json").status_code == 201
    assert [item["level"] for item in api(bob).get(f"{base}/retention").json()["items"]].count(None) == 1

    url = f"{base}/retention/{rule['id']}"
    changed = admin.patch(url, {"keep_last": None, "older_than_days": 30, "archive": False}, format="json")
    assert (changed.json()["keep_last"], changed.json()["older_than_days"]) == (None, 30)
    assert api(bob).get(url).json()["archive"] is False
    for method in ("patch", "delete"):
        assert getattr(api(bob), method)(url, {}, format="json").status_code == 403
    assert admin.delete(url).status_code == 204
    assert admin.get(url).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "Invalid"),
        ({"keep_last": 0}, 400, None),
        ({"keep_last": "x"}, 400, None),
        ({"level": 64, "keep_last": 1}, 400, None),
        ({"older_than_days": -1}, 400, None),
        ({"level": 0, "keep_last": 1}, 409, "LevelRuleTaken"),
    ],
)
def test_rules_that_are_refused(api, alice, hierarchy, base, body, status, code):
    retention_rules.create(Actor(alice), hierarchy, level=0, keep_last=1)

    answer = api(alice).post(f"{base}/retention", body, format="json")
    assert answer.status_code == status
    assert code in (None, answer.json()["code"])


def test_the_preview_says_what_would_go_and_nothing_goes(api, alice, bob, vera, hierarchy, base, old):
    retention_rules.create(Actor(alice), hierarchy, level=1, keep_last=1)
    retention_rules.create(Actor(alice), hierarchy, level=0, older_than_days=3)

    body = api(bob).get(f"{base}/retention/preview").json()
    assert (body["record_count"], body["is_complete"]) == (1, True)
    child, root = body["levels"]
    assert (child["level"], child["record_count"], child["examples"]) == (1, 1, [old[1].pk])
    assert (root["level_label"], root["record_count"], root["kept_for_children"]) == ("experiment", 0, 1)
    assert api(vera).get(f"{base}/retention/preview").status_code == 403
    assert api(alice).post(f"{base}/retention/apply").status_code == 202
    assert api(bob).post(f"{base}/retention/apply").status_code == 403
    assert hierarchy.records.count() == 3


def test_archives_are_listed_downloaded_restored_and_deleted(api, alice, bob, hierarchy, base, old):
    servers.store()
    retention_rules.create(Actor(alice), hierarchy, older_than_days=3)
    retention.apply(hierarchy.pk)
    admin = api(alice)

    [item] = admin.get(f"{base}/retention/archives").json()["items"]
    assert (item["record_count"], item["levels"], item["restored_at"]) == (3, {"0": 1, "1": 2}, None)
    url = f"{base}/retention/archives/{item['id']}"
    lines = fetch(admin.get(url).json()["download_url"]).splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["archive", "record", "record", "record"]
    for method, path in (("get", ""), ("delete", ""), ("post", "/restore")):
        assert getattr(api(bob), method)(f"{url}{path}").status_code == 403
    assert api(bob).get(f"{base}/retention/archives").status_code == 403

    assert admin.post(f"{url}/restore").json() == {"restored": 3, "skipped": 0}
    assert admin.post(f"{url}/restore").json() == {"restored": 0, "skipped": 3}
    assert admin.get(url).json()["restored_at"]
    assert admin.delete(url).status_code == 204
    assert admin.get(f"{base}/retention/archives").json()["items"] == []


def test_indexes_are_made_listed_and_deleted(api, alice, bob, hierarchy, base, settings):
    settings.DATA_INDEXES_A_HIERARCHY = 1
    admin = api(alice)
    made = admin.post(f"{base}/data-indexes", {"path": "experiment_name"}, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "pending")
    assert admin.post(f"{base}/data-indexes", {"path": "a';--"}, format="json").status_code == 400
    assert admin.post(f"{base}/data-indexes", {"path": "b"}, format="json").json()["code"] == "TooManyIndexes"
    assert api(bob).post(f"{base}/data-indexes", {"path": "b"}, format="json").status_code == 403

    url = f"{base}/data-indexes/{made.json()['id']}"
    hierarchy.data_indexes.update(state="failed", error="It broke.")
    assert api(bob).get(url).json()["error"] == "It broke."
    assert admin.post(f"{url}/retry").json()["state"] == "pending"
    assert [item["path"] for item in api(bob).get(f"{base}/data-indexes").json()["items"]] == ["experiment_name"]
    assert api(bob).delete(url).status_code == 403
    assert admin.delete(url).status_code == 204


def test_totals_by_level(api, vera, hierarchy, base, old):
    body = api(vera).get(f"{base}/totals").json()

    assert (body["record_count"], body["size"]) == (3, 3 * len('{"n":0}'))
    assert [(level["level_label"], level["record_count"]) for level in body["levels"]] == [
        ("experiment", 1), ("model", 2),
    ]  # fmt: skip


def test_totals_of_many_are_what_a_worker_counted(api, vera, hierarchy, base, old, monkeypatch):
    monkeypatch.setattr(totals, "COUNT_LIMIT", 2)
    assert api(vera).get(f"{base}/totals").json() == {"record_count": 3, "size": 0, "counted_at": None, "levels": []}

    assert totals.count_due() == 1
    # Nothing has changed since.
    assert totals.count_due() == 0
    body = api(vera).get(f"{base}/totals").json()
    assert [level["record_count"] for level in body["levels"]] == [1, 2] and body["counted_at"]
    LevelTotal.objects.update(counted_at=F("counted_at") - timedelta(days=2))
    assert totals.count_due() == 1


def test_strangers_find_nothing(api, mallory, alice, project, base, hierarchy):
    rule = retention_rules.create(Actor(alice), hierarchy, keep_last=1)
    index = data_indexes.create(Actor(alice), hierarchy, "a")
    paths = (
        "retention", f"retention/{rule.pk}", "retention/preview", "retention/archives", "data-indexes",
        f"data-indexes/{index.pk}", "totals",
    )  # fmt: skip
    for path in paths:
        assert api(mallory).get(f"{base}/{path}").status_code == 404
    other: Hierarchy = hierarchies.create(Actor(alice), project, "other")
    for path in (f"retention/{rule.pk}", f"data-indexes/{index.pk}", f"retention/archives/{uuid4()}"):
        assert api(alice).get(f"/api/v1/hierarchies/{other.pk}/{path}").status_code == 404

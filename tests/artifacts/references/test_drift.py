"""Drift: what checks find out in real stores and on the web, who hears of it, and what they never ask."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor
from artifacts import errors, versions
from artifacts.aliases import aliases, protection
from artifacts.models import ArtifactVersion, ReferenceCheck
from artifacts.references import checks, drift, object_requests, references, tasks
from artifacts.references.object_requests import ObjectRequests
from artifacts.references.references import ReferenceSpec
from core import guarded_http
from events.models import Event
from harness import reference_servers, servers
from notifications import fan_out, watches, webhooks
from notifications.models import Delivery, InboxItem
from projects.models import Project
from tests.artifacts.client import log
from tests.artifacts.references.places import (
    azure_store,
    check,
    etag,
    gcs_store,
    reason,
    refer,
    s3_store,
    states,
    work,
)

pytestmark = pytest.mark.usefixtures("local_network")


def test_an_object_of_a_store_changes_once(alice, bob, vera, acme, artifact):
    bucket = reference_servers.s3_bucket()
    s3_store(alice, acme, bucket)
    for key in ("a.txt", "b c.txt", "gone.txt"):
        bucket.put(key, b"first")
    uris = {key: f"{bucket.uri}/{key}" for key in ("a.txt", "b c.txt")}
    watches.watch(Actor(vera), artifact.project, artifact)
    kinds = ["version.reference_changed"]
    webhook = webhooks.create(Actor(alice), artifact.project, "https://8.8.8.8/", events=kinds)
    version = refer(bob, artifact, uris, identity=etag(b"first"), size=5)
    Event.objects.all().delete()

    before = timezone.now()
    assert check(bob, version).reference_state == "unchanged" and version.references_checked_at > before
    assert states(version) == dict.fromkeys(uris, "unchanged") and not Event.objects.exists()
    assert version.files.filter(reference_checked_at__gt=before, reference_reason=None).count() == 2

    bucket.put("b c.txt", b"other")
    assert check(bob, version).reference_state == "changed"
    assert states(version) == {"a.txt": "unchanged", "b c.txt": "changed"}
    event = Event.objects.get()
    assert event.kind == "version.reference_changed" and event.actor is None
    assert event.message == "b c.txt of v1 of acme/demo/data changed where it is stored"
    assert event.get_absolute_url() == version.get_absolute_url()
    named = {"path": "b c.txt", "uri": f"{bucket.uri}/b c.txt", "state": "changed"}
    assert event.data["references"] == {"changed": 1, "missing": 0, "denied": 0, "first": [named]}
    assert (event.data["to"]["version"], event.data["by"], event.data["alias"]) == ("v1", None, None)

    # Once a change, not once a check.
    check(bob, version)
    assert Event.objects.count() == 1
    while fan_out.announce_next():
        pass
    assert InboxItem.objects.get().user == vera and Delivery.objects.get().webhook == webhook
    # Back as it was, and changed again: that is another change.
    bucket.put("b c.txt", b"first")
    assert check(bob, version).reference_state == "unchanged"
    bucket.put("b c.txt", b"other")
    check(bob, version)
    assert Event.objects.count() == 2 and not ReferenceCheck.objects.exists()


@pytest.mark.parametrize("kind", ["azure", "gcs"])
def test_a_change_is_noticed_in_other_stores_too(alice, bob, acme, artifact, kind):
    make_bucket, make_store = {
        "azure": (reference_servers.azure_container, azure_store),
        "gcs": (reference_servers.gcs_bucket, gcs_store),
    }[kind]
    bucket = make_bucket()
    make_store(alice, acme, bucket)
    bucket.put("a b.txt", b"first")
    draft = versions.begin(Actor(bob), artifact).version
    references.add(Actor(bob), draft, [ReferenceSpec("a.txt", f"{bucket.uri}/a b.txt")])
    checks.identify(Actor(bob), draft)
    work()
    version = versions.finalize(Actor(bob), draft).version
    assert check(bob, version).reference_state == "unchanged"
    bucket.put("a b.txt", b"other")
    assert check(bob, version).reference_state == "changed"


def test_a_pinned_version_stays_what_it_was(alice, bob, acme, artifact):
    bucket = reference_servers.s3_bucket(is_versioned=True)
    s3_store(alice, acme, bucket)
    first = bucket.put("a.txt", b"first")["VersionId"]
    version = refer(bob, artifact, {"a.txt": f"{bucket.uri}/a.txt"}, identity=etag(b"first"), version_id=first, size=5)
    bucket.put("a.txt", b"second")
    assert check(bob, version).reference_state == "unchanged"
    client = servers.s3(servers.session_env())
    client.delete_object(Bucket=bucket.uri[5:], Key="a.txt")
    assert check(bob, version).reference_state == "unchanged"
    client.delete_object(Bucket=bucket.uri[5:], Key="a.txt", VersionId=first)
    assert check(bob, version).reference_state == "missing"


def test_wrong_credentials_and_missing_objects(alice, bob, acme, artifact):
    bucket, azure = reference_servers.s3_bucket(), reference_servers.azure_container()
    bucket.put("denied/a.txt", b"x")
    azure.put("a.txt", b"x")
    wrong = {"access_key_id": "other", "secret_access_key": "secret"}
    s3_store(alice, acme, bucket)
    s3_store(alice, acme, bucket, name="wrong", prefix=f"{bucket.uri}/denied", given=wrong)
    azure_store(alice, acme, azure)
    uris = {"denied": f"{bucket.uri}/denied/a.txt", "gone": f"{bucket.uri}/gone.txt"}
    uris |= {"azure": f"{azure.uri}/a.txt", "azure-gone": f"{azure.uri}/b.txt", "uncovered": "s3://other/a.txt"}
    version = refer(bob, artifact, uris, size=1)
    assert check(bob, version).reference_state == "missing"
    found = {"denied": "denied", "gone": "missing", "azure": "unchecked", "azure-gone": "missing"}
    assert states(version) == found | {"uncovered": "unchecked"}
    # Without an identity all that can be said is that something of this size is there.
    assert reason(version, "azure") == "It is there. What identifies it was not recorded."
    assert reason(version, "uncovered") == "No external store of the team covers it."
    [event] = Event.objects.filter(kind="version.reference_changed")
    assert event.message == (
        "References of v1 of acme/demo/data: 2 are missing where they were stored, 1 cannot be read where it is stored"
    )


def test_who_may_ask_for_a_check(api, alice, bob, vera, mallory, artifact):
    version = refer(bob, artifact, {"a": "file:///a"})
    url = f"/api/v1/artifacts/versions/{version.pk}/check"
    assert [api(user).post(url).status_code for user in (vera, mallory)] == [403, 404]
    first, again = api(bob).post(url), api(alice).post(url)
    assert first.status_code == again.status_code == 202 and ReferenceCheck.objects.count() == 1
    body = first.json()
    assert body == again.json()
    assert (body["version_id"], body["reference_count"], body["reference_state"]) == (str(version.pk), 1, "unchecked")
    assert checks.running(version).requested_by == bob
    work()
    assert checks.running(version) is None
    plain = log(bob, artifact, {"a": b"a"})
    for other in (plain, ArtifactVersion.objects.create(artifact=artifact)):
        with pytest.raises(errors.Conflict):
            checks.request(Actor(bob), other)


def test_large_versions_take_turns(bob, artifact, monkeypatch):
    monkeypatch.setattr(drift, "_BATCH", 4)
    monkeypatch.setattr(drift, "TURN_SECONDS", 0)
    large = refer(bob, artifact, {f"{number:02}": f"file:///{number}" for number in range(10)})
    small = refer(bob, artifact, {"a": "file:///a"})
    for version in (large, small):
        checks.request(Actor(bob), version)

    def turn() -> dict:
        drift.check_next()
        return dict(ReferenceCheck.objects.values_list("version", "checked_count"))

    assert turn() == {large.pk: 4, small.pk: 0}
    assert turn() == {large.pk: 4, small.pk: 1}
    assert turn() == {large.pk: 8, small.pk: 1}
    work()
    assert not ReferenceCheck.objects.exists()
    assert large.files.filter(reference_reason__isnull=False).count() == 10


def test_one_worker_at_a_time_and_a_dead_one_is_replaced(bob, artifact):
    for name in "ab":
        checks.request(Actor(bob), refer(bob, artifact, {name: f"file:///{name}"}))
    first = drift._claim()
    assert first and drift._claim() is None and not drift.is_waiting()
    # It died; another goes on with its version, and what the dead one still writes is not taken.
    ReferenceCheck.objects.update(busy_until=timezone.now() - timedelta(seconds=1))
    assert drift.is_waiting()
    files = drift._next_files(first)
    assert not drift._record(first, files, [object_requests._no_response("late")] * len(files))
    work()
    assert not ReferenceCheck.objects.exists()
    tasks.sweep()


def test_a_check_that_fails_lets_others_have_their_turns(bob, artifact, monkeypatch):
    broken, other = (refer(bob, artifact, {name: f"file:///{name}"}) for name in "ab")
    for version in (broken, other):
        checks.request(Actor(bob), version)
    with monkeypatch.context() as patch:
        patch.setattr(ObjectRequests, "ask", lambda self, file: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            drift.check_next()
    drift.check_next()
    assert ReferenceCheck.objects.get().version == broken
    work()
    assert not ReferenceCheck.objects.exists()


def test_a_version_that_is_deleted_meanwhile_ends_its_check(bob, artifact):
    version = refer(bob, artifact, {"a": "file:///a"})
    checks.request(Actor(bob), version)
    check_row = drift._claim()
    ArtifactVersion.objects.filter(pk=version.pk).update(state=ArtifactVersion.State.DELETED)
    version.files.all().delete()
    drift._finish(check_row)
    assert not ReferenceCheck.objects.exists() and not Event.objects.filter(kind="version.reference_changed").exists()


def test_versions_with_a_protected_alias_are_checked_by_schedule(alice, bob, acme, artifact, other, settings):
    first = refer(bob, artifact, {"a": "file:///a"})
    second = refer(bob, artifact, {"b": "file:///b"})
    refer(bob, other, {"c": "file:///c"})
    stored = log(bob, artifact, {"stored": b"x"})
    aliases.move(Actor(bob), artifact, "production", first)
    aliases.move(Actor(bob), artifact, "staging", second)
    aliases.move(Actor(bob), artifact, "prod-2", stored)
    assert drift.schedule() == 0
    protection.create(Actor(alice), acme, "prod*")
    assert (drift.schedule(), drift.schedule()) == (1, 0)
    assert ReferenceCheck.objects.get().version == first
    work()
    assert drift.schedule() == 0
    ArtifactVersion.objects.update(references_checked_at=timezone.now() - timedelta(hours=25))
    settings.REFERENCE_CHECK_INTERVAL = timedelta(0)
    assert drift.schedule() == 0
    settings.REFERENCE_CHECK_INTERVAL = timedelta(hours=24)
    protection.create(Actor(alice), artifact, "staging")
    assert drift.schedule() == 2


def test_a_check_costs_a_few_queries_for_each_batch(bob, artifact, project):
    version = refer(bob, artifact, {f"{number:03}": f"file:///{number}" for number in range(150)})
    checks.request(Actor(bob), version)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        drift.check_next()
    assert len(queries) < 60
    assert Project.objects.get(pk=project.pk)


def test_an_event_names_no_more_than_the_first(bob, artifact, monkeypatch):
    version = refer(bob, artifact, {f"{number:03}": f"file:///{number}" for number in range(30)})
    gone = guarded_http.Response(404, "", "", 1)
    monkeypatch.setattr(ObjectRequests, "ask", lambda self, file: gone)
    check(bob, version)
    references = Event.objects.get(kind="version.reference_changed").data["references"]
    assert references["missing"] == 30 and len(references["first"]) == drift.MAX_NAMED


def test_a_version_that_is_deleted_during_its_check_is_no_news(bob, artifact, monkeypatch):
    version = refer(bob, artifact, {"a": "file:///a"})
    gone = guarded_http.Response(404, "", "", 1)
    monkeypatch.setattr(ObjectRequests, "ask", lambda self, file: gone)
    finish = drift._finish

    def finish_too_late(check: ReferenceCheck) -> None:
        versions.delete(Actor(bob), version)
        finish(check)

    monkeypatch.setattr(drift, "_finish", finish_too_late)
    checks.request(Actor(bob), version)
    work()
    assert not ReferenceCheck.objects.exists()
    assert not Event.objects.filter(kind="version.reference_changed").exists()


def test_slow_rates_do_not_end_a_workers_lease(settings):
    settings.WEB_CHECKS_A_SECOND = 0.1
    assert drift._lease() > timedelta(seconds=drift._BATCH / 0.1)

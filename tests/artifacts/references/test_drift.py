"""Drift: what checks find out in real stores and on the web, who hears of it, and what they never ask."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor
from artifacts import errors, versions
from artifacts.aliases import aliases, protection
from artifacts.models import ArtifactVersion, ReferenceCheck
from artifacts.references import checks, drift, external_stores, object_requests, references, tasks
from artifacts.references.object_requests import ObjectRequests
from artifacts.references.references import ReferenceSpec
from core import guarded_http, url_policy
from core.host_rate import HostRate
from events.models import Event
from harness import reference_servers, servers
from harness.reference_servers import WebSite
from notifications import fan_out, watches, webhooks
from notifications.models import Delivery, InboxItem
from projects.models import Project
from tests.artifacts.client import log, md5
from tests.artifacts.references.places import (
    azure_store,
    gcs_store,
    log_references,
    reason,
    refer,
    s3_store,
    states,
    work,
)

LIMITS = guarded_http.Limits(2, 2, 2)


@pytest.fixture(autouse=True)
def own_network(settings) -> None:
    settings.REFERENCE_PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.WEB_CHECKS_A_SECOND = settings.STORE_CHECKS_A_SECOND = 10_000
    object_requests._rates.cache_clear()


@pytest.fixture(scope="module")
def site() -> Iterator[WebSite]:
    with reference_servers.web_site() as made:
        yield made


def check(user, version: ArtifactVersion) -> ArtifactVersion:
    """Request it, have it done, and look at the version again."""
    checks.request(Actor(user), version)
    work()
    version.refresh_from_db()
    return version


def etag(body: bytes) -> str:
    return f"etag:{md5(body)}"


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


def test_web_addresses_are_asked_by_head_alone(bob, artifact, site, settings):
    settings.REFERENCE_CONNECT_TIMEOUT = settings.REFERENCE_READ_TIMEOUT = settings.REFERENCE_TOTAL_TIMEOUT = 0.5
    site.files |= {
        "/a.csv": b"first",
        "/moved.csv": b"",
        "/loop.csv": b"",
        "/inner.csv": b"",
        "/d.csv": b"",
        "/q.csv": b"q",
    }
    site.statuses |= {("HEAD", path): 302 for path in ("/moved.csv", "/loop.csv", "/inner.csv")}
    site.statuses[("HEAD", "/d.csv")] = 403
    site.headers |= {
        "/moved.csv": {"Location": "/a.csv"}, "/loop.csv": {"Location": f"{site.url}/loop.csv"},
        "/inner.csv": {"Location": "http://10.0.0.1/secret"},
    }  # fmt: skip
    site.silent.add("/silent.csv")
    paths = ("a.csv", "moved.csv", "loop.csv", "inner.csv", "d.csv", "gone.csv", "silent.csv", "q.csv?token=abc")
    uris = {path.partition("?")[0]: f"{site.url}/{path}" for path in paths}
    uris |= {
        "private.csv": "http://127.0.0.1.nip.invalid/x",
        "disk.csv": "file:///data/disk.csv",
        "other": "hdfs://a/b",
    }
    specs = [ReferenceSpec(path, uri, identity="" if path == "other" else etag(b"first")) for path, uri in uris.items()]
    version = log_references(bob, artifact, *specs)
    site.requests.clear()
    check(bob, version)

    found = {
        "a.csv": "unchanged",
        "moved.csv": "unchanged",
        "d.csv": "denied",
        "gone.csv": "missing",
        "q.csv": "changed",
    }
    assert states(version) == dict.fromkeys(uris, "unchecked") | found
    reasons = {path: reason(version, path) for path in uris if path not in found}
    assert reasons == {
        "loop.csv": "The server redirected more than 5 times.",
        "inner.csv": "The host '10.0.0.1' is in a private network, which references may not reach.",
        "silent.csv": "The server took too long.",
        "private.csv": "The host '127.0.0.1.nip.invalid' cannot be found.",
        "disk.csv": "The server does not see the files of other machines.",
        "other": "The server does not know this kind of URI.",
    }
    assert {method for method, _ in site.requests} == {"HEAD"}
    event = Event.objects.get(kind="version.reference_changed")
    assert "abc" not in str(event.data) and "abc" not in event.message


def test_an_inner_network_is_not_asked(bob, artifact, site, settings):
    site.files["/a.csv"] = b"x"
    version = refer(bob, artifact, {"a.csv": f"{site.url}/a.csv"}, identity=etag(b"x"))
    settings.REFERENCE_PRIVATE_NETWORKS = []
    site.requests.clear()
    assert check(bob, version).reference_state == "unchecked"
    assert "private network" in reason(version, "a.csv") and site.requests == []
    # A name that leads there is judged by what it stands for.
    with pytest.raises(url_policy.AddressRefused):
        guarded_http.head(
            f"http://data.example.org:{site.server_port}/", lambda _: url_policy.for_references(), {}, LIMITS,
            lambda host, port: ["127.0.0.1"],
        )  # fmt: skip
    assert site.requests == []


def test_a_silent_host_is_left_alone_and_what_was_known_stays(bob, artifact, site, settings, monkeypatch):
    settings.REFERENCE_CONNECT_TIMEOUT = settings.REFERENCE_READ_TIMEOUT = settings.REFERENCE_TOTAL_TIMEOUT = 0.3
    monkeypatch.setattr(drift, "_THREADS", 1)
    paths = [f"{number}.csv" for number in range(6)]
    site.files |= {f"/s/{path}": b"x" for path in paths}
    version = refer(bob, artifact, {path: f"{site.url}/s/{path}" for path in paths}, identity=etag(b"x"))
    checked_at = check(bob, version).references_checked_at
    site.silent |= {f"/s/{path}" for path in paths}
    site.requests.clear()
    assert check(bob, version).reference_state == "unchanged" and version.references_checked_at > checked_at
    assert len(site.requests) == 3
    assert set(version.files.values_list("reference_state", flat=True)) == {"unchanged"}
    assert version.files.filter(reference_checked_at__lt=checked_at).count() == 6
    assert "did not respond to other requests" in reason(version, "5.csv")


def test_an_operators_endpoint_is_trusted_and_no_other_host(alice, bob, acme, artifact, settings):
    """Also where the network is private; not the hosts that it redirects to."""
    bucket = reference_servers.s3_bucket()
    bucket.put("a.txt", b"x")
    store = s3_store(alice, acme, bucket)
    type(store).objects.update(is_operated=True)
    version = refer(bob, artifact, {"a.txt": f"{bucket.uri}/a.txt"}, identity=etag(b"x"))
    settings.REFERENCE_PRIVATE_NETWORKS = []
    assert check(bob, version).reference_state == "unchanged"
    access = external_stores.access(type(store).objects.get())
    assert access.policy_of(f"{store.endpoint}/x").private_networks
    for url in ("http://127.0.0.1:1/x", "https://127.0.0.1/", f"{store.endpoint}.example.org/"):
        assert access.policy_of(url) == url_policy.for_references()


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


def test_a_host_is_asked_only_so_often():
    now, slept = [0.0], []
    rate = HostRate(10, clock=lambda: now[0], sleep=slept.append)
    for host in ("a", "a", "b", "a"):
        rate.wait(host)
    assert slept == pytest.approx([0.1, 0.2])
    now[0] = 5.0
    rate.wait("a")
    assert len(slept) == 2


def test_a_redirect_from_tls_to_none_is_refused():
    with pytest.raises(url_policy.AddressRefused, match="another scheme"):
        guarded_http._redirected("https://example.org/a", "http://example.org/a")
    assert guarded_http._redirected("https://example.org/a", "//b.org/c#d") == "https://b.org/c"
    with pytest.raises(url_policy.AddressRefused):
        guarded_http._redirected("https://example.org/a", "http://[")


def test_hosts_that_redirects_lead_to_wait_for_their_turn_too(site):
    site.files |= {"/here.csv": b"", "/there.csv": b"x"}
    site.statuses[("HEAD", "/here.csv")] = 302
    site.headers["/here.csv"] = {"Location": f"http://second.example.org:{site.server_port}/there.csv"}
    asked = []
    response = guarded_http.head(
        f"http://first.example.org:{site.server_port}/here.csv", lambda _: url_policy.for_references(), {}, LIMITS,
        lambda host, port: ["127.0.0.1"], lambda destination: asked.append((destination.host, destination.ip)),
    )  # fmt: skip
    assert response.status == 200
    assert asked == [("first.example.org", "127.0.0.1"), ("second.example.org", "127.0.0.1")]


def test_a_machine_of_many_names_is_one_host(settings, monkeypatch):
    settings.WEB_CHECKS_A_SECOND, settings.STORE_CHECKS_A_SECOND = 10, 1000
    object_requests._rates.cache_clear()
    waited = []
    monkeypatch.setattr(HostRate, "wait", lambda self, host: waited.append((round(1 / self._interval), host)))
    for host, port in (("a.example.org", 80), ("b.example.org.", 81)):
        destination = url_policy.Destination("http", host, port, "/", "8.8.8.8")
        object_requests._wait_for_turn("a.example.org", destination)
    # The store itself has the rate of stores, and where it redirects to that of the web.
    assert sorted(waited) == [(10, "8.8.8.8"), (10, "b.example.org"), (1000, "8.8.8.8"), (1000, "a.example.org")]
    object_requests._rates.cache_clear()


def test_an_overloaded_host_is_left_alone(bob, artifact, site, monkeypatch):
    monkeypatch.setattr(drift, "_THREADS", 1)
    paths = [f"{number}.csv" for number in range(5)]
    site.files |= {f"/o/{path}": b"x" for path in paths}
    site.statuses |= {("HEAD", f"/o/{path}"): 429 for path in paths}
    version = refer(bob, artifact, {path: f"{site.url}/o/{path}" for path in paths}, identity=etag(b"x"))
    site.requests.clear()
    assert check(bob, version).reference_state == "unchecked" and len(site.requests) == 3
    assert reason(version, "0.csv") == "The server responded with status 429."
    assert "too many" in reason(version, "4.csv")


def test_urls_that_are_long_by_what_is_signed_are_asked_for(bob, artifact, site):
    path = f"/{'x' * 1990}.csv"
    site.files[path] = b"x"
    version = refer(bob, artifact, {"a.csv": f"{site.url}{path}"}, identity=etag(b"x"))
    assert len(f"{site.url}{path}") > url_policy.MAX_URL
    assert check(bob, version).reference_state == "unchanged"
    with pytest.raises(url_policy.AddressRefused):
        url_policy.check_url(f"{site.url}{path}")


def test_slow_rates_do_not_end_a_workers_lease(settings):
    settings.WEB_CHECKS_A_SECOND = 0.1
    assert drift._lease() > timedelta(seconds=drift._BATCH / 0.1)

"""What workers ask the places that references lead to: by HEAD, what they never ask, and how often they ask a host."""

import pytest

from artifacts.references import drift, external_stores, object_requests
from artifacts.references.references import ReferenceSpec
from core import guarded_http, url_policy
from core.host_rate import HostRate
from events.models import Event
from harness import reference_servers
from tests.artifacts.references.places import (
    check,
    etag,
    log_references,
    reason,
    refer,
    s3_store,
    states,
)

LIMITS = guarded_http.Limits(2, 2, 2)
pytestmark = pytest.mark.usefixtures("local_network")


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

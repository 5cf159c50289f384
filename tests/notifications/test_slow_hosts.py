"""A host that is slow holds up one worker, and nobody else's webhooks."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from artifacts import health as registry_health
from artifacts.aliases import aliases
from artifacts.storage import SignedPut
from harness import servers
from notifications import health, host_leases, tasks, webhook_delivery, webhooks
from notifications.models import Delivery, HostLease, Webhook
from projects.models import Project
from tests.artifacts.client import at_once, send
from tests.browser import seed_data
from tests.notifications.conftest import announce
from tests.notifications.receiver import Receiver, status

KINDS = ["alias.created"]
SLOW_WEBHOOKS = 20


class SlowAnswer:
    """Keeps each caller waiting until `go_on` is set; `most` is how many it has kept at once."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.now = self.most = self.calls = 0
        self._lock = threading.Lock()

    def __call__(self, call: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.now += 1
            self.calls += 1
            self.most = max(self.most, self.now)
        # Longer than a worker waits.
        self.go_on.wait(60)
        with self._lock:
            self.now -= 1
        try:
            status(204)(call)
        except OSError:
            return


@pytest.fixture
def slow(receiver) -> SlowAnswer:
    answer = SlowAnswer()
    receiver.answers = [answer]
    yield answer
    answer.go_on.set()


def hooks_of(alice: User, project: Project, url: str, count: int) -> list[Webhook]:
    return [webhooks.create(Actor(alice), project, f"{url}&number={number}", events=KINDS) for number in range(count)]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://example.org/a", "https://EXAMPLE.org:443/b?c", True),
        ("http://example.org/a", "http://example.org:80/", True),
        ("http://example.org", "https://example.org", False),
        ("https://example.org", "https://example.org:8443", False),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]:443/", True),
    ],
)
def test_a_host_is_a_name_and_a_port(one, other, is_same):
    assert (host_leases.host_of(one) == host_leases.host_of(other)) is is_same


def test_a_lease_is_one_workers_until_it_is_given_back(db):
    with host_leases.alone_with("example.org:443") as mine:
        with host_leases.alone_with("example.org:443") as theirs, host_leases.alone_with("example.org:80") as another:
            assert (mine, theirs, another) == (True, False, True)
        assert HostLease.objects.count() == 1
    assert not HostLease.objects.exists()


def test_the_lease_of_a_worker_that_died_runs_out(db):
    with host_leases.alone_with("example.org:443"):
        HostLease.objects.update(busy_until=timezone.now() - timedelta(seconds=1))
        with host_leases.alone_with("example.org:443") as taken_over:
            assert taken_over
            [lease] = HostLease.objects.all()
            assert lease.busy_until > timezone.now()
    assert not HostLease.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_sends_to_a_host(alice, bob, artifact, v1, receiver, slow):
    slow.go_on.set()
    hooks = hooks_of(alice, artifact.project, receiver.url, 8)
    aliases.move(Actor(bob), artifact, "x", v1)
    announce()
    at_once(*[lambda hook=hook: webhook_delivery.deliver_due(hook.pk) for hook in hooks])
    assert slow.most == 1
    for hook in hooks:
        webhook_delivery.deliver_due(hook.pk)

    assert slow.most == 1
    assert Delivery.objects.filter(state="delivered").count() == slow.calls == 8


def test_the_next_webhook_of_the_host_is_named(alice, bob, artifact, v1, receiver):
    first, second = hooks_of(alice, artifact.project, receiver.url, 2)
    webhooks.create(Actor(alice), artifact.project, "https://8.8.8.8/", events=KINDS)
    aliases.move(Actor(bob), artifact, "x", v1)
    announce()

    assert webhook_delivery.deliver_due(first.pk) == second.pk
    assert webhook_delivery.deliver_due(second.pk) is None


def test_who_waits_for_others_has_a_queue_of_its_own():
    route = tasks.app.amqp.router.route
    queues = {name: route({}, name)["queue"].name for name in tasks.app.tasks if not name.startswith("celery.")}
    own = {name for name, queue in queues.items() if queue == "notifications"}

    told = {f"notifications.tasks.{name}" for name in ("deliver", "mail", "send_digests", "record_heartbeat")}
    assert own == {*told, "artifacts.references.tasks.check"}


def test_lag_and_missing_workers_are_reported(client, alice, bob, artifact, v1, receiver):
    assert "notification workers have not started yet" in client.get("/readyz").json()["notifications"]
    for name in (health.WORKERS, registry_health.queue_name("notifications")):
        registry_health.record_heartbeat(name)
    assert client.get("/readyz").json()["notifications"] == "ok"
    hooks_of(alice, artifact.project, receiver.url, 1)
    aliases.move(Actor(bob), artifact, "x", v1)
    announce()
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=12, seconds=5))

    assert health.lag() > timedelta(minutes=12)
    assert "waiting for 12 min" in client.get("/readyz").json()["notifications"]


def test_twenty_webhooks_to_a_slow_receiver_delay_nobody_else(receiver, slow):
    """On running workers: hashing goes on, another's webhook is called, and the slow host has one of the threads."""
    stack = servers.stack()
    stack.start()
    quick = Receiver()

    def call(user: str, method: str, path: str, body: dict[str, object] | None = None) -> dict:
        return seed_data.call_api(stack, user, method, path, body)

    try:
        name = f"slow-{time.time_ns()}"
        project = call("alice", "POST", "/projects", {"team": "acme", "name": name})["id"]
        for number in range(SLOW_WEBHOOKS):
            url = f"{receiver.url}&number={number}"
            call("alice", "POST", f"/projects/{project}/webhooks", {"url": url, "events": ["version.finalized"]})
        _log(call, project, "first")
        seed_data.until(lambda: slow.calls)

        other = call("alice", "POST", "/projects", {"team": "acme", "name": f"{name}-other"})["id"]
        call("alice", "POST", f"/projects/{other}/webhooks", {"url": quick.url, "events": ["version.finalized"]})
        version = _log(call, other, "second")
        seed_data.until(lambda: quick.sent)
        seed_data.until(lambda: call("bob", "GET", f"/artifacts/versions/{version}")["integrity"] == "verified")
        assert slow.most == 1
        assert slow.calls < SLOW_WEBHOOKS
    finally:
        slow.go_on.set()
        quick.close()
    seed_data.until(lambda: slow.calls >= SLOW_WEBHOOKS)


def _log(call: Callable[..., dict], project: str, content: str) -> str:
    """The id of a version with one file, whose bytes no worker has read yet."""
    artifact = call("bob", "POST", "/artifacts", {"project": project, "name": "data", "type": "dataset"})["id"]
    version = call("bob", "POST", f"/artifacts/{artifact}/versions", {})["id"]
    files = f"/artifacts/versions/{version}/files"
    target = call("bob", "POST", f"{files}/upload-url", {"path": "x", "size": len(content)})
    send(SignedPut(target["upload_url"], target["headers"]), content.encode())
    call("bob", "POST", files, {"path": "x", "size": len(content), "storage_key": target["storage_key"]})
    call("bob", "POST", f"/artifacts/versions/{version}/finalize", {})
    return version

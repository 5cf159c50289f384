"""An event on its way to a receiver: signed, tried again, given up, and never anywhere else."""

import base64
import hashlib
import hmac
import time
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor, Channel
from artifacts import versions
from artifacts.aliases import aliases
from notifications import errors, signatures, webhook_delivery, webhooks
from notifications.models import Attempt, Delivery, InboxItem, Webhook
from notifications.webhook_events import WEBHOOK_PAUSED
from tests.artifacts.client import log
from tests.notifications.conftest import announce
from tests.notifications.receiver import status


def move(user, artifact, alias, to):
    return aliases.move(Actor(user, Channel.API, reason="it is better"), artifact, alias, to)


def test_enhancement_alias_notifications(bob, artifact, v1, v2, hook, receiver, work, settings):
    """Alert when important aliases are moved."""
    move(bob, artifact, "production", v1)
    move(bob, artifact, "production", v2)
    assert receiver.sent == []
    work()

    made, moved = receiver.sent
    assert (made.event["type"], moved.event["type"]) == ("alias.created", "alias.moved")
    data = moved.verify(hook.secret)["data"]
    assert data["artifact"] == {
        "id": str(artifact.pk),
        "name": "acme/demo/data",
        "type": "dataset",
        "url": f"{settings.BASE_URL}/acme/demo/artifacts/dataset/data",
    }
    assert data["from"] == {"id": str(v1.pk), "version": "v1"}
    assert data["to"] == {"id": str(v2.pk), "version": "v2"}
    assert (data["alias"], data["by"], data["reason"]) == ("production", "bob", "it is better")
    assert datetime.fromisoformat(data["at"]).tzinfo is not None


def test_all_that_happens_is_delivered_in_order(bob, artifact, hook, receiver, work):
    one = log(bob, artifact, {"one": b"1"}, "best")
    two = log(bob, artifact, {"two": b"2"})
    aliases.remove(Actor(bob, Channel.API, reason="it is better"), artifact, "best")
    versions.delete(Actor(bob, Channel.API, reason="it is better"), two)
    work()

    assert receiver.kinds == [
        *("version.finalized", "alias.created", "alias.created"),
        *("version.finalized", "alias.moved"),
        "alias.deleted",
        *("alias.moved", "version.deleted"),
    ]
    finalized, deleted = receiver.sent[0].event["data"], receiver.sent[-1].event["data"]
    assert (finalized["from"], finalized["to"]["id"], finalized["alias"]) == (None, str(one.pk), None)
    assert (deleted["from"]["version"], deleted["to"]) == ("v2", None)


def test_a_webhook_gets_only_what_it_subscribed_to(alice, bob, project, artifact, v1, receiver, work):
    webhooks.create(Actor(alice), project, receiver.url, events=["alias.deleted"])
    move(bob, artifact, "best", v1)
    aliases.remove(Actor(bob, Channel.API, reason="it is better"), artifact, "best")
    work()

    assert receiver.kinds == ["alias.deleted"]


def test_projects_do_not_hear_of_one_another(mallory, foreign, hook, receiver, work):
    log(mallory, foreign, {"a": b"a"}, "best")
    work()

    assert receiver.sent == []
    assert not Delivery.objects.exists()


def test_a_message_is_signed_as_the_standard_says(bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)
    work()
    sent = receiver.sent[0]

    assert sent.path == "/hook?from=wanllmdb"
    assert sent.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert sent.headers["content-type"] == "application/json"
    assert abs(int(sent.headers["webhook-timestamp"]) - time.time()) < 10
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    assert len(key) == 32
    signed = b".".join([sent.headers["webhook-id"].encode(), sent.headers["webhook-timestamp"].encode(), sent.body])
    assert (
        sent.headers["webhook-signature"]
        == "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    )
    assert set(sent.event) == {"type", "timestamp", "data"}


def test_the_example_of_the_standard():
    """From the specification's own reference implementation."""
    secret, message, timestamp = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    recorded = signatures.headers(secret, message, timestamp, b'{"test": 2432232314}')

    assert recorded["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_is_tried_again_under_the_same_id(bob, artifact, v1, hook, receiver, work, later, monkeypatch):
    # Ten seconds are an hour: nothing is due before the test says so.
    monkeypatch.setattr(webhook_delivery, "FIRST_PAUSE", webhook_delivery.FIRST_PAUSE * 360)
    receiver.answers = [status(500, b"not now"), status(503), status(200, b"thanks")]
    move(bob, artifact, "best", v1)
    work()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempt_count) == ("pending", 1)
    assert timedelta(minutes=42) < delivery.next_attempt_at - timezone.now() < timedelta(minutes=78)
    work()
    assert len(receiver.sent) == 1

    later(minutes=78)
    work()
    delivery.refresh_from_db()
    assert timedelta(minutes=150) < delivery.next_attempt_at - timezone.now() < timedelta(minutes=306)
    later(hours=6)
    work()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempt_count, delivery.next_attempt_at) == ("delivered", 3, None)
    assert len({sent.headers["webhook-id"] for sent in receiver.sent}) == 1
    assert len({sent.body for sent in receiver.sent}) == 1
    assert [sent.verify(hook.secret)["type"] for sent in receiver.sent] == ["alias.created"] * 3
    assert [(row.status_code, row.response) for row in delivery.attempts.all()] == [
        (500, "not now"),
        (503, ""),
        (200, "thanks"),
    ]


def test_the_receiver_may_ask_for_a_longer_pause(bob, artifact, v1, hook, receiver, work):
    receiver.answers = [status(429, Retry_After="600")]
    move(bob, artifact, "best", v1)
    work()

    assert 590 < (Delivery.objects.get().next_attempt_at - timezone.now()).total_seconds() < 601


def test_the_log_has_what_was_sent_and_no_secret(bob, artifact, v1, hook, receiver, work):
    receiver.answers = [status(200, b"x" * 5000 + b"\0")]
    move(bob, artifact, "best", v1)
    work()

    attempt = Attempt.objects.get()
    assert {name.lower(): value for name, value in attempt.headers.items()}.items() <= receiver.sent[0].headers.items()
    assert attempt.delivery.body == receiver.sent[0].body
    assert attempt.response == "x" * 2048
    assert hook.secret not in str(attempt.headers) and attempt.duration_ms < 5000


def test_it_is_given_up_in_the_end(bob, artifact, v1, hook, receiver, work, later):
    receiver.answers = [status(500)]
    move(bob, artifact, "best", v1)
    for _ in range(webhook_delivery.MAX_ATTEMPTS + 2):
        work()
        later(hours=8)

    delivery = Delivery.objects.get()
    assert (delivery.state, len(receiver.sent)) == ("failed", webhook_delivery.MAX_ATTEMPTS)
    assert Webhook.objects.get().failures == 1


def test_repeated_failure_pauses_the_webhook(alice, bob, artifact, v1, v2, hook, receiver, work, monkeypatch):
    monkeypatch.setattr(webhook_delivery, "MAX_ATTEMPTS", 1)
    receiver.answers = [status(500)]
    for number in range(webhook_delivery.FAILURES_BEFORE_PAUSE + 1):
        move(bob, artifact, f"alias-{number}", v1)
    work()

    hook.refresh_from_db()
    assert hook.paused_at and hook.pause_reason == "5 deliveries in a row failed. The last response was 500."
    assert len(receiver.sent) == webhook_delivery.FAILURES_BEFORE_PAUSE
    assert [(row.user, row.event.kind) for row in InboxItem.objects.all()] == [(alice, WEBHOOK_PAUSED.name)]

    move(bob, artifact, "alias-0", v2)
    work()
    assert len(receiver.sent) == webhook_delivery.FAILURES_BEFORE_PAUSE

    receiver.answers = [status(200)]
    webhooks.resume(Actor(alice), hook)
    work()
    # What waited is sent; what happened meanwhile is not for it.
    assert [row.event["data"]["alias"] for row in receiver.sent[5:]] == ["alias-5"]
    hook.refresh_from_db()
    assert (hook.is_live, hook.failures, hook.pause_reason) == (True, 0, "")


def test_one_that_arrives_counts_from_the_beginning(bob, artifact, v1, hook, receiver, work, monkeypatch):
    monkeypatch.setattr(webhook_delivery, "MAX_ATTEMPTS", 1)
    receiver.answers = [*[status(500)] * 4, status(200), *[status(500)] * 4]
    for number in range(9):
        move(bob, artifact, f"alias-{number}", v1)
    work()

    hook.refresh_from_db()
    assert (hook.is_live, hook.failures, len(receiver.sent)) == (True, 4, 9)


def test_a_receiver_that_is_gone_is_not_called_again(bob, artifact, v1, hook, receiver, work):
    receiver.answers = [status(410)]
    move(bob, artifact, "best", v1)
    work()

    hook.refresh_from_db()
    assert "410" in hook.pause_reason
    assert Delivery.objects.get().state == "failed"


def test_a_delivery_is_sent_again_under_its_id(alice, bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)
    work()
    delivery = Delivery.objects.select_related("event", "webhook__project__team").get()

    again = webhooks.redeliver(Actor(alice), delivery)
    assert (again.state, again.attempt_count) == ("pending", 0)
    work()
    assert len(receiver.sent) == 2
    assert receiver.sent[0].headers["webhook-id"] == receiver.sent[1].headers["webhook-id"]
    assert Delivery.objects.get().attempts.count() == 2


def test_a_paused_webhook_delivers_nothing_again(alice, bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)
    work()
    webhooks.pause(Actor(alice), hook)

    with pytest.raises(errors.WebhookPaused):
        webhooks.redeliver(Actor(alice), Delivery.objects.select_related("webhook__project__team").get())


def test_it_can_be_tried_also_while_it_is_paused(alice, hook, receiver, work):
    webhooks.pause(Actor(alice), hook)
    receiver.answers = [status(500)]
    delivery = webhooks.test(Actor(alice), hook)
    work()

    assert receiver.sent[0].verify(hook.secret)["type"] == "webhook.test"
    delivery.refresh_from_db()
    hook.refresh_from_db()
    # Once, and it counts for nothing.
    assert (delivery.state, hook.failures) == ("failed", 0)


def test_a_name_that_turns_inward_is_not_followed(bob, artifact, v1, hook, receiver, settings, work):
    """It was public when the webhook was made, and is not when something is to be sent."""
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    move(bob, artifact, "best", v1)
    work()

    assert receiver.sent == []
    assert "private network" in Attempt.objects.get().error


def test_the_call_goes_to_the_ip_that_was_judged(bob, artifact, v1, hook, receiver, work):
    """A name server that gives another answer each time is asked once a call, and its one answer is called."""
    Webhook.objects.update(url=f"http://rebinding.example:{receiver.port}/hook")
    requested = []

    def rebinding(host: str, port: int) -> list[str]:
        requested.append(host)
        return ["127.0.0.1"] if len(requested) == 1 else ["10.0.0.1"]

    move(bob, artifact, "best", v1)
    move(bob, artifact, "stable", v1)
    announce()
    webhook_delivery.deliver_due(hook.pk, rebinding)

    assert requested == ["rebinding.example"] * 2
    assert [row.headers["host"] for row in receiver.sent] == [f"rebinding.example:{receiver.port}"]
    assert [bool(row.error) for row in Attempt.objects.order_by("id")] == [False, True]


def test_a_webhook_that_is_busy_is_left_alone(bob, artifact, v1, hook, receiver, work):
    Webhook.objects.update(busy_until=timezone.now() + timedelta(days=1))
    move(bob, artifact, "best", v1)
    work()
    webhook_delivery.deliver_due(hook.pk)
    assert receiver.sent == []

    # Its worker died.
    Webhook.objects.update(busy_until=timezone.now() - timedelta(seconds=1))
    work()
    assert len(receiver.sent) == 1
    assert Webhook.objects.get().busy_until is None


def test_a_webhook_that_goes_while_it_is_called_is_no_fault(alice, bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)

    def lookup(host: str, port: int) -> list[str]:
        webhooks.delete(Actor(alice), hook)
        return [host]

    announce()
    webhook_delivery.deliver_due(hook.pk, lookup)
    assert len(receiver.sent) == 1 and not Attempt.objects.exists()


def test_a_webhook_that_was_deleted_is_not_called(alice, bob, artifact, v1, hook, receiver, work):
    move(bob, artifact, "best", v1)
    webhooks.delete(Actor(alice), Webhook.objects.select_related("project__team").get())
    work()

    assert receiver.sent == []

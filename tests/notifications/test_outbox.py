"""What is written down when something happens, and what that costs whoever does it."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actor import Origin
from artifacts import artifacts, errors
from artifacts.aliases import aliases
from notifications import fan_out, webhooks
from notifications.models import Attempt, Delivery, Event, InboxItem, Watch, Webhook
from projects import projects


def test_a_move_that_nobody_listens_to_costs_one_query_more(bob, artifact, v1, v2):
    aliases.move(bob, artifact, "best", v1, Origin())
    with CaptureQueriesContext(connection) as asked:
        aliases.update_many(bob, artifact, {"best": v2}, Origin())

    assert len([query for query in asked if "notifications_" in query["sql"]]) == 1
    assert not Event.objects.exists()


@pytest.mark.parametrize("change", [{"active": False}, {"paused_at": "2026-01-01T00:00Z", "pause_reason": "it failed"}])
def test_a_webhook_that_does_not_send_does_not_listen(bob, artifact, v1, hook, change):
    Webhook.objects.update(**change)
    aliases.move(bob, artifact, "best", v1, Origin())

    assert not Event.objects.exists()


def test_what_is_undone_is_not_told(bob, artifact, v1, hook, receiver, work):
    with pytest.raises(errors.Invalid), transaction.atomic():
        aliases.move(bob, artifact, "best", v1, Origin())
        raise errors.Invalid("Changed my mind.")
    work()

    assert receiver.sent == []


def test_to_announce_twice_changes_nothing(bob, artifact, v1, hook):
    aliases.move(bob, artifact, "best", v1, Origin())
    event = Event.objects.get()
    first, second = fan_out.fan_out(event.pk), fan_out.fan_out(event.pk)

    assert (first.webhooks, second.webhooks) == ([hook.pk], [])
    assert Delivery.objects.count() == 1


def test_a_worker_is_told_when_the_move_is_through(bob, artifact, v1, hook, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        aliases.move(bob, artifact, "best", v1, Origin())

    assert len(callbacks) == 1


def test_old_events_are_forgotten(bob, artifact, v1, v2, hook, work, settings):
    aliases.move(bob, artifact, "best", v1, Origin())
    work()
    Event.objects.update(created_at=Event.objects.get().created_at - settings.EVENT_LIFE)
    aliases.move(bob, artifact, "best", v2, Origin())
    fan_out.prune()

    assert [event.kind for event in Event.objects.all()] == ["alias.moved"]
    assert not Attempt.objects.exists()


def test_a_project_takes_everything_with_it(alice, bob, project, artifact, v1, hook, receiver, work):
    Watch.objects.create(user=alice, project=project)
    Watch.objects.create(user=alice, project=project, artifact=artifact)
    aliases.move(bob, artifact, "best", v1, Origin())
    work()
    aliases.remove(bob, artifact, "best", Origin())
    projects.delete(alice, project)
    work()

    assert [model.objects.count() for model in (Event, Webhook, Delivery, Attempt, InboxItem, Watch)] == [0] * 6
    assert len(receiver.sent) == 1


def test_an_artifact_takes_its_watches_with_it(alice, project, artifact):
    kept = Watch.objects.create(user=alice, project=project)
    Watch.objects.create(user=alice, project=project, artifact=artifact)
    artifacts.delete(alice, artifact, Origin())

    assert list(Watch.objects.all()) == [kept]


def test_an_artifact_that_goes_tells_of_its_aliases(alice, bob, vera, project, artifact, v1, hook, receiver, work):
    aliases.move(bob, artifact, "best", v1, Origin())
    aliases.move(bob, artifact, "staging", v1, Origin())
    work()
    Watch.objects.create(user=vera, project=project)
    Watch.objects.create(user=bob, project=project, artifact=artifact, pattern="best")
    receiver.sent.clear()
    artifacts.delete(alice, artifact, Origin())
    work()

    told = sorted((each.event["type"], each.event["data"]["alias"]) for each in receiver.sent)
    assert told == [("alias.deleted", alias) for alias in ("best", "latest", "staging")]
    assert {each.event["data"]["from"]["version"] for each in receiver.sent} == {"v1"}
    news = sorted(InboxItem.objects.values_list("user__username", "event__alias", "why"))
    assert news == [
        ("bob", "best", "concerned"),
        *[("vera", alias, "watching") for alias in ("best", "latest", "staging")],
    ]  # fmt: skip


def test_the_log_of_a_webhook_goes_with_it(alice, bob, artifact, v1, hook, work):
    aliases.move(bob, artifact, "best", v1, Origin())
    work()
    webhooks.delete(alice, hook)

    assert not Delivery.objects.exists() and not Attempt.objects.exists()

"""What is written down when something happens, what that costs whoever does it, and what goes with what."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from artifacts import artifacts, errors
from artifacts.aliases import aliases
from events import kinds, outbox
from events.kinds import EventKind
from events.models import Event
from notifications import fan_out, watches, webhooks
from notifications.models import Attempt, Delivery, InboxItem, Watch, Webhook
from projects import projects


def test_a_move_is_written_down_by_one_statement(bob, artifact, v1, v2):
    aliases.move(Actor(bob), artifact, "best", v1)
    Event.objects.all().delete()
    with CaptureQueriesContext(connection) as requested:
        aliases.update_many(Actor(bob), artifact, {"best": v2})

    (statement,) = [query["sql"] for query in requested if "notifications_" in query["sql"]]
    assert statement.startswith("INSERT")
    assert (Event.objects.get().kind, Event.objects.get().actor) == ("alias.moved", bob)


@pytest.mark.parametrize("count", [1, 40])
def test_events_that_nobody_listens_to_cost_a_few_queries_a_batch(
    bob, artifact, v1, count, django_assert_max_num_queries
):
    Event.objects.all().delete()
    for number in range(count):
        aliases.move(Actor(bob), artifact, f"alias-{number}", v1)
    with django_assert_max_num_queries(7):
        assert fan_out.announce_next() == ([], [])
    assert fan_out.announce_next() is None


@pytest.mark.parametrize("change", [{"active": False}, {"paused_at": "2026-01-01T00:00Z", "pause_reason": "it failed"}])
def test_a_webhook_that_does_not_send_does_not_listen(bob, artifact, v1, hook, change, work):
    Webhook.objects.update(**change)
    aliases.move(Actor(bob), artifact, "best", v1)
    work()

    assert not Delivery.objects.exists()


def test_who_listens_from_now_on_hears_nothing_from_before(alice, bob, vera, project, artifact, v1, receiver, work):
    aliases.move(Actor(bob), artifact, "best", v1)
    watches.watch(Actor(vera), project)
    webhooks.create(Actor(alice), project, receiver.url, events=["alias.created"])
    aliases.move(Actor(bob), artifact, "staging", v1)
    work()

    assert [item.event.alias for item in InboxItem.objects.all()] == ["staging"]
    assert [sent.event["data"]["alias"] for sent in receiver.sent] == ["staging"]


def test_a_kind_that_no_app_knows_any_more_has_no_recipients(bob, vera, project, hook, work):
    watches.watch(Actor(vera), project)
    gone = EventKind("artifact.gone", "Gone", message=str, url=str)
    event = outbox.record(gone, project, {}, actor=bob)
    work()

    event.refresh_from_db()
    assert event.announced_at and (event.message, event.get_absolute_url()) == ("artifact.gone", "/")
    assert not Delivery.objects.exists() and not InboxItem.objects.exists()


def test_the_database_takes_names_of_kinds_and_nothing_else(bob, project):
    for name, _ in kinds.choices():
        outbox.record(kinds.get(name), project, {}, actor=bob)
    for name in ("moved", "Alias.moved", "alias.", "alias moved", "alias.moved\n"):
        with pytest.raises(IntegrityError, match="event_kind_is_valid"), transaction.atomic():
            Event.objects.create(kind=name, project=project, data={})


def test_the_kinds_are_what_they_were():
    assert [name for name, _ in kinds.choices()] == [
        "alias.created",
        "alias.moved",
        "alias.deleted",
        "version.finalized",
        "version.deleted",
        "version.reference_changed",
        "alias.proposed",
        "alias.approved",
        "alias.rejected",
        "run.alert",
        "webhook.test",
        "webhook.paused",
    ]
    assert {kind.name for kind in kinds.subscribable()} == {
        name for name, _ in kinds.choices() if not name.startswith("webhook.")
    }


def test_what_is_undone_is_not_announced(bob, artifact, v1, hook, receiver, work):
    with pytest.raises(errors.Invalid), transaction.atomic():
        aliases.move(Actor(bob), artifact, "best", v1)
        raise errors.Invalid("Changed my mind.")
    work()

    assert receiver.sent == []


def test_to_announce_twice_changes_nothing(bob, artifact, v1, hook):
    aliases.move(Actor(bob), artifact, "best", v1)
    first, second = fan_out.announce_next(), fan_out.announce_next()

    assert (first.webhooks, second) == ([hook.pk], None)
    assert Delivery.objects.count() == 1


def test_a_worker_is_nudged_when_the_move_is_through(bob, artifact, v1, hook, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        aliases.move(Actor(bob), artifact, "best", v1)

    # The other one counts the event for the operator's metrics.
    assert len(callbacks) == 2


def test_old_events_are_forgotten(bob, artifact, v1, v2, hook, work, settings):
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    Event.objects.update(created_at=Event.objects.get(alias="best").created_at - settings.EVENT_LIFE)
    aliases.move(Actor(bob), artifact, "best", v2)
    outbox.prune()

    assert [event.kind for event in Event.objects.all()] == ["alias.moved"]
    assert not Attempt.objects.exists()


def test_a_project_takes_everything_with_it(alice, bob, project, artifact, v1, hook, receiver, work):
    Watch.objects.create(user=alice, project=project)
    Watch.objects.create(user=alice, project=project, artifact=artifact)
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    aliases.remove(Actor(bob), artifact, "best")
    projects.delete(Actor(alice), project)
    work()

    assert [model.objects.count() for model in (Event, Webhook, Delivery, Attempt, InboxItem, Watch)] == [0] * 6
    assert len(receiver.sent) == 1


def test_an_artifact_takes_its_watches_with_it(alice, project, artifact):
    kept = Watch.objects.create(user=alice, project=project)
    Watch.objects.create(user=alice, project=project, artifact=artifact)
    artifacts.delete(Actor(alice), artifact)

    assert list(Watch.objects.all()) == [kept]


def test_an_artifact_that_goes_announces_its_aliases(alice, bob, vera, project, artifact, v1, hook, receiver, work):
    aliases.move(Actor(bob), artifact, "best", v1)
    aliases.move(Actor(bob), artifact, "staging", v1)
    work()
    Watch.objects.create(user=vera, project=project)
    Watch.objects.create(user=bob, project=project, artifact=artifact, pattern="best")
    receiver.sent.clear()
    artifacts.delete(Actor(alice), artifact)
    work()

    recorded = sorted((row.event["type"], row.event["data"]["alias"]) for row in receiver.sent)
    assert recorded == [("alias.deleted", alias) for alias in ("best", "latest", "staging")]
    assert {row.event["data"]["from"]["version"] for row in receiver.sent} == {"v1"}
    news = sorted(InboxItem.objects.values_list("user__username", "event__alias", "reason"))
    assert news == [
        ("bob", "best", "watching"),
        *[("vera", alias, "watching") for alias in ("best", "latest", "staging")],
    ]  # fmt: skip


def test_who_watches_just_an_artifact_by_mail_gets_a_mail_when_its_aliases_go(
    alice, bob, project, artifact, v1, work, mailoutbox
):
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    watches.watch(Actor(bob), project, artifact, pattern="best", by_email=True)
    artifacts.delete(Actor(alice), artifact)
    work()

    assert [mail.subject for mail in mailoutbox] == ["[acme/demo] alice removed best from v1 of acme/demo/data"]


def test_the_log_of_a_webhook_goes_with_it(alice, bob, artifact, v1, hook, work):
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    webhooks.delete(Actor(alice), hook)

    assert not Delivery.objects.exists() and not Attempt.objects.exists()

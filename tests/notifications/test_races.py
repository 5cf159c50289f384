"""Two workers at once, as where a message came twice: nobody is told twice."""

import pytest

from accounts.actor import Actor
from artifacts.aliases import aliases
from events.models import Event
from notifications import emails, fan_out, watches, webhook_delivery
from notifications.models import Delivery, InboxItem
from tests.accounts.test_races import at_once
from tests.notifications.conftest import announce
from tests.notifications.receiver import status

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


@pytest.fixture
def moved(bob, vera, project, artifact, v1, hook) -> list[str]:
    """What was made of five aliases, which nobody was told of yet."""
    watches.watch(Actor(vera), project, by_email=True)
    Event.objects.all().delete()
    names = [f"alias-{number}" for number in range(5)]
    for alias in names:
        aliases.move(Actor(bob), artifact, alias, v1)
    return names


def test_an_event_is_announced_once(moved):
    announced = at_once(*[fan_out.announce_next] * WORKERS)

    assert sum(bool(row and row.webhooks) for row in announced) == 1
    assert Delivery.objects.count() == InboxItem.objects.count() == len(moved)


def test_messages_are_sent_once_and_in_order(moved, hook, receiver):
    receiver.answers = [status(200)]
    announce()
    at_once(*[lambda: webhook_delivery.deliver_due(hook.pk)] * WORKERS)

    assert [row.event["data"]["alias"] for row in receiver.sent] == moved
    assert set(Delivery.objects.values_list("state", "attempt_count")) == {("delivered", 1)}


def test_mails_are_sent_once(moved, mailoutbox):
    announce()
    items = list(InboxItem.objects.values_list("pk", flat=True))
    at_once(*[lambda pk=pk: emails.send(pk) for pk in items for _ in range(2)])

    assert len(mailoutbox) == len(items) == 5

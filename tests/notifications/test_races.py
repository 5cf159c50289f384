"""Two workers at once, as where a message came twice: nobody is told twice."""

import pytest

from accounts.actor import Origin
from artifacts.aliases import aliases
from notifications import emails, fan_out, watches, webhook_delivery
from notifications.models import Delivery, Event, InboxItem
from tests.accounts.test_races import at_once
from tests.notifications.receiver import status

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


@pytest.fixture
def moved(bob, vera, project, artifact, v1, hook) -> list[str]:
    """What was made of five aliases, which nobody was told of yet."""
    watches.watch(vera, project, by_email=True)
    Event.objects.all().delete()
    names = [f"alias-{number}" for number in range(5)]
    for alias in names:
        aliases.move(bob, artifact, alias, v1, Origin())
    return names


def test_an_event_is_announced_once(moved):
    event = Event.objects.last()
    announced = at_once(*[lambda: fan_out.fan_out(event.pk)] * WORKERS)

    assert sum(bool(each.webhooks) for each in announced) == 1
    assert Delivery.objects.count() == InboxItem.objects.count() == 1


def test_messages_are_sent_once_and_in_order(moved, hook, receiver):
    receiver.answers = [status(200)]
    for event in Event.objects.waiting():
        fan_out.fan_out(event.pk)
    at_once(*[lambda: webhook_delivery.deliver_due(hook.pk)] * WORKERS)

    assert [each.event["data"]["alias"] for each in receiver.sent] == moved
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


def test_mails_are_sent_once(moved, mailoutbox):
    for event in Event.objects.waiting():
        fan_out.fan_out(event.pk)
    notices = list(InboxItem.objects.values_list("pk", flat=True))
    at_once(*[lambda pk=pk: emails.send(pk) for pk in notices for _ in range(2)])

    assert len(mailoutbox) == len(notices) == 5

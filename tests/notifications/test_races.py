"""Two workers at once, as where a message came twice: nobody is told twice."""

import pytest

from accounts.origin import Origin
from artifacts import aliases
from notifications import announcing, delivering, mailing, watching
from notifications.models import Delivery, Event, Notice
from tests.accounts.test_races import at_once
from tests.notifications.receiver import status

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


@pytest.fixture
def moved(bob, vera, project, artifact, v1, hook) -> list[str]:
    """What was made of five aliases, which nobody was told of yet."""
    watching.watch(vera, project, by_email=True)
    Event.objects.all().delete()
    names = [f"alias-{number}" for number in range(5)]
    for alias in names:
        aliases.move(bob, artifact, alias, v1, Origin())
    return names


def test_an_event_is_announced_once(moved):
    event = Event.objects.last()
    announced = at_once(*[lambda: announcing.announce(event.pk)] * WORKERS)

    assert sum(bool(each.webhooks) for each in announced) == 1
    assert Delivery.objects.count() == Notice.objects.count() == 1


def test_messages_are_sent_once_and_in_order(moved, hook, receiver):
    receiver.answers = [status(200)]
    for event in Event.objects.waiting():
        announcing.announce(event.pk)
    at_once(*[lambda: delivering.work_off(hook.pk)] * WORKERS)

    assert [each.event["data"]["alias"] for each in receiver.sent] == moved
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}


def test_mails_are_sent_once(moved, mailoutbox):
    for event in Event.objects.waiting():
        announcing.announce(event.pk)
    notices = list(Notice.objects.values_list("pk", flat=True))
    at_once(*[lambda pk=pk: mailing.send(pk) for pk in notices for _ in range(2)])

    assert len(mailoutbox) == len(notices) == 5

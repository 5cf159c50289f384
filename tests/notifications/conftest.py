"""Receivers on this machine, and workers that work when the test says so."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.core.cache import cache
from django.db.models import F
from django.utils import timezone

from accounts.actor import Actor
from artifacts import health
from events import kinds
from notifications import emails, fan_out, host_leases, webhook_delivery, webhooks
from notifications.models import Delivery, InboxItem, Webhook
from tests.artifacts.conftest import artifact, foreign, other, run, store, v1, v2
from tests.notifications.receiver import Receiver

__all__ = ["artifact", "foreign", "other", "run", "store", "v1", "v2"]


@pytest.fixture(autouse=True)
def own_network(settings) -> None:
    """The operator lets webhooks call this machine."""
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


@pytest.fixture
def hook(alice, project, receiver) -> Webhook:
    """Of the project; told of everything."""
    return webhooks.create(Actor(alice), project, receiver.url, events=[kind.name for kind in kinds.subscribable()])


def announce() -> None:
    """All that is to be announced by now."""
    while fan_out.announce_next():
        pass


@pytest.fixture
def work(monkeypatch) -> Callable[[], None]:
    """The workers' turn: what is due by now is done when this returns, however long that takes."""
    monkeypatch.setattr(host_leases, "TURN_SECONDS", 3600)

    def drain() -> None:
        announce()
        for webhook_id in list(webhook_delivery.due(timezone.now())):
            webhook_delivery.deliver_due(webhook_id)
            announce()
        for item_id in list(emails.due(timezone.now())):
            emails.send(item_id)

    return drain


@pytest.fixture
def later() -> Callable[..., None]:
    """`later(hours=1)`: what is to be tried again is due so much sooner."""

    def pass_by(**span: int) -> None:
        by = timedelta(**span)
        Delivery.objects.exclude(next_attempt_at=None).update(next_attempt_at=F("next_attempt_at") - by)
        InboxItem.objects.exclude(next_mail_at=None).update(next_mail_at=F("next_mail_at") - by)

    return pass_by


@pytest.fixture(autouse=True)
def health_is_known() -> None:
    """Every 15 seconds a page asks how store and workers are: never one whose queries are counted."""
    cache.set(health.CHECKED_KEY, True, None)

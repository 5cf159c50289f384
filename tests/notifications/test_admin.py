"""Django admin: everything to be looked at, nothing to be changed by hand, and no secret."""

import pytest
from django.urls import reverse

from accounts.actor import Actor
from accounts.models import User
from artifacts.aliases import aliases
from events.models import Event
from notifications import watches
from notifications.models import Attempt, Delivery, InboxItem, Watch, Webhook


@pytest.fixture
def admin_client(browser, db):
    return browser(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))


@pytest.fixture
def delivered(bob, vera, project, artifact, v1, hook, work) -> Delivery:
    watches.watch(Actor(vera), project)
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    return Delivery.objects.get(event__alias="best")


@pytest.mark.parametrize("model", [Event, Webhook, Delivery, Watch, InboxItem])
def test_rows_are_looked_at_and_not_changed(admin_client, delivered, hook, model):
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    row = model.objects.first()
    listed = admin_client.get(reverse(f"admin:{name}_changelist"), {"q": "x"})
    rendered = admin_client.get(reverse(f"admin:{name}_change", args=[row.pk])).content.decode()

    assert listed.status_code == 200
    assert hook.secret not in rendered and 'name="_save"' not in rendered
    assert admin_client.get(reverse(f"admin:{name}_add")).status_code == 403
    assert admin_client.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_a_list_has_no_secret(admin_client, delivered, hook):
    assert hook.secret not in admin_client.get(reverse("admin:notifications_webhook_changelist")).content.decode()


def test_a_delivery_is_sent_again(admin_client, delivered, receiver, work):
    receiver.sent.clear()
    act = {"action": "redeliver", "_selected_action": [str(delivered.pk)]}
    admin_client.post(reverse("admin:notifications_delivery_changelist"), act)
    work()

    assert receiver.kinds == ["alias.created"]
    assert Attempt.objects.filter(delivery=delivered).count() == 2


def test_webhooks_are_paused_and_resumed(admin_client, delivered, hook):
    url = reverse("admin:notifications_webhook_changelist")
    for action, is_live in (("pause", False), ("resume", True)):
        admin_client.post(url, {"action": action, "_selected_action": [str(hook.pk)]})
        hook.refresh_from_db()
        assert hook.is_live == is_live


def test_what_is_refused_is_reported(admin_client, delivered, hook):
    Webhook.objects.update(active=False)
    act = {"action": "redeliver", "_selected_action": [str(delivered.pk)]}
    answer = admin_client.post(reverse("admin:notifications_delivery_changelist"), act, follow=True)

    assert "resume it first" in answer.content.decode()

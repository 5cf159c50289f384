"""What webhooks sign with cannot be read from the database, and outlives a change of the secret key."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.actor import Actor
from core import encryption
from notifications import webhook_delivery, webhooks
from notifications.models import Attempt, Delivery, Webhook


def column() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT encrypted_secret FROM notifications_webhook")
        return cursor.fetchone()[0]


def test_the_database_does_not_know_the_secret(hook):
    secret = hook.secret

    assert secret.startswith("whsec_")
    assert "whsec_" not in column() and secret.removeprefix("whsec_") not in column()
    assert Webhook.objects.get().secret == secret


def test_the_same_text_is_never_encrypted_alike():
    assert encryption.encrypt("x") != encryption.encrypt("x")


def test_a_former_key_still_reads_until_all_is_encrypted_anew(settings, hook):
    secret, former = hook.secret, settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [former]
    assert Webhook.objects.get().secret == secret

    output = StringIO()
    call_command("renew_encryption", stdout=output)
    assert output.getvalue() == "1 secrets are encrypted under the current SECRET_KEY.\n"
    settings.SECRET_KEY_FALLBACKS = []
    assert Webhook.objects.get().secret == secret


def test_without_the_key_nothing_is_sent_and_the_log_says_why(settings, alice, hook, browser):
    settings.SECRET_KEY = "another key"
    delivery = webhooks.test(Actor(alice), hook)
    webhook_delivery.deliver_due(hook.pk)

    attempt = Attempt.objects.get(delivery=delivery)
    assert (attempt.headers, attempt.status_code) == ({}, None)
    assert attempt.error.startswith("This secret cannot be decrypted: SECRET_KEY was changed")
    assert Delivery.objects.get().state == Delivery.State.FAILED
    with pytest.raises(CommandError, match="1 secrets cannot be decrypted"):
        call_command("renew_encryption", stdout=StringIO())

    page = browser(alice).get(hook.get_absolute_url())
    assert page.status_code == 200
    assert webhooks.renew_secret(Actor(alice), hook).secret.startswith("whsec_")

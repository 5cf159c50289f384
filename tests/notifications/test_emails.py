"""Mail to who watches: once, to nobody who may not read it, and nothing in it that its reader's program believes."""

import re

import pytest
from django.conf import settings as django_settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from accounts.actor import Actor
from accounts.models import Membership
from artifacts.aliases import aliases
from notifications import emails, watches
from notifications.models import InboxItem
from tests.artifacts.client import log
from tests.notifications.conftest import announce


class Server:
    """A mail server that is down as often as it is told to be."""

    down = 0
    taken: list[EmailMessage] = []


class Post(BaseEmailBackend):
    def send_messages(self, messages: list[EmailMessage]) -> int:
        if Server.down:
            Server.down -= 1
            raise ConnectionRefusedError
        Server.taken += messages
        return len(messages)


@pytest.fixture
def server(settings) -> type[Server]:
    settings.EMAIL_BACKEND = "tests.notifications.test_emails.Post"
    Server.down, Server.taken = 0, []
    return Server


@pytest.fixture
def watch(vera, project):
    return watches.watch(Actor(vera), project, pattern="best*", by_email=True).watch


def move(bob, artifact, v1, reason="better on the holdout", alias="best"):
    aliases.move(Actor(bob, reason=reason), artifact, alias, v1)


def test_who_asks_for_mail_gets_it(bob, artifact, v1, watch, work, mailoutbox):
    move(bob, artifact, v1)
    work()
    work()

    (mail,) = mailoutbox
    assert mail.to == ["vera@example.org"]
    assert mail.subject == "[acme/demo] bob assigned best to v1 of acme/demo/data"
    assert "Reason: better on the holdout" in mail.body
    assert f"{django_settings.BASE_URL}/acme/demo/artifacts/dataset/data/aliases" in mail.body
    assert f"{django_settings.BASE_URL}/watches" in mail.body
    assert mail.message()["Auto-Submitted"] == "auto-generated"
    assert InboxItem.objects.get().mail == "sent"


def test_others_get_none(bob, vera, project, artifact, v1, work, mailoutbox):
    watches.watch(Actor(vera), project)
    move(bob, artifact, v1)
    work()

    assert (len(mailoutbox), InboxItem.objects.get().mail) == (0, "none")


def test_without_an_email_there_is_no_mail(bob, vera, artifact, v1, watch, work, mailoutbox):
    vera.email = ""
    vera.save()
    move(bob, artifact, v1)
    work()

    assert (len(mailoutbox), InboxItem.objects.get().mail) == (0, "none")


@pytest.mark.parametrize("loss", ["membership", "account", "email"])
def test_who_may_not_read_it_any_more_gets_none(bob, vera, acme, artifact, v1, watch, work, server, later, loss):
    server.down = 1
    move(bob, artifact, v1)
    work()
    if loss == "membership":
        Membership.objects.filter(user=vera, team=acme).delete()
    else:
        vera.is_active, vera.email = loss != "account", "" if loss == "email" else vera.email
        vera.save()
    later(hours=1)
    work()

    assert (server.taken, InboxItem.objects.get().mail) == ([], "dropped")


def test_it_is_tried_again_until_it_is_sent_once(bob, artifact, v1, watch, work, server, later):
    server.down = 2
    move(bob, artifact, v1)
    for _ in range(6):
        work()
        work()
        later(hours=1)

    assert len(server.taken) == 1
    item = InboxItem.objects.get()
    assert (item.mail, item.mail_attempts, item.next_mail_at) == ("sent", 3, None)


def test_it_is_given_up_in_the_end(bob, artifact, v1, watch, work, server, later, settings):
    server.down = 100
    move(bob, artifact, v1)
    for _ in range(settings.MAIL_ATTEMPTS + 2):
        work()
        later(hours=24)

    assert InboxItem.objects.get().mail == "failed"
    assert 100 - server.down == settings.MAIL_ATTEMPTS


def test_every_attempt_is_the_same_mail(bob, artifact, v1, watch, server, work, later):
    """Should one be sent twice after all, mail programs know it again."""
    move(bob, artifact, v1)
    work()
    InboxItem.objects.update(mail="pending", next_mail_at=InboxItem.objects.get().created_at)
    emails.send(InboxItem.objects.get().pk)

    first, second = (mail.message()["Message-ID"] for mail in server.taken)
    assert first == second


def test_two_workers_send_one_mail(bob, artifact, v1, watch, server):
    """The second comes while the first speaks to the mail server."""

    class Meddling(list):
        def __iadd__(self, messages):
            emails.send(InboxItem.objects.get().pk)
            return Meddling([*self, *messages])

    server.taken = Meddling()
    move(bob, artifact, v1)
    announce()
    emails.send(InboxItem.objects.get().pk)

    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "reason", ["ok\r\nBcc: mallory@example.org", "ok\nSubject: Win a prize", "x\r\n\r\n<script>alert(1)</script>"]
)
def test_no_text_of_anybody_becomes_a_header(bob, artifact, v1, watch, work, mailoutbox, reason):
    move(bob, artifact, v1, reason)
    work()

    head, _, _ = mailoutbox[0].message().as_bytes().partition(b"\n\n")
    assert not re.search(rb"^(Bcc|bcc|Subject: Win)", head, re.MULTILINE)
    assert mailoutbox[0].message().get_content_type() == "text/plain"


def test_an_email_that_would_be_a_header_gets_no_mail(bob, vera, artifact, v1, watch, work, server, settings):
    type(vera).objects.filter(pk=vera.pk).update(email="vera@example.org\nBcc: mallory@example.org")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    move(bob, artifact, v1)
    work()

    assert InboxItem.objects.get().mail == "failed"


def test_by_default_mail_goes_to_the_console():
    source = (django_settings.BASE_DIR / "wanllmdb" / "settings.py").read_text()

    assert 'env.email_url("EMAIL_URL", default="consolemail://")' in source


def test_versions_are_mailed_to_who_watches_everything(bob, vera, project, artifact, work, mailoutbox):
    watches.watch(Actor(vera), project, by_email=True)
    log(bob, artifact, {"a": b"a"})
    work()

    assert [mail.subject for mail in mailoutbox] == [
        "[acme/demo] bob finalized v1 of acme/demo/data",
        "[acme/demo] bob assigned latest to v1 of acme/demo/data",
    ]

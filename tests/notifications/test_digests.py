"""A digest: once a day or a week, to who asked for it, with what they have not read, until they end it."""

import re
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from accounts.actor import Actor
from artifacts.aliases import aliases, proposals
from notifications import digests, watches
from notifications.models import Digest, InboxItem
from tests.conftest import HTMX


class Down(EmailBackend):
    def send_messages(self, messages):
        raise SMTPServerDisconnected("away")


@pytest.fixture
def news(bob, vera, project, artifact, v1, v2, work) -> None:
    """Three items for vera, who has asked for a digest."""
    digests.choose(Actor(vera), "daily")
    watches.watch(Actor(vera), project)
    aliases.move(Actor(bob, reason="first\nline"), artifact, "best", v1)
    aliases.move(Actor(bob), artifact, "best", v2)
    proposal = proposals.propose(Actor(bob), artifact, "other", v1)
    work()
    proposals.withdraw(Actor(bob), proposal)


def due() -> None:
    """It is the hour of all of them."""
    Digest.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    digests.send_due()


def test_it_lists_what_is_unread_with_links(vera, news, mailoutbox, settings):
    due()
    due()

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["vera@example.org"], "2 notifications in wanLLMDB")
    moved, made = InboxItem.objects.filter(event__alias="best").order_by("-id")
    assert mail.body.index("bob moved best") < mail.body.index("bob assigned best")
    for item in (moved, made):
        assert f"{settings.BASE_URL}/inbox/{item.pk}" in mail.body
    assert "Reason: first line" in mail.body
    # What was decided meanwhile asks nobody any more.
    assert "other" not in mail.body
    assert mail.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_was_sent_is_not_sent_again(bob, vera, artifact, v1, news, work, mailoutbox):
    due()
    aliases.move(Actor(bob), artifact, "best", v1)
    work()
    due()

    assert [mail.subject for mail in mailoutbox] == ["2 notifications in wanLLMDB", "1 notification in wanLLMDB"]


@pytest.mark.parametrize("why", ["read", "mailed", "no access", "no address", "deactivated"])
def test_with_nothing_to_say_there_is_none(vera, project, news, mailoutbox, why):
    if why == "read":
        InboxItem.objects.update(read_at=timezone.now())
    elif why == "mailed":
        InboxItem.objects.update(mail="sent")
    elif why == "no access":
        vera.memberships.all().delete()
    else:
        vera.email, vera.is_active = ("", True) if why == "no address" else (vera.email, False)
        vera.save()
    due()

    assert mailoutbox == []
    assert Digest.objects.get().next_at > timezone.now()


def test_a_mail_server_that_is_away_is_tried_again(news, settings, mailoutbox):
    settings.EMAIL_BACKEND = "tests.notifications.test_digests.Down"
    due()
    digest = Digest.objects.get()
    assert digest.attempts == 1 and digest.next_at < timezone.now() + timedelta(hours=1)

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    due()
    assert len(mailoutbox) == 1 and Digest.objects.get().attempts == 0


def test_without_a_mail_server_nothing_is_sent(news, settings, browser, vera):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    due()

    assert django_mail.outbox == [] and Digest.objects.get().next_at < timezone.now()
    assert "sends no e-mail" in browser(vera).get("/inbox/digest").content.decode()


def test_it_is_due_at_the_hour_and_on_mondays(settings):
    settings.DIGEST_HOUR = 7
    thursday = datetime(2026, 5, 7, 6, 59, tzinfo=UTC)

    assert digests.next_time("daily", thursday) == datetime(2026, 5, 7, 7, tzinfo=UTC)
    assert digests.next_time("daily", thursday + timedelta(minutes=1)) == datetime(2026, 5, 8, 7, tzinfo=UTC)
    assert digests.next_time("weekly", thursday) == datetime(2026, 5, 11, 7, tzinfo=UTC)
    assert digests.next_time("weekly", datetime(2026, 5, 11, 7, tzinfo=UTC)) == datetime(2026, 5, 18, 7, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_one_chooses_it_on_a_page(browser, vera, headers):
    client = browser(vera)
    assert '<option value="off" selected>' in client.get("/inbox/digest").content.decode()
    client.post("/inbox/digest", {"frequency": "weekly"}, headers=headers)
    assert Digest.objects.get().frequency == "weekly"
    assert "E-mail digest: weekly" in client.get("/watches").content.decode()
    assert client.post("/inbox/digest", {"frequency": "hourly"}, headers=headers).status_code == 422

    client.post("/inbox/digest", {"frequency": "off"}, headers=headers)
    assert not Digest.objects.exists()


def test_one_chooses_it_over_the_api(api, vera):
    client = api(vera)
    assert client.get("/api/v1/inbox/digest").json() == {"frequency": "off"}
    assert client.put("/api/v1/inbox/digest", {"frequency": "daily"}).json() == {"frequency": "daily"}
    assert client.put("/api/v1/inbox/digest", {"frequency": "hourly"}).status_code == 400
    assert client.get("/api/v1/inbox/digest").json() == {"frequency": "daily"}


def test_the_link_in_it_ends_it_without_a_sign_in(vera, bob, news, mailoutbox, settings):
    digests.choose(Actor(bob), "daily")
    due()
    [link] = re.findall(r"<(.*)>", mailoutbox[0].extra_headers["List-Unsubscribe"])
    path = link.removeprefix(settings.BASE_URL)
    client = Client(enforce_csrf_checks=True)

    assert link in mailoutbox[0].body
    # A scanner that follows links changes nothing.
    assert "vera gets no more" in client.get(path).content.decode()
    assert Digest.objects.count() == 2
    for _ in range(2):
        answer = client.post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200 and "Unsubscribed" in answer.content.decode()
    assert [digest.user for digest in Digest.objects.all()] == [bob]
    assert client.post(f"{path}x").status_code == 404

"""The pages of a project's webhooks: made, tried, read about, paused, deleted. Without script, and as parts."""

import html
import re

import pytest

from accounts.actor import Actor
from artifacts.aliases import aliases
from notifications import webhooks
from notifications.models import Delivery, Webhook
from projects import projects
from tests.conftest import HTMX
from tests.notifications.receiver import status

LIST = "/acme/demo/webhooks"
SENT = {"url": "https://8.8.8.8/hook", "description": "Deploy", "events": ["alias.moved", "alias.created"]}


@pytest.fixture
def sent(bob, artifact, v1, hook, receiver, work) -> Delivery:
    receiver.answers = [status(200, b"<script>alert(1)</script>")]
    aliases.move(Actor(bob, reason="<b>better</b>"), artifact, "best", v1)
    work()
    return Delivery.objects.get(event__alias="best")


def url(hook: Webhook) -> str:
    return f"{LIST}/{hook.pk}"


def test_an_empty_list_offers_the_first(browser, alice, project):
    page = browser(alice).get(LIST).content.decode()

    assert "No webhooks yet" in page and f"{LIST}/new" in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_one_is_made_and_its_secret_displayed_once(browser, alice, project, headers):
    client = browser(alice)
    answer = client.post(f"{LIST}/new", SENT, headers=headers)

    secret = re.search(r"whsec_[^<]+", html.unescape(answer.content.decode()))[0]
    webhook = Webhook.objects.get()
    assert (secret, "no-store" in answer["Cache-Control"]) == (webhook.secret, True)
    assert (webhook.url, webhook.events) == (SENT["url"], ["alias.created", "alias.moved"])
    for page_url in (LIST, url(webhook), f"{url(webhook)}/edit"):
        page = client.get(page_url).content.decode()
        assert SENT["url"] in page and "whsec_" not in page


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://localhost:1/", "ftp://example.org/", "https://me@8.8.8.8/"]
)
def test_a_url_that_may_not_be_called_is_refused(browser, alice, project, settings, url):
    settings.WEBHOOK_PRIVATE_NETWORKS = []
    answer = browser(alice).post(f"{LIST}/new", SENT | {"url": url}, headers=HTMX)

    assert answer.status_code == 400 and answer["X-Refusal"]
    assert not Webhook.objects.exists()


def test_a_form_with_faults_comes_back(browser, alice, project):
    answer = browser(alice).post(f"{LIST}/new", {"url": "", "events": []}, headers=HTMX)

    assert answer.status_code == 422
    assert "Choose at least one event." in answer.content.decode()


def test_the_page_lists_what_was_sent(browser, alice, hook, sent, django_assert_max_num_queries):
    client = browser(alice)
    with django_assert_max_num_queries(12):
        page = client.get(url(hook)).content.decode()

    assert "alias.created" in page and "Delivered" in page and "200" in page
    assert "every 2s" not in page
    with django_assert_max_num_queries(12):
        detail = client.get(f"{url(hook)}/deliveries/{sent.pk}", headers=HTMX).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in detail and "<script>alert" not in detail
    assert "&lt;b&gt;better" in detail and sent.event.message_id in detail
    assert hook.secret not in page + detail and "webhook-signature" in detail


def test_it_follows_what_is_on_its_way(browser, alice, hook, receiver, work):
    client = browser(alice)
    assert client.post(f"{url(hook)}/test")["Location"] == url(hook)
    assert "every 2s" in client.get(url(hook)).content.decode()

    work()
    part = client.get(url(hook), headers=HTMX).content.decode()
    assert "every 2s" not in part and "Delivered" in part and "<html" not in part
    assert receiver.kinds == ["webhook.test"]


def test_many_deliveries_cost_the_same(browser, alice, hook, django_assert_max_num_queries):
    for _ in range(60):
        webhooks.test(Actor(alice), hook)
    client = browser(alice)
    with django_assert_max_num_queries(12):
        page = client.get(url(hook)).content.decode()

    assert "Page 1 of 2" in page


def test_the_list_costs_the_same_however_long(browser, alice, project, hook, sent, django_assert_max_num_queries):
    for number in range(20):
        webhooks.create(Actor(alice), project, hook.url, events=["alias.moved"], description=f"number {number}")
    client = browser(alice)
    with django_assert_max_num_queries(10):
        page = client.get(LIST).content.decode()

    assert "number 19" in page and "Delivered" in page


def test_it_is_paused_and_resumed(browser, alice, hook):
    client = browser(alice)
    client.post(f"{url(hook)}/pause")
    page = client.get(url(hook)).content.decode()
    assert "Off" in page and f"{url(hook)}/resume" in page

    client.post(f"{url(hook)}/resume")
    hook.refresh_from_db()
    assert hook.is_live


def test_it_says_why_it_was_paused(browser, alice, hook):
    Webhook.objects.update(paused_at=hook.created_at, pause_reason="5 deliveries in a row failed. <i>")

    assert "5 deliveries in a row failed. &lt;i&gt;" in browser(alice).get(url(hook)).content.decode()


def test_it_is_changed(browser, alice, hook, receiver):
    answer = browser(alice).post(
        f"{url(hook)}/edit", {"url": receiver.url, "description": "<i>", "events": ["version.deleted"]}, headers=HTMX
    )

    assert (answer.status_code, answer["HX-Redirect"]) == (204, url(hook))
    hook.refresh_from_db()
    assert (hook.description, hook.events) == ("<i>", ["version.deleted"])
    assert "&lt;i&gt;" in browser(alice).get(LIST).content.decode()


def test_its_secret_is_renewed(browser, alice, hook):
    client = browser(alice)
    before = hook.secret
    assert "Create a new secret?" in client.get(f"{url(hook)}/secret").content.decode()
    page = html.unescape(client.post(f"{url(hook)}/secret").content.decode())

    hook.refresh_from_db()
    assert hook.secret != before and hook.secret in page and before not in page


def test_it_is_deleted_after_a_question(browser, alice, hook, sent):
    client = browser(alice)
    assert "Delete this webhook?" in client.get(f"{url(hook)}/delete", headers=HTMX).content.decode()
    assert client.post(f"{url(hook)}/delete")["Location"] == LIST

    assert not Webhook.objects.exists() and not Delivery.objects.exists()


def test_a_delivery_is_sent_again(browser, alice, hook, sent, receiver, work):
    receiver.sent.clear()
    answer = browser(alice).post(f"{url(hook)}/deliveries/{sent.pk}/redeliver", headers=HTMX)
    work()

    assert (answer["HX-Redirect"], receiver.kinds) == (url(hook), ["alias.created"])


def test_while_it_is_paused_nothing_is_sent_again(browser, alice, hook, sent, receiver):
    webhooks.pause(Actor(alice), hook)
    answer = browser(alice).post(f"{url(hook)}/deliveries/{sent.pk}/redeliver", headers=HTMX)

    assert (answer.status_code, "resume it first" in answer["X-Refusal"].replace("%20", " ")) == (409, True)


def test_a_webhook_is_of_its_project_alone(browser, alice, acme, hook, sent):
    projects.create(Actor(alice), acme, "second")
    client = browser(alice)
    for tail in ("", "/edit", "/delete", "/secret", f"/deliveries/{sent.pk}"):
        assert client.get(f"/acme/second/webhooks/{hook.pk}{tail}").status_code == 404


@pytest.mark.parametrize(("who", "sees"), [("alice", True), ("bob", False), ("vera", False)])
def test_only_admins_have_the_tab(request, browser, project, who, sees):
    page = browser(request.getfixturevalue(who)).get("/acme/demo").content.decode()

    assert (LIST in page) == sees

"""The page about oneself: API keys, shown once; password."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import invitation_emails, keys
from accounts.actor import Actor
from accounts.models import ApiKey, Scope
from tests.conftest import HTMX

PASSWORD = "a good long password"


def test_it_lists_keys_without_their_values(browser, alice, acme, bob):
    key, value = keys.create(Actor(alice), "laptop <b>")
    keys.create(Actor(bob), "bobs")
    ApiKey.objects.create(
        user=alice, name="old", digest="x", token_key="wllm_old", expiry=timezone.now() - timedelta(1)
    )
    page = browser(alice).get("/profile").content.decode()

    assert "laptop &lt;b&gt;" in page
    assert key.prefix in page and value not in page
    assert "expired" in page
    assert "bobs" not in page
    assert "/teams/acme" in page


def test_an_address_is_one_s_own_once_it_is_confirmed(browser, alice, bob, mailoutbox, settings):
    client = browser(alice)
    page = client.post("/profile/email", {"email": "new@example.org"}, follow=True).content.decode()
    assert "We sent a link to new@example.org" in page
    (mail,) = mailoutbox
    [link] = re.findall(rf"{re.escape(settings.BASE_URL)}(/profile/email/\S+)", mail.body)
    alice.refresh_from_db()
    assert (mail.to, alice.email) == (["new@example.org"], "alice@example.org")

    assert browser(bob).get(link).status_code == browser(bob).post(link).status_code == 404
    assert "new@example.org becomes the e-mail address of alice" in client.get(link).content.decode()
    assert client.post(link)["Location"] == "/profile"
    assert client.post(link).status_code == client.get("/profile/email/x").status_code == 404
    assert "new@example.org" in client.get("/profile").content.decode()
    assert client.post("/profile/email", {"email": "no address"}).status_code == 422
    client.post("/profile/email", {"email": ""})
    alice.refresh_from_db()
    assert (alice.email, len(mailoutbox)) == ("", 1)


@pytest.mark.parametrize("why", ["no server", "away", "too many"])
def test_an_address_to_which_no_mail_goes_is_not_taken(browser, alice, mailoutbox, settings, monkeypatch, why):
    if why == "no server":
        settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    elif why == "away":
        settings.EMAIL_BACKEND = "tests.notifications.test_digests.Down"
    else:
        monkeypatch.setattr(invitation_emails, "A_DAY", 0)
    alice.email = ""
    alice.save()
    client = browser(alice)
    assert ("/profile/email" in client.get("/profile").content.decode()) == (why != "no server")
    answer = client.post("/profile/email", {"email": "new@example.org"}, headers=HTMX)
    assert answer.status_code == (503 if why == "away" else 409) and answer["X-Refusal"]
    alice.refresh_from_db()
    assert (mailoutbox, alice.email) == ([], "")


def test_its_part_is_the_list(browser, alice):
    part = browser(alice).get("/profile", headers=HTMX).content.decode()

    assert "<html" not in part
    assert "No API keys yet" in part


def test_it_costs_the_same_with_many_keys(browser, alice, django_assert_max_num_queries):
    for number in range(60):
        keys.create(Actor(alice), f"key {number}")
    client = browser(alice)

    with django_assert_max_num_queries(6):
        page = client.get("/profile").content.decode()
    assert "1–50 of 60 keys" in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_new_key_is_displayed_once(browser, api, alice, headers):
    client = browser(alice)
    response = client.post("/profile/keys/new", {"name": "ci", "scope": "read", "days": "30"}, headers=headers)

    value = re.search("wllm-[0-9a-f]{40}", response.content.decode())[0]
    assert "no-store" in response["Cache-Control"]
    assert response["HX-Trigger"] == '{"changed": true}'
    key = alice.api_keys.get()
    assert (key.name, key.scope) == ("ci", Scope.READ)
    assert timedelta(days=29) < key.expiry - timezone.now() <= timedelta(days=30)
    assert value not in client.get("/profile").content.decode()
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {value}")
    assert client.get("/api/v1/me").json()["username"] == "alice"


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"scope": "all"}, {"days": "5000"}, {"name": "x" * 101}, {"name": "a\u202eb"}]
)
def test_what_does_not_fit_comes_back(browser, alice, fields):
    sent = {"name": "ci", "scope": "read", "days": ""} | fields
    response = browser(alice).post("/profile/keys/new", sent, headers=HTMX)

    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert not alice.api_keys.exists()


def test_revoking_asks_first(browser, alice):
    key, _ = keys.create(Actor(alice), "laptop")
    client = browser(alice)
    url = f"/profile/keys/{key.pk}/revoke"

    assert "Revoke API key &quot;laptop&quot;?" in client.get(url, headers=HTMX).content.decode()
    assert client.post(url)["Location"] == "/profile"
    assert not alice.api_keys.exists()
    assert "API key &quot;laptop&quot; revoked." in client.get("/profile").content.decode()


def test_nobody_revokes_anothers(browser, alice, mallory):
    key, _ = keys.create(Actor(alice), "laptop")

    assert browser(mallory).post(f"/profile/keys/{key.pk}/revoke").status_code == 404
    assert alice.api_keys.exists()


def test_the_password_changes_and_other_sessions_end(browser, alice):
    this_browser, other_browser = browser(alice), browser(alice)
    new = "an even longer password"
    response = this_browser.post("/password", {"current": PASSWORD, "new": new, "again": new})

    assert response["Location"] == "/profile"
    assert this_browser.get("/profile").status_code == 200
    assert other_browser.get("/profile").status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(new)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [({"current": "wrong"}, "Wrong password"), ({"new": "12345678", "again": "12345678"}, "too common")],
)
def test_a_password_that_does_not_fit_stays(browser, alice, fields, fault):
    sent = {"current": PASSWORD, "new": "an even longer password", "again": "an even longer password"} | fields
    response = browser(alice).post("/password", sent, headers=HTMX)

    assert response.status_code == 422
    assert fault in response.content.decode()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)

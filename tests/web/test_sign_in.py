"""Signing in and out, and signing up by invitation."""

import pytest

from accounts import invitations
from accounts.actor import Actor
from accounts.models import Invitation, Role, User
from tests.conftest import HTMX

PASSWORD = "a good long password"


@pytest.fixture
def link(alice, acme) -> str:
    return f"/invite/{invitations.create(Actor(alice), acme, Role.VIEWER)[1]}"


def sign_in(browser, username: str, password: str = PASSWORD, **fields: str):
    return browser.post("/login", {"username": username, "password": password, **fields})


def test_signing_in_leads_home_or_to_the_requested_page(browser, alice):
    assert browser().get("/profile")["Location"] == "/login?next=/profile"
    assert sign_in(browser(), "alice")["Location"] == "/"
    assert sign_in(browser(), "alice", next="/profile")["Location"] == "/profile"


@pytest.mark.parametrize(
    "next", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/login", "/login?next=/login"]
)
def test_it_leads_nowhere_else(browser, alice, next):
    client = browser()

    assert sign_in(client, "alice", next=next)["Location"] == "/"
    assert client.get("/login", {"next": next})["Location"] == "/"


def test_a_stranger_does_not_learn_who_has_an_account(browser, alice, bob):
    bob.is_active = False
    bob.save()
    answers = [sign_in(browser(), "alice", "wrong"), sign_in(browser(), "nobody", "wrong"), sign_in(browser(), "bob")]

    assert [response.status_code for response in answers] == [422] * 3
    faults = {str(response.context["form"].non_field_errors()) for response in answers}
    assert len(faults) == 1


def test_signing_out_ends_the_session(browser, alice):
    client = browser(alice)

    assert client.get("/logout").status_code == 405
    assert client.post("/logout")["Location"] == "/login"
    assert client.get("/profile").status_code == 302
    assert client.post("/logout")["Location"] == "/login"


def test_htmx_leaves_the_page_when_the_session_is_over(browser):
    headers = HTMX | {"HX-Current-URL": "http://testserver/artifacts?type=model"}
    response = browser().get("/artifacts", headers=headers)

    assert response.status_code == 204
    assert response["HX-Redirect"] == "/login?next=/artifacts%3Ftype%3Dmodel"


def test_a_visitor_signs_up(browser, acme, link):
    client = browser()
    page = client.get(link)
    assert b"Join team acme" in page.content
    assert page["Cache-Control"].startswith("max-age=0")

    response = client.post(link, {"username": "carol", "new": PASSWORD, "again": PASSWORD})
    assert response["Location"] == "/"
    assert b"carol" in client.get("/profile").content
    assert acme.memberships.get(user__username="carol").role == Role.VIEWER


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"new": "short", "again": "short"}, "too short"),
        ({"new": "carol-carol", "again": "carol-carol"}, "too similar"),
        ({"again": "another password"}, "do not match"),
        ({"username": ""}, "required"),
    ],
)
def test_what_does_not_fit_comes_back(browser, link, fields, fault):
    sent = {"username": "carol-carol", "new": PASSWORD, "again": PASSWORD} | fields
    response = browser().post(link, sent, headers=HTMX)

    assert response.status_code == 422
    assert fault in response.content.decode()
    assert "<html" not in response.content.decode()
    assert Invitation.objects.open().exists()


@pytest.mark.parametrize("name", ["alice", "ALICE", "admin", "has space", "<script>"])
def test_a_name_that_is_not_available_is_refused(browser, link, name):
    response = browser().post(link, {"username": name, "new": PASSWORD, "again": PASSWORD}, headers=HTMX)

    assert response.status_code in (400, 409)
    assert response["X-Refusal"]
    assert User.objects.count() == 3


def test_who_is_signed_in_joins(browser, mallory, acme, link):
    client = browser(mallory)
    assert b"Join as mallory" in client.get(link).content

    assert client.post(link)["Location"] == "/teams/acme"
    assert acme.memberships.filter(user=mallory).exists()


def test_an_invitation_that_is_over_says_so(browser, mallory, link):
    browser(mallory).post(link)

    for url, text in [(link, "has already been used"), ("/invite/unknown", "This invitation does not exist")]:
        response = browser().get(url)
        assert response.status_code == 404
        assert text in response.content.decode()

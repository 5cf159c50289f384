"""A team's page: members, roles, invitations."""

import re

import pytest

from accounts import invitation_emails, invitations
from accounts.actor import Actor
from accounts.models import Invitation, Role, Team
from tests.conftest import HTMX

FORMS = (
    "/teams/acme/edit",
    "/teams/acme/delete",
    "/teams/acme/invite",
    "/teams/acme/members/add",
    "/teams/acme/members/bob/role",
    "/teams/acme/members/bob/remove",
)


def test_members_see_who_is_in_it(browser, acme, vera, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(8):
        page = client.get("/teams/acme").content.decode()

    assert all(name in page for name in ("alice", "bob", "vera"))
    assert "/teams/acme/invite" not in page
    assert "/teams/acme/members/vera/remove" in page
    assert "/teams/acme/members/bob/remove" not in page
    # The beginning of the URLs of its projects leads here.
    assert client.get("/acme")["Location"] == "/teams/acme"


def test_strangers_see_nothing(browser, acme, mallory):
    client = browser(mallory)
    assert client.get("/teams/acme").status_code == client.get("/acme").status_code == 404
    for url in FORMS:
        assert client.get(url).status_code == client.post(url).status_code == 404


@pytest.mark.parametrize("url", FORMS)
def test_only_admins_get_the_forms(browser, acme, alice, vera, url):
    assert browser(alice).get(url).status_code == 200
    assert browser(vera).get(url).status_code == 403
    assert browser(vera).post(url, {"username": "mallory", "role": "admin", "name": "x"}).status_code == 403


def test_a_new_team_has_its_maker_as_admin(browser, mallory):
    response = browser(mallory).post("/teams/new", {"name": "pirates", "display_name": "The <b>Pirates</b>"})

    assert response["Location"] == "/teams/pirates"
    page = browser(mallory).get("/teams/pirates").content.decode()
    assert "The &lt;b&gt;Pirates&lt;/b&gt;" in page
    assert "/teams/pirates/invite" in page


def test_a_taken_name_is_refused(browser, acme, mallory):
    response = browser(mallory).post("/teams/new", {"name": "ACME"}, headers=HTMX)

    assert response.status_code == 409
    assert "taken" in response["X-Refusal"]


def test_an_admin_invites_a_user_who_accepts(browser, acme, alice, mallory):
    sent = {"username": "mallory", "role": "viewer"}
    response = browser(alice).post("/teams/acme/members/add?back=/acme/demo/members", sent, headers=HTMX)

    assert (response.status_code, response["HX-Redirect"]) == (204, "/acme/demo/members")
    assert not acme.memberships.filter(user=mallory).exists()
    client = browser(mallory)
    inbox = client.get("/inbox").content.decode()
    assert ">alice</a> invites you to team acme as" in inbox and 'aria-label="Inbox, 1 unread"' in inbox
    # Who it is has a page, as long as the invitation is open.
    assert 'href="/users/alice"' in inbox and client.get("/users/alice").status_code == 200
    accept = re.search(r'action="(/invites/[\w-]+/accept)"', inbox)[1]
    assert client.post(accept)["Location"] == "/teams/acme"
    assert acme.memberships.get(user=mallory).role == Role.VIEWER
    assert "invites you" not in client.get("/inbox").content.decode()
    assert client.post(accept).status_code == 404


def test_a_user_declines(browser, acme, alice, mallory):
    invitations.invite_user(Actor(alice), acme, "mallory", Role.ADMIN)
    client = browser(mallory)
    decline = re.search(r'action="(/invites/[\w-]+/decline)"', client.get("/inbox").content.decode())[1]

    assert browser(alice).post(decline).status_code == 404
    assert client.post(decline)["Location"] == "/inbox"
    assert client.get("/users/alice").status_code == 404
    assert not Invitation.objects.pending_for(mallory).exists() and not acme.memberships.filter(user=mallory).exists()
    assert client.post(decline).status_code == 404
    assert "invites you" not in client.get("/inbox").content.decode()


@pytest.mark.parametrize("declines", [False, True])
def test_inviting_does_not_reveal_who_exists(browser, acme, alice, mallory, declines):
    client = browser(alice)
    pages = []
    for name in ("mallory", "mallorx"):
        client.post("/teams/acme/members/add", {"username": name, "role": "viewer"})
        if declines and name == mallory.username:
            invitations.decline(Actor(mallory), Invitation.objects.get())
        page = client.get("/teams/acme").content.decode()
        changing = r"[0-9a-f]{8}-[0-9a-f-]{27}|X-CSRFToken\S+ \S+|value=\S+|datetime=\S+|title=\S+ \S+"
        pages.append(re.sub(changing, "", page).replace(name, "…"))
        Invitation.objects.all().delete()

    assert "Invitation for … created." in pages[0]
    assert pages[0] == pages[1]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
def test_the_way_back_stays_here(browser, acme, alice, mallory, back):
    sent = {"username": "mallory", "role": "viewer"}
    response = browser(alice).post(f"/teams/acme/members/add?back={back}", sent)

    assert response["Location"] == "/teams/acme"


def test_an_admin_changes_a_role(browser, acme, alice, bob):
    browser(alice).post("/teams/acme/members/bob/role", {"role": "viewer"})

    assert acme.memberships.get(user=bob).role == Role.VIEWER


def test_the_last_admin_stays(browser, acme, alice):
    client = browser(alice)

    response = client.post("/teams/acme/members/alice/remove", headers=HTMX)
    assert response.status_code == 409
    client.post(
        "/teams/acme/members/alice/role", {"role": "viewer"}, headers={"Referer": "http://testserver/teams/acme"}
    )
    assert "last admin" in client.get("/teams/acme").content.decode()
    assert acme.memberships.get(user=alice).role == Role.ADMIN


def test_anybody_leaves(browser, acme, vera):
    client = browser(vera)
    assert "Leave team acme?" in client.get("/teams/acme/members/vera/remove").content.decode()

    assert client.post("/teams/acme/members/vera/remove")["Location"] == "/"
    assert not acme.memberships.filter(user=vera).exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_invitation_is_displayed_once_and_works(browser, acme, alice, mallory, headers):
    client = browser(alice)
    response = client.post("/teams/acme/invite", {"role": "editor", "email": "m@example.org"}, headers=headers)

    link = re.search(r"http://testserver(/invite/[\w-]+)", response.content.decode())[1]
    assert "no-store" in response["Cache-Control"]
    page = client.get("/teams/acme").content.decode()
    assert "m@example.org" in page and link not in page
    browser(mallory).post(link)
    assert acme.memberships.get(user=mallory).role == Role.EDITOR


def test_an_invitation_is_taken_back(browser, acme, alice, bob):
    invitation, _ = invitations.create(Actor(alice), acme, Role.VIEWER)
    url = f"/teams/acme/invitations/{invitation.pk}/revoke"

    assert browser(bob).post(url).status_code == 403
    assert browser(alice).post(url)["Location"] == "/teams/acme"
    assert not Invitation.objects.exists()


def test_editors_do_not_see_invitations(browser, acme, alice, bob):
    invitations.create(Actor(alice), acme, Role.VIEWER, "secret@example.org")

    assert "secret@example.org" not in browser(bob).get("/teams/acme").content.decode()


def test_a_team_without_projects_goes(browser, acme, alice, project):
    client = browser(alice)
    assert client.post("/teams/acme/delete", headers=HTMX).status_code == 409

    project.delete()
    client.post("/teams/acme/delete")
    assert not Team.objects.filter(name="acme").exists()


def test_my_teams_are_listed(browser, alice, acme, project, mallory, django_assert_max_num_queries):
    client = browser(alice)
    with django_assert_max_num_queries(6):
        page = client.get("/teams").content.decode()

    assert page.index(">alice</a>") < page.index(">acme</a>") and "mallory" not in page
    assert "/teams/new" in page and 'href="/?team=acme"' in page
    assert "<html" not in client.get("/teams", headers=HTMX).content.decode()
    assert 'href="/teams"' in client.get("/").content.decode()


def test_an_invitation_goes_by_mail_where_there_is_a_server(browser, alice, acme, mailoutbox):
    fields = {"email": "carol@example.org", "role": "editor"}
    page = browser(alice).post("/teams/acme/invite", fields).content.decode()

    [link] = re.findall(r"http[^<]+/invite/[^<]+", page)
    (mail,) = mailoutbox
    assert mail.to == ["carol@example.org"] and link in mail.body
    assert mail.subject == "alice invited you to team acme in wanLLMDB" and "in wanLLMDB as an editor." in mail.body
    assert "alice invited you as an editor." in browser().get(link).content.decode()
    assert "We sent this link to carol@example.org" in page


@pytest.mark.parametrize("why", ["no server", "away", "too many", "no address"])
def test_without_a_mail_the_link_is_to_be_shared(browser, alice, acme, mailoutbox, settings, monkeypatch, why):
    if why == "no server":
        settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    elif why == "away":
        settings.EMAIL_BACKEND = "tests.notifications.test_digests.Down"
    elif why == "too many":
        monkeypatch.setattr(invitation_emails, "A_DAY", 0)
    fields = {"email": "" if why == "no address" else "carol@example.org", "role": "editor"}
    page = browser(alice).post("/teams/acme/invite", fields).content.decode()

    assert mailoutbox == [] and Invitation.objects.count() == 1
    assert "/invite/" in page and "hare this link" in page and "We sent" not in page
    assert ("could not be sent" in page) == (why in ("away", "too many"))

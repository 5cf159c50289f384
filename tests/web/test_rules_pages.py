"""Rules that protect aliases, on the pages of a team, a project and an artifact."""

import json

import pytest

from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import protection
from artifacts.models import AliasRule
from projects.models import Project, Visibility
from tests.web.alias_pages import ARTIFACT_URL, PAGE, htmx_headers

PROJECT = "/acme/demo/rules"
TEAM = "/teams/acme/rules"
NEW = {"pattern": "prod-*", "role": "admin", "needs_approval": "on"}


@pytest.fixture
def everywhere(alice, acme, project, artifact) -> list[AliasRule]:
    """A rule of the team, one of the project and one of the artifact."""
    return [
        protection.create(Actor(alice), acme, "production"),
        protection.create(Actor(alice), project, "prod-*", role=Role.EDITOR, needs_approval=True),
        protection.create(Actor(alice), artifact, "stable"),
    ]


def test_members_read_the_rules_and_admins_are_offered_to_write_them(
    browser, alice, bob, vera, everywhere, django_assert_max_num_queries
):
    for user in (alice, bob, vera):
        client = browser(user)
        for page, patterns in [
            (PROJECT, {"production", "prod-*", "stable"}),
            (TEAM, {"production"}),
            (PAGE, {"production", "prod-*", "stable"}),
        ]:
            with django_assert_max_num_queries(12):
                text = client.get(page).content.decode()
            assert {
                rule.pattern for rule in everywhere if f'<span class="clip">{rule.pattern}</span>' in text
            } == patterns
            offers = ["rules/new" in text, *(f"rules/{rule.pk}/edit" in text for rule in everywhere)]
            assert any(offers) == (user == alice), (user, page)


def test_no_rules_yet(browser, alice, vera, artifact):
    assert "No rules yet" in browser(vera).get(PROJECT).content.decode()
    assert "No rules apply to the whole team" in browser(vera).get(TEAM).content.decode()
    assert "Every editor of the team can move every alias." in browser(alice).get(PAGE).content.decode()
    assert "rules-title" not in browser(vera).get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("url", "back", "column"),
    [(TEAM, "/teams/acme", "team"), (PROJECT, PROJECT, "project"), (f"{ARTIFACT_URL}/rules", PAGE, "artifact")],
)
def test_an_admin_makes_changes_and_deletes_a_rule(browser, alice, artifact, url, back, column):
    client = browser(alice)
    assert "Protect aliases" in client.get(f"{url}/new").content.decode()
    assert client.post(f"{url}/new", NEW)["Location"] == back
    rule = AliasRule.objects.get()
    assert (rule.pattern, rule.role, rule.needs_approval) == ("prod-*", "admin", True)
    assert getattr(rule, f"{column}_id")

    form = client.get(f"{TEAM}/{rule.pk}/edit").content.decode()
    assert 'value="prod-*"' in form and "checked" in form
    assert client.post(f"{TEAM}/{rule.pk}/edit", {"pattern": "v?.*", "role": "editor"})["Location"] == back
    rule.refresh_from_db()
    assert (rule.pattern, rule.role, rule.needs_approval) == ("v?.*", "editor", False)

    assert "Delete rule v?.* in" in client.get(f"{TEAM}/{rule.pk}/delete").content.decode()
    response = client.post(f"{TEAM}/{rule.pk}/delete", follow=True)
    assert "deleted." in response.content.decode() and not AliasRule.objects.exists()


def test_with_htmx_the_page_stays_and_hears_of_it(browser, alice, artifact):
    client = browser(alice)

    response = client.post(f"{PROJECT}/new", NEW, headers=htmx_headers(PROJECT))

    assert response.status_code == 204
    events = json.loads(response["HX-Trigger"])
    assert events["changed"] and events["close-modal"]
    assert events["toast"]["text"] == "prod-* is protected in project acme/demo."
    assert 'hx-trigger="changed from:body"' in client.get(PROJECT).content.decode()
    again = client.post(f"{PROJECT}/new", NEW, headers=htmx_headers(PROJECT))
    assert again.status_code == 422 and "There is already a rule for" in again.content.decode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pattern": ""}, "required"),
        ({"pattern": "no spaces"}, "is not a pattern of aliases"),
        ({"pattern": "<b>"}, "&lt;b&gt;"),
        ({"role": "viewer"}, "not one of the available choices"),
    ],
)
def test_invalid_values_are_explained_in_the_form(browser, alice, artifact, fields, message):
    response = browser(alice).post(f"{PROJECT}/new", NEW | fields)

    assert response.status_code == 422 and message in response.content.decode()
    assert not AliasRule.objects.exists()


def test_a_rule_is_changed_by_admins_of_its_team_alone(browser, alice, bob, vera, mallory, everywhere):
    for rule in everywhere:
        for url in (f"{TEAM}/{rule.pk}/edit", f"{TEAM}/{rule.pk}/delete"):
            for user, status in ((bob, 403), (vera, 403), (mallory, 404)):
                assert browser(user).get(url).status_code == browser(user).post(url, NEW).status_code == status
    hers = f"/teams/{mallory.personal_team.name}/rules/{everywhere[0].pk}/edit"
    assert browser(mallory).post(hers, NEW).status_code == 404
    alices = f"/teams/{alice.personal_team.name}/rules/{everywhere[0].pk}/edit"
    assert browser(alice).get(alices).status_code == 404
    assert AliasRule.objects.count() == 3


def test_who_looks_at_an_internal_project_does_not_see_the_rules_of_its_team(browser, mallory, everywhere):
    Project.objects.update(visibility=Visibility.INTERNAL)

    page = browser(mallory).get(PROJECT).content.decode()

    assert "prod-*" in page and "stable" in page and "all of team" not in page
    assert browser(mallory).get(TEAM).status_code == 404
    assert browser(mallory).post(f"{TEAM}/{everywhere[1].pk}/edit", NEW).status_code == 403


def test_the_team_page_shows_its_rules(browser, vera, everywhere):
    page = browser(vera).get("/teams/acme").content.decode()

    assert f'hx-get="{TEAM}" hx-trigger="load"' in page and f'<a href="{TEAM}">' in page
    part_of = browser(vera).get(TEAM, headers=htmx_headers("/teams/acme")).content.decode()
    assert "<html" not in part_of and "production" in part_of


def test_leading_back_stays_on_our_own_pages(browser, alice, everywhere):
    rule = everywhere[0]
    for named, expected in ((PROJECT, PROJECT), ("https://evil.example", "/teams/acme"), ("//evil", "/teams/acme")):
        response = browser(alice).post(f"{TEAM}/{rule.pk}/edit?back={named}", NEW | {"pattern": "x"})
        assert response["Location"] == expected

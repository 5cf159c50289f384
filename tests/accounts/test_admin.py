"""Django admin: pages open, and what they change goes through the verbs."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from accounts import keys, permissions, users
from accounts.actor import Actor
from accounts.models import ApiKey, Role, Team, User
from projects import runs
from projects.models import Project, State


@pytest.fixture
def desk(db) -> Client:
    operator = users.create("operator", "a good long password", is_superuser=True)
    client = Client()
    client.force_login(operator)
    return client


def said(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", [User, Team, ApiKey, Project, "membership", "run"])
def test_every_list_and_page_opens(desk, project, bob, model, django_assert_max_num_queries):
    runs.start(Actor(bob), project)
    keys.create(Actor(bob), "laptop")
    name = model if isinstance(model, str) else model._meta.model_name
    found = next(each for each in admin.site._registry if each._meta.model_name == name)
    base = f"/admin/{found._meta.app_label}/{name}/"

    with django_assert_max_num_queries(12):
        assert desk.get(f"{base}?q=a").status_code == 200
    page = desk.get(f"{base}{found.objects.order_by('pk').last().pk}/change/")
    assert page.status_code == 200
    assert keys.ApiKey.objects.get().digest not in page.content.decode()


def test_groups_are_not_a_second_way(desk):
    assert Group not in admin.site._registry


def test_a_user_made_here_has_a_personal_team(desk):
    form = {
        "username": "nina",
        "email": "n@example.org",
        "password1": "correct horse 9",
        "password2": "correct horse 9",
    }
    assert desk.post("/admin/accounts/user/add/", form).status_code == 302

    nina = User.objects.get(username="nina")
    assert nina.check_password("correct horse 9")
    assert nina.personal_team.name == "nina"
    nina_page = f"/admin/accounts/user/{nina.pk}/change/"
    desk.post(nina_page, {"email": "new@example.org", "is_active": "on", "is_staff": "on"})
    nina.refresh_from_db()
    assert (nina.email, nina.is_staff, nina.username) == ("new@example.org", True, "nina")


@pytest.mark.parametrize("name", ["acme", "ACME", "Bob", "admin", "two words"])
def test_a_user_name_that_cannot_be_is_told_on_the_form(desk, acme, name):
    form = {"username": name, "email": "", "password1": "correct horse 9", "password2": "correct horse 9"}
    page = desk.post("/admin/accounts/user/add/", form)

    assert page.status_code == 200
    assert "username" in page.context["adminform"].form.errors or page.context["adminform"].form.non_field_errors()


def test_users_are_never_deleted(desk, bob):
    assert desk.post(f"/admin/accounts/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 403


def members_form(team: Team, *rows: dict[str, str]) -> dict[str, str]:
    initial = sum("id" in row for row in rows)
    form = {"name": team.name, "display_name": "Operated", "_continue": "1"}
    form |= {"memberships-TOTAL_FORMS": str(len(rows)), "memberships-INITIAL_FORMS": str(initial)}
    for index, row in enumerate(rows):
        form |= {f"memberships-{index}-team": str(team.pk)}
        form |= {f"memberships-{index}-{name}": value for name, value in row.items()}
    return form


def row_of(team: Team, user: User, role: str, **more: str) -> dict[str, str]:
    return {"id": str(team.memberships.get(user=user).pk), "user": str(user.pk), "role": role} | more


def test_the_operator_manages_members(desk, acme, alice, bob, vera, mallory):
    form = members_form(
        acme,
        row_of(acme, alice, "editor"),
        row_of(acme, bob, "editor"),
        row_of(acme, vera, "viewer", DELETE="on"),
        {"user": str(mallory.pk), "role": "admin"},
    )
    page = desk.post(f"/admin/accounts/team/{acme.pk}/change/", form, follow=True)

    assert page.status_code == 200
    acme.refresh_from_db()
    assert acme.display_name == "Operated"
    roles = {user: permissions.role_in(user, acme) for user in (alice, bob, vera, mallory)}
    assert roles == {alice: Role.EDITOR, bob: Role.EDITOR, vera: None, mallory: Role.ADMIN}


def test_a_member_does_not_become_another_person(desk, acme, bob, mallory):
    form = members_form(acme, row_of(acme, bob, "viewer") | {"user": str(mallory.pk)})
    desk.post(f"/admin/accounts/team/{acme.pk}/change/", form, follow=True)

    assert permissions.role_in(bob, acme) is Role.VIEWER
    assert permissions.role_in(mallory, acme) is None


def test_the_last_admin_stays_also_here(desk, acme, alice):
    form = members_form(acme, row_of(acme, alice, "viewer"))
    page = desk.post(f"/admin/accounts/team/{acme.pk}/change/", form, follow=True)

    assert said(page) == ["'alice' is the last admin of team 'acme': make somebody else an admin first."]
    assert permissions.role_in(alice, acme) is Role.ADMIN
    acme.refresh_from_db()
    assert acme.display_name == ""


def test_a_team_made_here_has_the_operator_as_admin(desk):
    desk.post("/admin/accounts/team/add/", {"name": "pirates", "display_name": ""})
    team = Team.objects.get(name="pirates")
    assert permissions.role_in(team.created_by, team) is Role.ADMIN
    assert desk.post("/admin/accounts/team/add/", {"name": "Pirates", "display_name": ""}).status_code == 200


def test_a_personal_team_is_not_deleted(desk, alice):
    team = alice.personal_team
    page = desk.post(f"/admin/accounts/team/{team.pk}/delete/", {"post": "yes"}, follow=True)
    assert said(page) == ["A personal team cannot be deleted while its user exists."]
    assert Team.objects.filter(pk=team.pk).exists()


def test_keys_are_revoked(desk, alice):
    key, _ = keys.create(Actor(alice), "laptop")
    page = desk.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [str(key.pk)]}, follow=True)
    assert said(page) == ["Revoked 1 key."]
    assert not alice.api_keys.exists()


def test_projects_are_changed_and_deleted_by_the_verbs(desk, project):
    page = f"/admin/projects/project/{project.pk}"
    desk.post(f"{page}/change/", {"name": "demo2", "description": "", "visibility": "internal"})
    project.refresh_from_db()
    assert (project.name, project.visibility) == ("demo2", "internal")

    assert "with all that is in them" in desk.get(f"{page}/delete/").content.decode()
    desk.post(f"{page}/delete/", {"post": "yes"})
    assert not Project.objects.exists()


def test_runs_are_killed(desk, project, bob):
    running, ended = runs.start(Actor(bob), project), runs.start(Actor(bob), project)
    runs.finish(Actor(bob), ended, State.FINISHED)
    form = {"action": "kill", "_selected_action": [str(running.pk), str(ended.pk)]}
    page = desk.post("/admin/projects/run/", form, follow=True)

    running.refresh_from_db()
    assert running.state == State.KILLED
    assert said(page) == [f"Run '{ended.name}' has already ended: it is finished."]


def test_the_desk_is_for_staff(acme, alice):
    client = Client()
    client.force_login(alice)
    assert client.get("/admin/accounts/team/").status_code == 302

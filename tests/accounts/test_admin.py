"""Django admin: pages open, and what they change goes through the verbs."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client

from accounts import keys, permissions, users
from accounts.actor import Actor
from accounts.models import ApiKey, Invitation, Role, Team, User
from projects import runs
from projects.models import Project, State


@pytest.fixture
def admin_client(db) -> Client:
    superuser = users.create("olga", "a good long password", is_superuser=True)
    client = Client()
    client.force_login(superuser)
    return client


def params(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", [User, Team, ApiKey, Project, "membership", "run"])
def test_every_list_and_page_opens(admin_client, project, bob, model, django_assert_max_num_queries):
    runs.start(Actor(bob), project)
    keys.create(Actor(bob), "laptop")
    name = model if isinstance(model, str) else model._meta.model_name
    result = next(item for item in admin.site._registry if item._meta.model_name == name)
    base = f"/admin/{result._meta.app_label}/{name}/"

    with django_assert_max_num_queries(12):
        assert admin_client.get(f"{base}?q=a").status_code == 200
    page = admin_client.get(f"{base}{result.objects.order_by('pk').last().pk}/change/")
    assert page.status_code == 200
    assert keys.ApiKey.objects.get().digest not in page.content.decode()


def test_groups_are_not_a_second_way(admin_client):
    assert Group not in admin.site._registry


def test_a_user_made_here_has_a_personal_team(admin_client):
    form = {
        "username": "nina",
        "email": "n@example.org",
        "password1": "correct horse 9",
        "password2": "correct horse 9",
    }
    assert admin_client.post("/admin/accounts/user/add/", form).status_code == 302

    nina = User.objects.get(username="nina")
    assert nina.check_password("correct horse 9")
    assert nina.personal_team.name == "nina"
    nina_page = f"/admin/accounts/user/{nina.pk}/change/"
    admin_client.post(nina_page, {"email": "new@example.org", "is_active": "on", "is_staff": "on"})
    nina.refresh_from_db()
    assert (nina.email, nina.is_staff, nina.username) == ("new@example.org", True, "nina")


@pytest.mark.parametrize("name", ["acme", "ACME", "Bob", "admin", "two words"])
def test_an_impossible_user_name_is_refused_on_the_form(admin_client, acme, name):
    form = {"username": name, "email": "", "password1": "correct horse 9", "password2": "correct horse 9"}
    page = admin_client.post("/admin/accounts/user/add/", form)

    assert page.status_code == 200
    assert "username" in page.context["adminform"].form.errors or page.context["adminform"].form.non_field_errors()


def test_users_are_never_deleted(admin_client, bob):
    assert admin_client.post(f"/admin/accounts/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 403


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


def test_a_superuser_manages_members(admin_client, acme, alice, bob, vera, mallory):
    form = members_form(
        acme,
        row_of(acme, alice, "editor"),
        row_of(acme, bob, "admin"),
        row_of(acme, vera, "viewer", DELETE="on"),
        {"user": str(mallory.pk), "role": "editor"},
    )
    page = admin_client.post(f"/admin/accounts/team/{acme.pk}/change/", form, follow=True)

    assert page.status_code == 200
    acme.refresh_from_db()
    assert acme.display_name == "Operated"
    roles = {user: permissions.role_in(user, acme) for user in (alice, bob, vera, mallory)}
    assert roles == {alice: Role.EDITOR, bob: Role.ADMIN, vera: None, mallory: None}
    # Nobody becomes a member without being asked.
    [invitation] = Invitation.objects.pending_for(mallory)
    assert (invitation.team, invitation.role) == (acme, Role.EDITOR)


def test_a_member_does_not_become_another_person(admin_client, acme, bob, mallory):
    form = members_form(acme, row_of(acme, bob, "viewer") | {"user": str(mallory.pk)})
    admin_client.post(f"/admin/accounts/team/{acme.pk}/change/", form, follow=True)

    assert permissions.role_in(bob, acme) is Role.VIEWER
    assert permissions.role_in(mallory, acme) is None


def test_the_last_admin_stays_also_here(admin_client, acme, alice):
    form = members_form(acme, row_of(acme, alice, "viewer"))
    page = admin_client.post(f"/admin/accounts/team/{acme.pk}/change/", form, follow=True)

    assert params(page) == ["'alice' is the last admin of team 'acme': make someone else an admin first."]
    assert permissions.role_in(alice, acme) is Role.ADMIN
    acme.refresh_from_db()
    assert acme.display_name == ""


def test_a_team_made_here_has_its_maker_as_admin(admin_client):
    admin_client.post("/admin/accounts/team/add/", {"name": "pirates", "display_name": ""})
    team = Team.objects.get(name="pirates")
    assert permissions.role_in(team.created_by, team) is Role.ADMIN
    assert admin_client.post("/admin/accounts/team/add/", {"name": "Pirates", "display_name": ""}).status_code == 200


def test_a_personal_team_is_not_deleted(admin_client, alice):
    team = alice.personal_team
    page = admin_client.post(f"/admin/accounts/team/{team.pk}/delete/", {"post": "yes"}, follow=True)
    assert params(page) == ["A personal team cannot be deleted while its user exists."]
    assert Team.objects.filter(pk=team.pk).exists()


def test_keys_are_revoked(admin_client, alice):
    key, _ = keys.create(Actor(alice), "laptop")
    page = admin_client.post(
        "/admin/accounts/apikey/", {"action": "revoke", "_selected_action": [str(key.pk)]}, follow=True
    )
    assert params(page) == ["Revoked 1 key."]
    assert not alice.api_keys.exists()


def test_projects_are_changed_and_deleted_by_the_verbs(admin_client, project):
    page = f"/admin/projects/project/{project.pk}"
    admin_client.post(f"{page}/change/", {"name": "demo2", "description": "", "visibility": "internal"})
    project.refresh_from_db()
    assert (project.name, project.visibility) == ("demo2", "internal")

    assert "with all that is in them" in admin_client.get(f"{page}/delete/").content.decode()
    admin_client.post(f"{page}/delete/", {"post": "yes"})
    assert not Project.objects.exists()


def test_runs_are_killed(admin_client, project, bob):
    running, ended = runs.start(Actor(bob), project), runs.start(Actor(bob), project)
    runs.finish(Actor(bob), ended, State.FINISHED)
    form = {"action": "kill", "_selected_action": [str(running.pk), str(ended.pk)]}
    page = admin_client.post("/admin/projects/run/", form, follow=True)

    running.refresh_from_db()
    assert running.state == State.KILLED
    assert params(page) == [f"Run '{ended.name}' has already ended: it is finished."]


def test_django_admin_is_for_staff(acme, alice):
    client = Client()
    client.force_login(alice)
    assert client.get("/admin/accounts/team/").status_code == 302

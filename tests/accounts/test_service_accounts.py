"""Service accounts: users for programs, which belong to one team."""

import pytest
from django.contrib.auth import authenticate

from accounts import errors, invitations, keys, permissions, service_accounts, teams
from accounts.actor import Actor
from accounts.models import ApiKey, Invitation, Role, Scope, Team, User
from projects import projects


@pytest.fixture
def robot(alice, acme) -> User:
    return service_accounts.create(Actor(alice), acme, "robot", description="Trains at night").user


def test_it_logs_into_its_team_and_nowhere_else(alice, acme, robot, api):
    key, value = keys.create(Actor(alice), "cluster", account=robot)
    assert keys.find_active(value).user == robot
    assert (key.scope, permissions.role_in(robot, acme)) == (Scope.WRITE, Role.EDITOR)
    assert projects.get_or_create(Actor(robot), "prices").full_name == "acme/prices"
    assert not Team.objects.by_name("robot").exists()

    with pytest.raises(errors.Denied, match="belongs to one team"):
        teams.create(Actor(robot), "own")
    with pytest.raises(errors.Denied, match="joins no other"):
        other = teams.create(Actor(alice), "other")
        invitations.accept(Actor(robot), invitations.create(Actor(alice), other, Role.EDITOR)[1])
    assert invitations.invite_user(Actor(alice), other, "robot", Role.EDITOR).invitee is None
    for act in (lambda: keys.create(Actor(robot), "more"), lambda: keys.revoke(Actor(robot), key)):
        with pytest.raises(errors.Denied, match="You need the Admin role in acme"):
            act()


def test_it_cannot_sign_in_even_with_a_password(robot):
    robot.set_password("a good long password")
    robot.save()
    assert authenticate(None, username="robot", password="a good long password") is None


def test_only_admins_of_its_team_control_it(alice, bob, mallory, acme, robot):
    key, _ = keys.create(Actor(alice), "cluster", Scope.READ, account=robot)
    for actor in (Actor(bob), Actor(mallory)):
        for act in (
            lambda who: service_accounts.create(who, acme, "second"),
            lambda who: keys.create(who, "theirs", account=robot),
            lambda who: keys.revoke(who, key),
            lambda who: teams.remove_member(who, acme.memberships.get(user=robot)),
        ):
            with pytest.raises(errors.Denied):
                act(actor)
    keys.revoke(Actor(alice), key)
    assert not robot.api_keys.exists()


def test_odd_accounts_are_refused(alice, acme, robot, monkeypatch):
    alice_actor = Actor(alice)
    with pytest.raises(errors.NameTaken):
        service_accounts.create(alice_actor, acme, "Robot")
    with pytest.raises(errors.Invalid):
        service_accounts.create(alice_actor, acme, "no spaces")
    with pytest.raises(errors.PersonalTeam):
        service_accounts.create(alice_actor, alice.personal_team, "mine")
    with pytest.raises(errors.Invalid, match="never an admin"):
        service_accounts.create(alice_actor, acme, "chief", Role.ADMIN)
    with pytest.raises(errors.Invalid, match="never an admin"):
        teams.change_role(alice_actor, acme.memberships.get(user=robot), Role.ADMIN)
    monkeypatch.setattr(service_accounts, "MOST", 1)
    with pytest.raises(errors.TooManyMembers, match="which is the limit"):
        service_accounts.create(alice_actor, acme, "second")


@pytest.mark.parametrize("is_whole_team", [False, True])
def test_it_ends_with_its_membership(alice, acme, robot, is_whole_team):
    _, value = keys.create(Actor(alice), "cluster", account=robot)
    if is_whole_team:
        teams.delete(Actor(alice), acme)
    else:
        teams.remove_member(Actor(alice), acme.memberships.get(user=robot))
    robot.refresh_from_db()
    assert keys.find_active(value) is None and not robot.is_active
    assert not ApiKey.objects.filter(user=robot).exists() and not Invitation.objects.exists()


def test_admins_manage_it_by_the_api(alice, acme, api):
    client, accounts = api(alice), "/api/v1/teams/acme/service-accounts"
    made = client.post(accounts, {"username": "robot", "role": "viewer", "description": "CI"})
    assert (made.status_code, made.json()["is_service_account"], made.json()["role"]) == (201, True, "viewer")
    key = client.post(f"{accounts}/robot/keys", {"name": "ci"}).json()
    assert [one["id"] for one in client.get(f"{accounts}/robot/keys").json()["items"]] == [key["id"]]
    assert keys.find_active(key["value"]).user.username == "robot"
    assert client.get(f"{accounts}/bob/keys").status_code == 404
    assert client.delete(f"{accounts}/robot/keys/{key['id']}").status_code == 204
    assert client.delete("/api/v1/teams/acme/members/robot").status_code == 204
    assert client.get(f"{accounts}/robot/keys").status_code == 404


def test_admins_manage_it_on_the_page_of_the_team(alice, bob, acme, browser):
    client = browser(alice)
    account = client.post("/teams/acme/service-accounts/add", {"username": "robot", "role": "editor"})
    assert account["Location"] == "/teams/acme/service-accounts/robot/keys"
    assert "/teams/acme/service-accounts/robot/keys" in client.get("/teams/acme").content.decode()
    made = client.post(f"{account['Location']}/new", {"name": "ci", "scope": "write", "days": ""}).content.decode()
    assert "wllm-" in made and account["Location"] in made
    key = ApiKey.objects.get(user__username="robot")
    assert "ci" in client.get(account["Location"]).content.decode()
    client.post(f"{account['Location']}/{key.pk}/revoke")
    assert not ApiKey.objects.filter(pk=key.pk).exists()
    assert "/teams/acme/service-accounts/robot/keys" not in browser(bob).get("/teams/acme").content.decode()

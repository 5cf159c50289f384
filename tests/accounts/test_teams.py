"""Teams, their members, and the last admin."""

import pytest

from accounts import errors, invitations, permissions, teams
from accounts.actor import Actor
from accounts.models import Membership, Role, Team


def member(team, user) -> Membership:
    return team.memberships.get(user=user)


def test_who_makes_a_team_is_its_admin(mallory):
    team = teams.create(Actor(mallory), "pirates", "The Pirates")

    assert permissions.role_in(mallory, team) is Role.ADMIN
    assert team.display_name == "The Pirates"


def test_names_are_taken_in_any_case(acme, alice, mallory):
    with pytest.raises(errors.NameTaken):
        teams.create(Actor(mallory), "ACME")
    with pytest.raises(errors.NameTaken):
        teams.create(Actor(mallory), "Alice")
    other = teams.create(Actor(mallory), "pirates")
    with pytest.raises(errors.NameTaken):
        teams.update(Actor(mallory), other, name="acme")


def test_roles_are_ordered():
    assert Role.ADMIN.covers(Role.EDITOR) and Role.EDITOR.covers(Role.VIEWER) and Role.VIEWER.covers(Role.VIEWER)
    assert not Role.VIEWER.covers(Role.EDITOR) and not Role.EDITOR.covers(Role.ADMIN)


def test_the_refusal_says_who_you_are_and_what_it_needs(acme, vera, mallory):
    with pytest.raises(errors.Denied, match=r"^You need the Editor role in acme to do this\.$"):
        permissions.require(Actor(vera), acme, Role.EDITOR)
    with pytest.raises(errors.Denied, match=r"^You are not a member of acme: you need the Viewer role to do this\.$"):
        permissions.require(Actor(mallory), acme, Role.VIEWER)


def test_an_admin_renames_the_team(acme, alice, bob):
    teams.update(Actor(alice), acme, name="acme-labs", display_name="Acme Labs")
    acme.refresh_from_db()
    assert (acme.name, acme.display_name) == ("acme-labs", "Acme Labs")

    with pytest.raises(errors.Denied):
        teams.update(Actor(bob), acme, display_name="Bob's")


def test_a_personal_team_keeps_its_name_and_its_user(alice, bob):
    team = alice.personal_team
    team.memberships.create(user=bob, role=Role.ADMIN)

    with pytest.raises(errors.PersonalTeam):
        teams.update(Actor(alice), team, name="elsewhere")
    with pytest.raises(errors.PersonalTeam):
        teams.delete(Actor(alice), team)
    with pytest.raises(errors.PersonalTeam):
        teams.remove_member(Actor(bob), member(team, alice))
    with pytest.raises(errors.PersonalTeam):
        teams.change_role(Actor(bob), member(team, alice), Role.VIEWER)
    assert teams.update(Actor(alice), team, display_name="Alice's own").display_name == "Alice's own"


def test_a_role_change_counts_at_once(acme, alice, bob):
    teams.change_role(Actor(alice), member(acme, bob), Role.VIEWER)

    with pytest.raises(errors.Denied):
        permissions.require(Actor(bob), acme, Role.EDITOR)


def test_the_last_admin_neither_leaves_nor_steps_down(acme, alice, bob):
    with pytest.raises(errors.LastAdmin):
        teams.remove_member(Actor(alice), member(acme, alice))
    with pytest.raises(errors.LastAdmin):
        teams.change_role(Actor(alice), member(acme, alice), Role.EDITOR)

    teams.change_role(Actor(alice), member(acme, bob), Role.ADMIN)
    teams.remove_member(Actor(alice), member(acme, alice))
    with pytest.raises(errors.LastAdmin):
        teams.remove_member(Actor(bob), member(acme, bob))


def test_only_admins_manage_members_but_anybody_may_leave(acme, bob, vera, mallory):
    with pytest.raises(errors.Denied):
        invitations.invite_user(Actor(bob), acme, "mallory", Role.VIEWER)
    with pytest.raises(errors.Denied):
        teams.change_role(Actor(bob), member(acme, vera), Role.ADMIN)
    with pytest.raises(errors.Denied):
        teams.remove_member(Actor(bob), member(acme, vera))

    teams.remove_member(Actor(vera), member(acme, vera))
    assert permissions.role_in(vera, acme) is None


def test_a_member_is_taken_in_once(acme, alice, bob):
    with pytest.raises(errors.AlreadyMember):
        invitations.invite_user(Actor(alice), acme, "bob", Role.ADMIN)
    assert permissions.role_in(bob, acme) is Role.EDITOR


def test_a_member_who_left_in_the_meantime_is_missing(acme, alice, vera):
    leaving = member(acme, vera)
    teams.remove_member(Actor(vera), member(acme, vera))

    with pytest.raises(errors.Missing):
        teams.change_role(Actor(alice), leaving, Role.EDITOR)


def test_a_team_with_projects_stays(acme, project, alice, bob):
    with pytest.raises(errors.TeamNotEmpty):
        teams.delete(Actor(alice), acme)
    project.delete()
    with pytest.raises(errors.Denied):
        teams.delete(Actor(bob), acme)
    teams.delete(Actor(alice), acme)
    assert not Team.objects.filter(name="acme").exists()


def test_staff_need_no_role(acme, mallory):
    with pytest.raises(errors.Denied):
        teams.update(Actor(mallory), acme, display_name="Mine")
    teams.update(Actor(mallory, is_staff=True), acme, display_name="Operated")
    assert permissions.role_in(mallory, acme) is None

"""An invitation makes one person a member, once."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import errors, invitations, teams
from accounts.actor import Actor
from accounts.models import Invitation, Membership, Role, User


@pytest.fixture
def token(alice, acme) -> str:
    return invitations.create(Actor(alice), acme, Role.EDITOR, "carol@example.org")[1]


def test_a_visitor_becomes_a_user_and_a_member(token, acme):
    carol = invitations.sign_up(token, "carol", "a good long password")

    assert acme.memberships.get(user=carol).role == Role.EDITOR
    assert (carol.email, carol.personal_team.name) == ("carol@example.org", "carol")
    assert Invitation.objects.get().used_by == carol


def test_who_has_an_account_joins_with_it(token, acme, mallory):
    membership = invitations.accept(Actor(mallory), token)

    assert (membership.team, membership.role) == (acme, Role.EDITOR)
    assert not Invitation.objects.open().exists()


def test_it_is_good_for_one(token, mallory):
    invitations.sign_up(token, "carol", "a good long password")

    with pytest.raises(errors.InvitationOver, match="has already been used"):
        invitations.accept(Actor(mallory), token)
    with pytest.raises(errors.InvitationOver, match="has already been used"):
        invitations.sign_up(token, "dave", "a good long password")
    assert not User.objects.filter(username="dave").exists()


def test_it_expires(token, mallory):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(errors.InvitationOver, match="expired"):
        invitations.accept(Actor(mallory), token)


def test_the_value_is_kept_nowhere(token):
    row = Invitation.objects.values().get()
    assert token not in str(row)
    assert re.fullmatch("[0-9a-f]{64}", row["digest"])


@pytest.mark.parametrize("odd", ["", "x", "€", "0" * 5000])
def test_an_unknown_one_is_refused(odd, mallory):
    with pytest.raises(errors.InvitationOver, match="This invitation does not exist"):
        invitations.accept(Actor(mallory), odd)


def test_one_taken_back_is_over(token, alice, mallory):
    invitations.revoke(Actor(alice), Invitation.objects.get())

    with pytest.raises(errors.InvitationOver):
        invitations.accept(Actor(mallory), token)


def test_what_was_used_is_not_taken_back(token, alice, mallory):
    open_one = Invitation.objects.select_related("team").get()
    invitations.accept(Actor(mallory), token)

    with pytest.raises(errors.InvitationOver):
        invitations.revoke(Actor(alice), open_one)
    assert Invitation.objects.exists()


def test_a_member_leaves_it_for_others(token, bob, mallory):
    with pytest.raises(errors.AlreadyMember):
        invitations.accept(Actor(bob), token)
    invitations.accept(Actor(mallory), token)


def test_a_taken_name_leaves_it_open(token, bob):
    with pytest.raises(errors.NameTaken):
        invitations.sign_up(token, "Bob", "a good long password")
    assert Invitation.objects.open().exists()


def test_only_admins_invite(bob, vera, mallory, acme):
    for user in (bob, vera, mallory):
        with pytest.raises(errors.Denied):
            invitations.create(Actor(user), acme, Role.VIEWER)


def test_it_is_worth_nothing_once_its_maker_may_not_invite(token, alice, bob, mallory, acme):
    teams.change_role(Actor(alice), acme.memberships.get(user=bob), Role.ADMIN)
    teams.remove_member(Actor(alice), acme.memberships.get(user=alice))

    with pytest.raises(errors.InvitationOver, match="can no longer invite"):
        invitations.accept(Actor(mallory), token)
    assert not Membership.objects.filter(team=acme, user=mallory).exists()

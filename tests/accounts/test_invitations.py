"""An invitation makes one person a member, once."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import errors, invitations, teams, users
from accounts.actor import Actor
from accounts.models import Invitation, Membership, Role, User
from notifications import inbox


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


def test_a_user_is_invited_by_name_and_decides(acme, alice, mallory):
    invitation = invitations.invite_user(Actor(alice), acme, "mallory", Role.EDITOR)
    assert not acme.memberships.filter(user=mallory).exists()
    assert list(Invitation.objects.pending_for(mallory)) == [invitation]

    assert invitations.accept_own(Actor(mallory), invitation).role == Role.EDITOR
    assert not Invitation.objects.pending_for(mallory).exists()
    with pytest.raises(errors.InvitationOver, match="already been used"):
        invitations.accept_own(Actor(mallory), Invitation.objects.get())


def test_an_invitation_by_name_is_for_nobody_else(acme, alice, bob, mallory):
    invitation = invitations.invite_user(Actor(alice), acme, "mallory", Role.EDITOR)

    for act in (invitations.accept_own, invitations.decline):
        for user in (alice, bob):
            with pytest.raises(errors.InvitationOver, match="for someone else"):
                act(Actor(user), invitation)
    invitations.decline(Actor(mallory), invitation)
    with pytest.raises(errors.InvitationOver):
        invitations.decline(Actor(mallory), Invitation.objects.get())


def test_one_that_was_declined_goes_once_its_user_has_joined_otherwise(acme, alice, mallory):
    invitations.decline(Actor(mallory), invitations.invite_user(Actor(alice), acme, "mallory", Role.EDITOR))
    assert invitations.pending_of(Actor(alice), acme).count() == 1

    _, token = invitations.create(Actor(alice), acme, Role.VIEWER)
    invitations.accept(Actor(mallory), token)
    assert not invitations.pending_of(Actor(alice), acme).exists()


def test_a_name_that_nobody_has_is_for_nobody_who_takes_it_later(acme, alice):
    invitation = invitations.invite_user(Actor(alice), acme, "carol", Role.ADMIN)
    carol = users.create("carol", "a good long password")

    assert not Invitation.objects.pending_for(carol).exists()
    with pytest.raises(errors.InvitationOver):
        invitations.accept_own(Actor(carol), invitation)


@pytest.mark.parametrize("name", ["", "has space", "<script>", "x" * 65])
def test_what_is_no_name_is_refused(acme, alice, name):
    with pytest.raises(errors.Invalid):
        invitations.invite_user(Actor(alice), acme, name, Role.VIEWER)


def test_a_second_invitation_replaces_the_first(acme, alice, mallory):
    first = invitations.invite_user(Actor(alice), acme, "mallory", Role.VIEWER)
    second = invitations.invite_user(Actor(alice), acme, "mallory", Role.EDITOR)

    assert list(Invitation.objects.pending_for(mallory)) == [second]
    with pytest.raises(errors.InvitationOver):
        invitations.decline(Actor(mallory), first)


def test_who_can_no_longer_invite_invites_nobody(acme, alice, bob, mallory):
    acme.memberships.filter(user=bob).update(role=Role.ADMIN)
    invitation = invitations.invite_user(Actor(bob), acme, "mallory", Role.ADMIN)
    acme.memberships.filter(user=bob).update(role=Role.EDITOR)

    assert not Invitation.objects.pending_for(mallory).exists()
    with pytest.raises(errors.InvitationOver, match="can no longer invite"):
        invitations.accept_own(Actor(mallory), invitation)


def test_who_joins_by_a_link_is_not_invited_again(acme, alice, mallory, token):
    invitations.invite_user(Actor(alice), acme, "mallory", Role.VIEWER)
    invitations.accept(Actor(mallory), token)

    assert not Invitation.objects.pending_for(mallory).exists()


def test_nobody_is_bothered_by_thousands(acme, alice, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_PENDING", 2)
    for name in ("a1", "a2"):
        invitations.invite_user(Actor(alice), acme, name, Role.VIEWER)
    invitations.invite_user(Actor(alice), acme, "a2", Role.EDITOR)

    with pytest.raises(errors.TooManyInvitations):
        invitations.invite_user(Actor(alice), acme, "a3", Role.VIEWER)


def test_the_bell_counts_invitations_in_one_query(acme, alice, mallory, django_assert_num_queries):
    invitations.invite_user(Actor(alice), acme, "mallory", Role.VIEWER)

    with django_assert_num_queries(1):
        assert inbox.waiting(mallory) == 1
    assert inbox.unread(mallory) == 0

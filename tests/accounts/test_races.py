"""Two at once: what must hold whoever is first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts import errors, invitations, teams, users
from accounts.actor import Actor
from accounts.models import Invitation, Role, Team, User
from projects import projects, runs
from projects.models import Project, Run

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each act answered or refused, all begun at the same moment."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        start.wait()
        try:
            return act()
        except errors.RegistryError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_two_admins_who_remove_one_another_leave_one(alice, bob):
    team = teams.create(Actor(alice), "acme")
    team.memberships.create(user=bob, role=Role.ADMIN)
    hers, his = team.memberships.get(user=alice), team.memberships.get(user=bob)

    answers = at_once(
        lambda: teams.remove_member(Actor(alice), hers), lambda: teams.change_role(Actor(bob), his, Role.VIEWER)
    )
    assert team.memberships.filter(role=Role.ADMIN).count() == 1
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [errors.LastAdmin]


def test_one_of_many_gets_the_name(db):
    answers = at_once(*(lambda name=name: users.create(name) for name in ("nina", "Nina", "NINA", "nina")))

    assert User.objects.filter(username__iexact="nina").count() == Team.objects.by_name("nina").count() == 1
    assert sum(isinstance(answer, errors.NameTaken) for answer in answers) == 3


def test_scripts_that_start_together_share_the_project_they_make(alice):
    def script() -> Run:
        return runs.start(Actor(alice), projects.get_or_create(Actor(alice), "alice/new"))

    answers = at_once(*[script] * 6)
    assert Project.objects.count() == 1
    assert len({run.name for run in answers}) == 6


def test_who_is_invited_many_times_at_once_is_invited_once(alice, bob):
    team = teams.create(Actor(alice), "acme")
    answers = at_once(*[lambda: invitations.invite_user(Actor(alice), team, "bob", Role.VIEWER)] * 6)

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    [invitation] = Invitation.objects.pending_for(bob)
    joined = at_once(*[lambda: invitations.accept_own(Actor(bob), invitation)] * 4)
    assert sum(not isinstance(answer, Exception) for answer in joined) == 1
    assert team.memberships.filter(user=bob).count() == 1

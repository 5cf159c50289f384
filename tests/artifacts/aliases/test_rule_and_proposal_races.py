"""Rules and proposals at the same moment as moves: each is decided once, and what was answered holds."""

import time
from collections.abc import Callable

import pytest

from accounts.actor import Actor, Channel
from accounts.models import User
from artifacts import artifacts
from artifacts.aliases import aliases, proposals, protection
from artifacts.errors import (
    AliasMoved,
    AliasProtected,
    Missing,
    ProposalDecided,
    ProposalOpen,
    RuleTaken,
)
from artifacts.models import AliasChange, AliasProposal, AliasRule
from tests.artifacts.aliases.outcomes import chain, kinds
from tests.artifacts.client import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("scope", ["team", "project", "artifact"])
def test_once_a_rule_is_answered_it_holds(alice, bob, acme, project, artifact, v1, v2, scope):
    """No move by others is written down after the rule was there, also not one that began before."""
    where = {"team": acme, "project": project, "artifact": artifact}[scope]

    def keep_moving(seed: int) -> int:
        for number in range(100):
            try:
                aliases.move(Actor(bob, Channel.SDK), artifact, "production", (v1, v2)[(seed + number) % 2])
            except AliasProtected:
                return number
            # SQLite gives the lock to whoever asks at the right moment: those who never pause are always right.
            time.sleep(0.01)
        return 100

    def protect() -> int:
        time.sleep(0.1)
        protection.create(Actor(alice), where, "prod*")
        return AliasChange.objects.filter(alias="production").count()

    answers = at_once(*[lambda seed=seed: keep_moving(seed) for seed in range(4)], protect)
    kinds(answers)
    assert 0 < max(answers[:4]) < 100
    assert len(chain(artifact, "production")) == answers[-1]


def test_rules_of_one_pattern_at_once_are_one(alice, project, artifact):
    answers = at_once(*[lambda: protection.create(Actor(alice), artifact, "production") for _ in range(8)])
    assert kinds(answers) == {"done": 1, "RuleTaken": 7}
    assert isinstance(next(answer for answer in answers if isinstance(answer, Exception)), RuleTaken)

    rule = AliasRule.objects.for_display().get()
    answers = at_once(
        lambda: protection.update(Actor(alice), AliasRule.objects.for_display().get(pk=rule.pk), needs_approval=True),
        lambda: protection.delete(Actor(alice), AliasRule.objects.for_display().get(pk=rule.pk)),
        lambda: artifacts.delete(Actor(alice, Channel.SDK), artifact),
    )
    assert not [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, (
        Missing, AliasRule.DoesNotExist,
    ))]  # fmt: skip
    assert not AliasRule.objects.exists()


def test_one_of_two_approvals_moves(alice, ada, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    protection.create(Actor(alice), artifact, "production", needs_approval=True)
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)

    def approve(user: User) -> Callable:
        return lambda: proposals.approve(
            Actor(user, Channel.SDK), AliasProposal.objects.for_display().get(pk=proposal.pk)
        )

    answers = at_once(*[approve(user) for user in (alice, ada) * 4])
    assert kinds(answers) == {"done": 1, "ProposalDecided": 7}
    last = chain(artifact, "production")[-1]
    proposal.refresh_from_db()
    assert (last.number, last.after, last.proposal_id) == (2, "v2", proposal.pk)
    assert last.changed_by_id == proposal.decided_by_id


def test_an_approval_and_other_decisions(alice, ada, bob, artifact, v1, v2):
    protection.create(Actor(alice), artifact, "production", needs_approval=True)
    for _ in range(4):
        is_at_v1 = artifact.alias_set.filter(alias="production", version=v1).exists()
        proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2 if is_at_v1 else v1)
        loaded = [AliasProposal.objects.for_display().get(pk=proposal.pk) for _ in range(3)]
        changes = len(chain(artifact, "production"))
        answers = at_once(
            lambda one=loaded[0]: proposals.approve(Actor(alice, Channel.SDK), one),
            lambda one=loaded[1]: proposals.reject(Actor(ada), one),
            lambda one=loaded[2]: proposals.withdraw(Actor(bob), one),
        )
        assert kinds(answers) == {"done": 1, "ProposalDecided": 2}
        assert isinstance(next(answer for answer in answers if isinstance(answer, Exception)), ProposalDecided)
        proposal.refresh_from_db()
        was_moved = len(chain(artifact, "production")) - changes
        assert was_moved == (proposal.state == "approved") == (not isinstance(answers[0], Exception))


def test_one_proposal_waits_however_many_are_made(alice, bob, artifact, v1, v2):
    answers = at_once(
        *[lambda to=to: proposals.propose(Actor(bob, Channel.SDK), artifact, "production", to) for to in (v1, v2) * 4]
    )
    assert kinds(answers) == {"done": 1, "ProposalOpen": 7}
    assert isinstance(next(answer for answer in answers if isinstance(answer, Exception)), ProposalOpen)


def test_an_approval_and_a_move(alice, bob, artifact, v1, v2, v3):
    """Where the move was first, the approval is not for what is there now."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    loaded = AliasProposal.objects.for_display().get(pk=proposal.pk)

    answers = at_once(
        lambda: proposals.approve(Actor(alice, Channel.SDK), loaded),
        lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "production", v3),
    )
    steps = [change.after for change in chain(artifact, "production")]
    proposal.refresh_from_db()
    if isinstance(answers[0], AliasMoved):
        assert (steps, proposal.state) == (["v1", "v3"], "open")
    else:
        assert (kinds(answers), steps, proposal.state) == ({"done": 2}, ["v1", "v2", "v3"], "approved")

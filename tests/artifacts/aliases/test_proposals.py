"""Moves that wait for a second person: who proposes, who decides, and what has become of the alias by then."""

import pytest
from django.db import IntegrityError, transaction

from accounts import teams
from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, User
from artifacts import artifacts, versions
from artifacts.aliases import aliases, proposals, protection
from artifacts.errors import (
    AliasMoved,
    AliasNotFound,
    AliasTargetRefused,
    InvalidName,
    NothingBefore,
    ProposalDecided,
    ProposalOpen,
)
from artifacts.models import AliasChange, AliasProposal, AliasRule, Artifact
from core import errors
from projects import projects
from tests import conftest
from tests.artifacts.client import begin, log

REASON = "Beats the old one by 2 %"


@pytest.fixture
def guarded(alice, bob, artifact, v1, v2) -> AliasRule:
    """`production` is at v1, and moves of it take two admins."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    return protection.create(Actor(alice), artifact, "production", needs_approval=True)


@pytest.fixture
def ada(acme) -> User:
    """The other admin."""
    ada = conftest.person("ada")
    Membership.objects.create(team=acme, user=ada, role=Role.ADMIN)
    return ada


def where(artifact: Artifact, alias: str = "production") -> str | None:
    row = artifact.alias_set.filter(alias=alias).select_related("version").first()
    return row.version.version if row else None


def states() -> list[str]:
    return list(AliasProposal.objects.order_by("id").values_list("state", flat=True))


def test_a_move_is_proposed_and_approved(alice, bob, artifact, guarded, v1, v2):
    proposal = proposals.propose(Actor(bob, Channel.WEB, reason=REASON), artifact, "production", v2)
    assert (proposal.state, proposal.before, proposal.after, where(artifact)) == ("open", "v1", "v2", "v1")
    assert (proposal.proposed_by, proposal.reason) == (bob, REASON)

    move = proposals.approve(Actor(alice, Channel.API, reason="not this"), proposal, "Numbers look right")
    assert (move.alias.version, move.before, where(artifact)) == (v2, v1, "v2")
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by, proposal.comment) == ("approved", alice, "Numbers look right")
    assert proposal.decided_at is not None
    change = AliasChange.objects.of(artifact, "production").first()
    assert (change.changed_by, change.channel, change.reason) == (alice, "api", REASON)
    assert (change.proposal, change.before, change.after) == (proposal, "v1", "v2")


def test_an_alias_is_made_by_approval(alice, bob, artifact, guarded, v2):
    protection.update(Actor(alice), guarded, pattern="*")
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "stable", v2)
    assert (proposal.before, proposal.after) == (None, "v2")

    assert proposals.approve(Actor(alice, Channel.SDK), proposal).before is None
    assert where(artifact, "stable") == "v2"


def test_an_alias_is_removed_by_approval(alice, bob, artifact, guarded):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", None)
    assert (proposal.before, proposal.after, str(proposal)) == ("v1", None, "production: v1 → nowhere (open)")

    assert proposals.approve(Actor(alice, Channel.SDK), proposal).is_gone
    assert where(artifact) is None
    change = AliasChange.objects.of(artifact, "production").first()
    assert (change.after, change.proposal_id, change.changed_by) == (None, proposal.pk, alice)


def test_an_approved_rollback_is_recorded_as_one(alice, bob, artifact, guarded, v1, v2):
    proposals.approve(Actor(alice), proposals.propose(Actor(bob), artifact, "production", v2))
    proposal = proposals.propose_rollback(Actor(bob, reason=REASON), artifact, "production", expected=v2.pk)
    assert (proposal.before, proposal.after, proposal.is_rollback) == ("v2", "v1", True)
    proposals.approve(Actor(alice), proposal)
    change = AliasChange.objects.of(artifact, "production").first()
    assert (where(artifact), change.is_rollback, change.proposal) == ("v1", True, proposal)

    proposals.approve(Actor(alice), proposals.propose(Actor(bob), artifact, "production", None))
    again = proposals.propose_rollback(Actor(bob), artifact, "production")
    assert (again.before, again.after) == (None, "v1")
    proposals.approve(Actor(alice), again)
    assert (where(artifact), AliasChange.objects.of(artifact, "production").first().is_rollback) == ("v1", True)

    proposals.approve(Actor(alice), proposals.propose(Actor(bob), artifact, "production", v2))
    assert AliasChange.objects.of(artifact, "production").first().is_rollback is False


def test_of_an_old_proposal_nobody_knows_whether_it_is_a_rollback(alice, bob, artifact, guarded, v2):
    proposal = proposals.propose(Actor(bob), artifact, "production", v2)
    AliasProposal.objects.update(is_rollback=None)
    proposals.approve(Actor(alice), proposal)
    assert AliasChange.objects.of(artifact, "production").first().is_rollback is None


def test_a_rollback_that_leads_nowhere_is_not_proposed(bob, vera, artifact, guarded, v1, v2):
    for alias, expected, refusal in (
        ("production", aliases.NO_EXPECTATION, NothingBefore),
        ("production", v2.pk, AliasMoved),
        ("stable", aliases.NO_EXPECTATION, AliasNotFound),
        ("no alias", aliases.NO_EXPECTATION, AliasNotFound),
    ):
        with pytest.raises(refusal):
            proposals.propose_rollback(Actor(bob), artifact, alias, expected)
    with pytest.raises(errors.Denied):
        proposals.propose_rollback(Actor(vera), artifact, "production")
    assert states() == []


def test_a_rejected_move_is_not_made(alice, bob, artifact, guarded, v2):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    changes = AliasChange.objects.count()

    decided = proposals.reject(Actor(alice), proposal, "Not on a Friday")
    assert (decided.state, decided.decided_by, decided.comment) == ("rejected", alice, "Not on a Friday")
    assert (where(artifact), AliasChange.objects.count()) == ("v1", changes)


def test_people_take_their_own_proposals_back(alice, bob, artifact, guarded, v2):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    with pytest.raises(errors.Denied):
        proposals.withdraw(Actor(alice), proposal)

    assert proposals.withdraw(Actor(bob), proposal, "Found a bug").state == "withdrawn"
    assert (where(artifact), AliasProposal.objects.get().decided_by) == ("v1", bob)


def test_nobody_approves_or_rejects_what_they_proposed(alice, ada, artifact, guarded, v2):
    proposal = proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v2)
    for is_staff in (False, True):
        with pytest.raises(errors.Denied, match="You proposed this move"):
            proposals.approve(Actor(alice, Channel.SDK, is_staff=is_staff), proposal)
        with pytest.raises(errors.Denied, match="You proposed this move"):
            proposals.reject(Actor(alice, is_staff=is_staff), proposal)
    assert (states(), where(artifact)) == (["open"], "v1")

    proposals.approve(Actor(ada, Channel.SDK), proposal)
    assert where(artifact) == "v2"


@pytest.mark.parametrize("who", ["bob", "vera", "mallory"])
def test_the_role_that_the_rule_asks_for_decides(request, who, alice, artifact, guarded, v2):
    user = request.getfixturevalue(who)
    proposal = proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v2)

    for decide in (
        lambda: proposals.approve(Actor(user, Channel.SDK), proposal),
        lambda: proposals.reject(Actor(user), proposal),
    ):
        with pytest.raises(errors.Denied):
            decide()
    assert (states(), where(artifact)) == (["open"], "v1")


def test_editors_decide_where_the_rule_says_so_and_where_none_is(alice, bob, ada, artifact, guarded, v1, v2):
    protection.update(Actor(alice), guarded, role=Role.EDITOR)
    proposals.approve(Actor(bob, Channel.SDK), proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v2))
    assert where(artifact) == "v2"

    protection.delete(Actor(alice), guarded)
    assert proposals.deciding_role(artifact, "production") == Role.EDITOR
    proposals.approve(Actor(bob, Channel.SDK), proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v1))
    assert where(artifact) == "v1"


def test_the_strictest_of_several_rules_says_who_decides(alice, bob, ada, acme, artifact, guarded, v2):
    protection.update(Actor(alice), guarded, role=Role.EDITOR)
    protection.create(Actor(alice), acme, "prod*", role=Role.ADMIN)
    proposal = proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v2)

    with pytest.raises(errors.Denied):
        proposals.approve(Actor(bob, Channel.SDK), proposal)
    proposals.approve(Actor(ada, Channel.SDK), proposal)
    assert where(artifact) == "v2"


def test_the_rules_of_the_day_of_the_decision_count(alice, bob, ada, artifact, guarded, v2):
    proposal = proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v2)
    protection.update(Actor(alice), guarded, role=Role.EDITOR)

    proposals.approve(Actor(bob, Channel.SDK), proposal)
    assert where(artifact) == "v2"


def test_who_lost_the_role_decides_no_more(alice, ada, bob, acme, artifact, guarded, v2):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    teams.change_role(Actor(alice), Membership.objects.get(team=acme, user=ada), Role.VIEWER)

    with pytest.raises(errors.Denied):
        proposals.approve(Actor(ada, Channel.SDK), proposal)


def test_what_somebody_proposed_who_left_can_be_decided(alice, bob, acme, artifact, guarded, v2):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    teams.remove_member(Actor(alice), Membership.objects.get(team=acme, user=bob))
    User.objects.filter(pk=bob.pk).update(is_active=False)

    proposals.approve(Actor(alice, Channel.SDK), proposal)
    assert where(artifact) == "v2"


def test_staff_decide_and_take_back(olga, bob, artifact, guarded, v2):
    proposals.approve(
        Actor(olga, Channel.ADMIN, is_staff=True),
        proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2),
    )
    assert where(artifact) == "v2"

    proposals.withdraw(
        Actor(olga, is_staff=True), proposals.propose(Actor(bob, Channel.SDK), artifact, "production", None)
    )
    assert states() == ["approved", "withdrawn"]


@pytest.fixture
def olga(db) -> User:
    return User.objects.create_superuser("olga", "olga@example.org", "a good long password")


@pytest.mark.parametrize("act", ["move", "remove", "remove and remake"])
def test_an_alias_that_has_moved_is_not_moved_again(alice, bob, ada, olga, artifact, guarded, v1, v2, act):
    v3 = log(bob, artifact, {"three": b"3"})
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    if act != "move":
        aliases.remove(Actor(olga, Channel.ADMIN, is_staff=True), artifact, "production")
    if act != "remove":
        aliases.move(Actor(olga, Channel.ADMIN, is_staff=True), artifact, "production", v3)
    now = where(artifact)

    with pytest.raises(AliasMoved) as refusal:
        proposals.approve(Actor(alice, Channel.SDK), proposal)
    assert (refusal.value.extra["alias"], refusal.value.extra["version"]) == ("production", now)
    assert (states(), where(artifact)) == (["open"], now)
    aliases.move(Actor(olga, Channel.ADMIN, is_staff=True), artifact, "production", v1)
    # It is where it was when the move was proposed: what was weighed then is what would be done now.
    proposals.approve(Actor(alice, Channel.SDK), proposal)
    assert where(artifact) == "v2"


def test_what_was_overtaken_can_be_rejected_or_withdrawn(alice, bob, olga, artifact, guarded, v2):
    for end in (lambda one: proposals.reject(Actor(alice), one), lambda one: proposals.withdraw(Actor(bob), one)):
        proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
        aliases.move(Actor(olga, Channel.ADMIN, is_staff=True), artifact, "production", v2)
        with pytest.raises(AliasMoved):
            proposals.approve(Actor(alice, Channel.SDK), proposal)
        end(proposal)
        aliases.rollback(Actor(olga, Channel.ADMIN, is_staff=True), artifact, "production")
    assert states() == ["rejected", "withdrawn"]


def test_an_alias_that_was_to_be_made_was_made_meanwhile(alice, bob, artifact, v1, v2):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "stable", v2)
    aliases.move(Actor(bob, Channel.SDK), artifact, "stable", v1)

    with pytest.raises(AliasMoved):
        proposals.approve(Actor(alice, Channel.SDK), proposal)
    assert where(artifact, "stable") == "v1"


def test_the_version_was_deleted_meanwhile(alice, bob, artifact, guarded, v2):
    v3 = log(bob, artifact, {"three": b"3"})
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    versions.delete(Actor(bob, Channel.SDK), v2)

    with pytest.raises(AliasTargetRefused):
        proposals.approve(Actor(alice, Channel.SDK), proposal)
    assert (states(), where(artifact)) == (["open"], "v1")
    proposals.reject(Actor(alice), proposal)
    assert proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v3).is_open


@pytest.mark.parametrize("state", ["approved", "rejected", "withdrawn"])
def test_what_was_decided_is_decided(alice, ada, bob, artifact, guarded, v2, state):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    decide = {
        "approved": lambda: proposals.approve(Actor(alice, Channel.SDK), proposal),
        "rejected": lambda: proposals.reject(Actor(alice), proposal),
        "withdrawn": lambda: proposals.withdraw(Actor(bob), proposal),
    }
    decide[state]()
    changes = AliasChange.objects.count()

    for again in [*decide.values(), lambda: proposals.approve(Actor(ada, Channel.SDK), proposal)]:
        with pytest.raises(ProposalDecided) as refusal:
            again()
        assert refusal.value.extra == {"state": state}
        assert f"was {state} by {'bob' if state == 'withdrawn' else 'alice'}" in str(refusal.value)
    assert (states(), AliasChange.objects.count()) == ([state], changes)


def test_one_proposal_waits_per_alias(alice, bob, artifact, other, guarded, v1, v2):
    first = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    for user in (alice, bob):
        with pytest.raises(ProposalOpen):
            proposals.propose(Actor(user, Channel.SDK), artifact, "production", None)
    proposals.propose(Actor(bob, Channel.SDK), artifact, "staging", v2)
    proposals.propose(Actor(bob, Channel.SDK), other, "production", log(bob, other, {"a": b"a"}))

    proposals.withdraw(Actor(bob), first)
    proposals.propose(Actor(alice, Channel.SDK), artifact, "production", v2)
    assert sorted(states()) == ["open", "open", "open", "withdrawn"]


def test_proposals_that_make_no_sense(bob, artifact, other, guarded, v1, v2):
    draft = begin(bob, artifact, {"draft": b"draft"}).version
    gone = log(bob, artifact, {"three": b"3"})
    versions.delete(Actor(bob, Channel.SDK), gone)
    for alias, to, refusal in [
        ("production", v1, errors.Conflict),
        ("nowhere", None, AliasNotFound),
        ("a b", v1, InvalidName),
        ("history", v1, InvalidName),
        ("production", draft, AliasTargetRefused),
        ("production", gone, AliasTargetRefused),
        ("production", log(bob, other, {"a": b"a"}), AliasTargetRefused),
    ]:
        with pytest.raises(refusal):
            proposals.propose(Actor(bob, Channel.SDK), artifact, alias, to)
    assert states() == []


def test_only_editors_propose(vera, mallory, artifact, guarded, v2):
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            proposals.propose(Actor(user, Channel.SDK), artifact, "production", v2)
    assert states() == []


def test_an_approved_move_leaves_the_others_alone(alice, bob, artifact, guarded, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v1)
    proposals.approve(Actor(alice, Channel.SDK), proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2))

    assert (where(artifact, "staging"), where(artifact, "latest")) == ("v1", "v2")


def test_what_was_approved_can_be_rolled_back_by_another_proposal(alice, bob, artifact, guarded, v1, v2):
    proposals.approve(Actor(alice, Channel.SDK), proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2))
    proposals.approve(Actor(alice, Channel.SDK), proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v1))

    assert where(artifact) == "v1"
    assert [change.proposal_id is not None for change in AliasChange.objects.of(artifact, "production")] == [
        True, True, False,
    ]  # fmt: skip


def test_proposals_go_with_their_artifact_and_the_record_keeps_their_ids(alice, bob, project, artifact, guarded, v2):
    proposal = proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    proposals.approve(Actor(alice, Channel.SDK), proposal)
    proposals.propose(Actor(bob, Channel.SDK), artifact, "production", None)
    protection.delete(Actor(alice), guarded)
    stale = AliasProposal.objects.for_display().open().get()

    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    assert states() == []
    gone, approved = AliasChange.objects.filter(alias="production")[:2]
    assert (gone.after, gone.proposal_id, approved.proposal_id) == (None, None, proposal.pk)
    for decide in (
        lambda: proposals.approve(Actor(alice, Channel.SDK), stale),
        lambda: proposals.reject(Actor(alice), stale),
        lambda: proposals.withdraw(Actor(bob), stale),
    ):
        with pytest.raises(errors.Missing):
            decide()


def test_proposals_go_with_their_project(alice, bob, project, artifact, guarded, v2):
    proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    projects.delete(Actor(alice), project)
    assert states() == []


def test_who_sees_proposals(alice, bob, vera, mallory, artifact, guarded, v2):
    proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)

    assert [AliasProposal.objects.visible_to(user).count() for user in (alice, bob, vera, mallory)] == [1, 1, 1, 0]


def test_the_database_keeps_a_decision_whole(bob, artifact, guarded, v2):
    proposals.propose(Actor(bob, Channel.SDK), artifact, "production", v2)
    for columns in ({"state": "approved"}, {"decided_by": bob}, {"state": "maybe"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AliasProposal.objects.update(**columns)
    assert states() == ["open"]

"""Moves that wait for a second person: who proposes, who decides, and what has become of the alias by then."""

import pytest
from django.db import IntegrityError, transaction

from accounts import teams
from accounts.actor import Channel, Origin
from accounts.models import Membership, Role, User
from accounts.permissions import as_staff
from artifacts import artifacts, versions
from artifacts.aliases import aliases, proposals, protection
from artifacts.errors import (
    AliasMoved,
    AliasNotFound,
    AliasTargetRefused,
    InvalidName,
    ProposalDecided,
    ProposalOpen,
)
from artifacts.models import AliasChange, AliasProposal, AliasRule, Artifact
from core import errors
from projects import projects
from tests import conftest
from tests.artifacts.client import ORIGIN, begin, log

FROM_WEB = Origin(face=Channel.WEB, reason="Beats the old one by 2 %")


@pytest.fixture
def guarded(alice, bob, artifact, v1, v2) -> AliasRule:
    """`production` is at v1, and moves of it take two admins."""
    aliases.move(bob, artifact, "production", v1, ORIGIN)
    return protection.create(alice, artifact, "production", needs_approval=True)


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
    proposal = proposals.propose(bob, artifact, "production", v2, FROM_WEB)
    assert (proposal.state, proposal.before, proposal.after, where(artifact)) == ("open", "v1", "v2", "v1")
    assert (proposal.proposed_by, proposal.reason) == (bob, FROM_WEB.reason)

    move = proposals.approve(alice, proposal, Origin(face=Channel.API, reason="not this"), "Numbers look right")
    assert (move.alias.version, move.before, where(artifact)) == (v2, v1, "v2")
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by, proposal.comment) == ("approved", alice, "Numbers look right")
    assert proposal.decided_at is not None
    change = AliasChange.objects.of(artifact, "production").first()
    assert (change.changed_by, change.channel, change.reason) == (alice, "api", FROM_WEB.reason)
    assert (change.proposal, change.before, change.after) == (proposal, "v1", "v2")


def test_an_alias_is_made_by_approval(alice, bob, artifact, guarded, v2):
    protection.update(alice, guarded, pattern="*")
    proposal = proposals.propose(bob, artifact, "stable", v2, ORIGIN)
    assert (proposal.before, proposal.after) == (None, "v2")

    assert proposals.approve(alice, proposal, ORIGIN).before is None
    assert where(artifact, "stable") == "v2"


def test_an_alias_is_removed_by_approval(alice, bob, artifact, guarded):
    proposal = proposals.propose(bob, artifact, "production", None, ORIGIN)
    assert (proposal.before, proposal.after, str(proposal)) == ("v1", None, "production: v1 → nowhere (open)")

    assert proposals.approve(alice, proposal, ORIGIN).is_gone
    assert where(artifact) is None
    change = AliasChange.objects.of(artifact, "production").first()
    assert (change.after, change.proposal_id, change.changed_by) == (None, proposal.pk, alice)


def test_a_rejected_move_is_not_made(alice, bob, artifact, guarded, v2):
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    changes = AliasChange.objects.count()

    decided = proposals.reject(alice, proposal, "Not on a Friday")
    assert (decided.state, decided.decided_by, decided.comment) == ("rejected", alice, "Not on a Friday")
    assert (where(artifact), AliasChange.objects.count()) == ("v1", changes)


def test_people_take_their_own_proposals_back(alice, bob, artifact, guarded, v2):
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    with pytest.raises(errors.Denied):
        proposals.withdraw(alice, proposal)

    assert proposals.withdraw(bob, proposal, "Found a bug").state == "withdrawn"
    assert (where(artifact), AliasProposal.objects.get().decided_by) == ("v1", bob)


def test_nobody_approves_or_rejects_what_they_proposed(alice, ada, artifact, guarded, v2):
    proposal = proposals.propose(alice, artifact, "production", v2, ORIGIN)
    for user in (alice, as_staff(User.objects.get(pk=alice.pk))):
        with pytest.raises(errors.Denied, match="yourself"):
            proposals.approve(user, proposal, ORIGIN)
        with pytest.raises(errors.Denied, match="yourself"):
            proposals.reject(user, proposal)
    assert (states(), where(artifact)) == (["open"], "v1")

    proposals.approve(ada, proposal, ORIGIN)
    assert where(artifact) == "v2"


@pytest.mark.parametrize("who", ["bob", "vera", "mallory"])
def test_the_role_that_the_rule_asks_for_decides(request, who, alice, artifact, guarded, v2):
    user = request.getfixturevalue(who)
    proposal = proposals.propose(alice, artifact, "production", v2, ORIGIN)

    for decide in (lambda: proposals.approve(user, proposal, ORIGIN), lambda: proposals.reject(user, proposal)):
        with pytest.raises(errors.Denied):
            decide()
    assert (states(), where(artifact)) == (["open"], "v1")


def test_editors_decide_where_the_rule_says_so_and_where_none_is(alice, bob, ada, artifact, guarded, v1, v2):
    protection.update(alice, guarded, role=Role.EDITOR)
    proposals.approve(bob, proposals.propose(alice, artifact, "production", v2, ORIGIN), ORIGIN)
    assert where(artifact) == "v2"

    protection.delete(alice, guarded)
    assert proposals.deciding_role(artifact, "production") == Role.EDITOR
    proposals.approve(bob, proposals.propose(alice, artifact, "production", v1, ORIGIN), ORIGIN)
    assert where(artifact) == "v1"


def test_the_strictest_of_several_rules_says_who_decides(alice, bob, ada, acme, artifact, guarded, v2):
    protection.update(alice, guarded, role=Role.EDITOR)
    protection.create(alice, acme, "prod*", role=Role.ADMIN)
    proposal = proposals.propose(alice, artifact, "production", v2, ORIGIN)

    with pytest.raises(errors.Denied):
        proposals.approve(bob, proposal, ORIGIN)
    proposals.approve(ada, proposal, ORIGIN)
    assert where(artifact) == "v2"


def test_the_rules_of_the_day_of_the_decision_count(alice, bob, ada, artifact, guarded, v2):
    proposal = proposals.propose(alice, artifact, "production", v2, ORIGIN)
    protection.update(alice, guarded, role=Role.EDITOR)

    proposals.approve(bob, proposal, ORIGIN)
    assert where(artifact) == "v2"


def test_who_lost_the_role_decides_no_more(alice, ada, bob, acme, artifact, guarded, v2):
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    teams.change_role(alice, Membership.objects.get(team=acme, user=ada), Role.VIEWER)

    with pytest.raises(errors.Denied):
        proposals.approve(ada, proposal, ORIGIN)


def test_what_somebody_proposed_who_left_can_be_decided(alice, bob, acme, artifact, guarded, v2):
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    teams.remove_member(alice, Membership.objects.get(team=acme, user=bob))
    User.objects.filter(pk=bob.pk).update(is_active=False)

    proposals.approve(alice, proposal, ORIGIN)
    assert where(artifact) == "v2"


def test_the_operator_decides_and_takes_back(olga, bob, artifact, guarded, v2):
    proposals.approve(olga, proposals.propose(bob, artifact, "production", v2, ORIGIN), Origin(face=Channel.ADMIN))
    assert where(artifact) == "v2"

    proposals.withdraw(olga, proposals.propose(bob, artifact, "production", None, ORIGIN))
    assert states() == ["approved", "withdrawn"]


@pytest.fixture
def olga(db) -> User:
    return as_staff(User.objects.create_superuser("olga", "olga@example.org", "a good long password"))


@pytest.mark.parametrize("act", ["move", "remove", "remove and remake"])
def test_an_alias_that_has_moved_is_not_moved_again(alice, bob, ada, olga, artifact, guarded, v1, v2, act):
    v3 = log(bob, artifact, {"three": b"3"})
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    if act != "move":
        aliases.remove(olga, artifact, "production", ORIGIN)
    if act != "remove":
        aliases.move(olga, artifact, "production", v3, ORIGIN)
    now = where(artifact)

    with pytest.raises(AliasMoved) as refusal:
        proposals.approve(alice, proposal, ORIGIN)
    assert (refusal.value.extra["alias"], refusal.value.extra["version"]) == ("production", now)
    assert (states(), where(artifact)) == (["open"], now)
    aliases.move(olga, artifact, "production", v1, ORIGIN)
    # It is where it was when the move was proposed: what was weighed then is what would be done now.
    proposals.approve(alice, proposal, ORIGIN)
    assert where(artifact) == "v2"


def test_what_was_overtaken_can_be_rejected_or_withdrawn(alice, bob, olga, artifact, guarded, v2):
    for end in (lambda one: proposals.reject(alice, one), lambda one: proposals.withdraw(bob, one)):
        proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
        aliases.move(olga, artifact, "production", v2, ORIGIN)
        with pytest.raises(AliasMoved):
            proposals.approve(alice, proposal, ORIGIN)
        end(proposal)
        aliases.rollback(olga, artifact, "production", ORIGIN)
    assert states() == ["rejected", "withdrawn"]


def test_an_alias_that_was_to_be_made_was_made_meanwhile(alice, bob, artifact, v1, v2):
    proposal = proposals.propose(bob, artifact, "stable", v2, ORIGIN)
    aliases.move(bob, artifact, "stable", v1, ORIGIN)

    with pytest.raises(AliasMoved):
        proposals.approve(alice, proposal, ORIGIN)
    assert where(artifact, "stable") == "v1"


def test_the_version_was_deleted_meanwhile(alice, bob, artifact, guarded, v2):
    v3 = log(bob, artifact, {"three": b"3"})
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    versions.delete(bob, v2, ORIGIN)

    with pytest.raises(AliasTargetRefused):
        proposals.approve(alice, proposal, ORIGIN)
    assert (states(), where(artifact)) == (["open"], "v1")
    proposals.reject(alice, proposal)
    assert proposals.propose(bob, artifact, "production", v3, ORIGIN).is_open


@pytest.mark.parametrize("state", ["approved", "rejected", "withdrawn"])
def test_what_was_decided_is_decided(alice, ada, bob, artifact, guarded, v2, state):
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    decide = {
        "approved": lambda: proposals.approve(alice, proposal, ORIGIN),
        "rejected": lambda: proposals.reject(alice, proposal),
        "withdrawn": lambda: proposals.withdraw(bob, proposal),
    }
    decide[state]()
    changes = AliasChange.objects.count()

    for again in [*decide.values(), lambda: proposals.approve(ada, proposal, ORIGIN)]:
        with pytest.raises(ProposalDecided) as refusal:
            again()
        assert refusal.value.extra == {"state": state}
        assert f"was {state} by {'bob' if state == 'withdrawn' else 'alice'}" in str(refusal.value)
    assert (states(), AliasChange.objects.count()) == ([state], changes)


def test_one_proposal_waits_for_each_alias(alice, bob, artifact, other, guarded, v1, v2):
    first = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    for user in (alice, bob):
        with pytest.raises(ProposalOpen):
            proposals.propose(user, artifact, "production", None, ORIGIN)
    proposals.propose(bob, artifact, "staging", v2, ORIGIN)
    proposals.propose(bob, other, "production", log(bob, other, {"a": b"a"}), ORIGIN)

    proposals.withdraw(bob, first)
    proposals.propose(alice, artifact, "production", v2, ORIGIN)
    assert sorted(states()) == ["open", "open", "open", "withdrawn"]


def test_proposals_that_make_no_sense(bob, artifact, other, guarded, v1, v2):
    draft = begin(bob, artifact, {"draft": b"draft"}).version
    gone = log(bob, artifact, {"three": b"3"})
    versions.delete(bob, gone, ORIGIN)
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
            proposals.propose(bob, artifact, alias, to, ORIGIN)
    assert states() == []


def test_only_editors_propose(vera, mallory, artifact, guarded, v2):
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            proposals.propose(user, artifact, "production", v2, ORIGIN)
    assert states() == []


def test_an_approved_move_leaves_the_others_alone(alice, bob, artifact, guarded, v1, v2):
    aliases.move(bob, artifact, "staging", v1, ORIGIN)
    proposals.approve(alice, proposals.propose(bob, artifact, "production", v2, ORIGIN), ORIGIN)

    assert (where(artifact, "staging"), where(artifact, "latest")) == ("v1", "v2")


def test_what_was_approved_can_be_rolled_back_by_another_proposal(alice, bob, artifact, guarded, v1, v2):
    proposals.approve(alice, proposals.propose(bob, artifact, "production", v2, ORIGIN), ORIGIN)
    proposals.approve(alice, proposals.propose(bob, artifact, "production", v1, ORIGIN), ORIGIN)

    assert where(artifact) == "v1"
    assert [change.proposal_id is not None for change in AliasChange.objects.of(artifact, "production")] == [
        True, True, False,
    ]  # fmt: skip


def test_proposals_go_with_their_artifact_and_the_record_keeps_their_ids(alice, bob, project, artifact, guarded, v2):
    proposal = proposals.propose(bob, artifact, "production", v2, ORIGIN)
    proposals.approve(alice, proposal, ORIGIN)
    proposals.propose(bob, artifact, "production", None, ORIGIN)
    protection.delete(alice, guarded)
    stale = AliasProposal.objects.for_display().open().get()

    artifacts.delete(bob, artifact, ORIGIN)
    assert states() == []
    gone, approved = AliasChange.objects.filter(alias="production")[:2]
    assert (gone.after, gone.proposal_id, approved.proposal_id) == (None, None, proposal.pk)
    for decide in (
        lambda: proposals.approve(alice, stale, ORIGIN),
        lambda: proposals.reject(alice, stale),
        lambda: proposals.withdraw(bob, stale),
    ):
        with pytest.raises(errors.Missing):
            decide()


def test_proposals_go_with_their_project(alice, bob, project, artifact, guarded, v2):
    proposals.propose(bob, artifact, "production", v2, ORIGIN)
    projects.delete(alice, project)
    assert states() == []


def test_who_sees_proposals(alice, bob, vera, mallory, artifact, guarded, v2):
    proposals.propose(bob, artifact, "production", v2, ORIGIN)

    assert [AliasProposal.objects.visible_to(user).count() for user in (alice, bob, vera, mallory)] == [1, 1, 1, 0]


def test_the_database_keeps_a_decision_whole(bob, artifact, guarded, v2):
    proposals.propose(bob, artifact, "production", v2, ORIGIN)
    for columns in ({"state": "approved"}, {"decided_by": bob}, {"state": "maybe"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AliasProposal.objects.update(**columns)
    assert states() == ["open"]

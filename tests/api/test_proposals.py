"""Proposals over HTTP: who proposes, who decides, what the record keeps of it, and what makes no sense."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.http import HttpResponse

from accounts.actor import Actor, Channel
from accounts.models import Membership, Role, User
from artifacts.aliases import aliases, proposals, protection
from artifacts.models import AliasChange, AliasProposal
from tests.artifacts.client import at_once, fill, log

PROPOSALS = "/api/v1/alias-proposals"
NOBODYS = str(UUID(int=7))


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/alias-proposals"


@pytest.fixture
def beth(acme) -> User:
    """Another editor."""
    beth = User.objects.create_user("beth", "beth@example.org", "a good long password")
    Membership.objects.create(team=acme, user=beth, role=Role.EDITOR)
    return beth


@pytest.fixture
def propose(api, bob, url, artifact, v1, v2) -> Callable[..., HttpResponse]:
    """`propose()`: bob asks for production to go from v1 to v2."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = api(bob)
    return lambda **body: client.post(url, {"alias": "production", "version_id": str(v2.pk), **body})


def decide(client, proposal: HttpResponse, act: str, **body) -> HttpResponse:
    return client.post(f"{PROPOSALS}/{proposal.json()['id']}/{act}", body)


def is_at(artifact) -> str:
    return aliases.get(artifact, "production").version.version


def test_proposed_and_approved(api, alice, vera, propose, artifact, v1, v2):
    protection.create(Actor(alice), artifact.project, "production", needs_approval=True)
    made = propose(reason="It won")

    assert made.status_code == 201
    body = made.json()
    assert body | {"id": "", "created_at": ""} == {
        "id": "", "artifact_id": str(artifact.pk), "artifact_name": "acme/demo/data", "alias": "production",
        "from_version_id": str(v1.pk), "from_version": "v1", "to_version_id": str(v2.pk), "to_version": "v2",
        "is_rollback": False, "reason": "It won", "proposed_by": "bob", "state": "open", "decided_by": None,
        "comment": "", "created_at": "", "decided_at": None,
    }  # fmt: skip
    assert is_at(artifact) == "v1"
    done = decide(api(alice), made, "approve", comment="Agreed")
    assert done.status_code == 200
    assert {name for name in body if done.json()[name] != body[name]} == {
        "state",
        "decided_by",
        "comment",
        "decided_at",
    }
    assert (done.json()["state"], done.json()["decided_by"], done.json()["comment"]) == ("approved", "alice", "Agreed")
    assert is_at(artifact) == "v2"
    assert api(vera).get(f"{PROPOSALS}/{body['id']}").json() == done.json()
    last = api(vera).get(f"/api/v1/artifacts/{artifact.pk}/aliases/production/history").json()["items"][0]
    assert (last["changed_by"], last["reason"], last["proposal_id"], last["key"]) == (
        "alice",
        "It won",
        body["id"],
        "test",
    )


def test_a_rollback_is_proposed_and_recorded(api, alice, bob, propose, url, artifact, v1, v2):
    aliases.move(Actor(alice), artifact, "production", v2)
    made = api(bob).post(url, {"alias": "production", "is_rollback": True, "reason": "Slow"})
    assert (made.status_code, made.json()["is_rollback"], made.json()["to_version"]) == (201, True, "v1")
    assert decide(api(alice), made, "approve").status_code == 200
    last = api(bob).get(f"/api/v1/artifacts/{artifact.pk}/aliases/production/history").json()["items"][0]
    assert (last["to_version"], last["is_rollback"], last["proposal_id"]) == ("v1", True, made.json()["id"])

    for body in ({"is_rollback": True, "version_id": str(v1.pk)}, {"is_rollback": True, "version_id": None}, {}):
        refused = api(bob).post(url, {"alias": "production", **body})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["version_id"])
    aliases.move(Actor(alice), artifact, "stable", v1)
    nowhere = api(bob).post(url, {"alias": "stable", "is_rollback": True})
    assert (nowhere.status_code, nowhere.json()["code"]) == (409, "NothingBefore")


def test_rejected(api, alice, propose, artifact):
    made = propose()
    done = decide(api(alice), made, "reject", comment="Not on a Friday")

    assert (done.status_code, done.json()["state"], done.json()["comment"]) == (200, "rejected", "Not on a Friday")
    assert is_at(artifact) == "v1"
    assert propose().status_code == 201


def test_withdrawn(api, alice, bob, propose, artifact):
    made = propose()

    assert decide(api(alice), made, "withdraw").json()["code"] == "Denied"
    done = decide(api(bob), made, "withdraw")
    assert (done.status_code, done.json()["state"], done.json()["decided_by"]) == (200, "withdrawn", "bob")
    assert is_at(artifact) == "v1"


def test_an_alias_that_is_to_be_made_or_to_go(api, alice, propose, artifact, v2):
    made = propose(alias="stable", version_id=str(v2.pk))
    gone = propose(version_id=None)

    assert (made.json()["from_version"], gone.json()["to_version"]) == (None, None)
    assert decide(api(alice), made, "approve").status_code == decide(api(alice), gone, "approve").status_code == 200
    assert set(artifact.alias_set.values_list("alias", flat=True)) == {"latest", "stable"}


def test_nobody_decides_about_his_own(api, alice, bob, propose, url, artifact, v2):
    mine = propose()
    hers = api(alice).post(url, {"alias": "stable", "version_id": str(v2.pk)})
    for who, proposal in ((bob, mine), (alice, hers)):
        for act in ("approve", "reject"):
            answer = decide(api(who), proposal, act)
            assert (answer.status_code, answer.json()["code"]) == (403, "Denied")
    assert is_at(artifact) == "v1"


def test_who_decides(api, alice, beth, vera, mallory, propose, artifact):
    """Where no rule asks for more, editors; where one does, who has its role."""
    free, rule = propose(), protection.create(Actor(alice), artifact, "prod*")
    for act in ("approve", "reject"):
        assert decide(api(beth), free, act).status_code == 403
        assert decide(api(vera), free, act).status_code == 403
        assert decide(api(mallory), free, act).status_code == 404
    protection.delete(Actor(alice), rule)
    assert decide(api(beth), free, "approve").status_code == 200


def test_who_proposes(api, vera, mallory, url, v1):
    body = {"alias": "x", "version_id": str(v1.pk)}

    assert api(vera).post(url, body).json()["code"] == "Denied"
    assert api(mallory).post(url, body).status_code == 404
    assert not AliasProposal.objects.exists()


def test_an_alias_that_moved_meanwhile(api, alice, bob, propose, artifact, v2):
    made = propose()
    v3 = log(bob, artifact, {"three": b"3"})
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v3)
    answer = decide(api(alice), made, "approve")

    assert (answer.status_code, answer.json()["code"], answer.json()["version"]) == (409, "AliasMoved", "v3")
    assert api(alice).get(f"{PROPOSALS}/{made.json()['id']}").json()["state"] == "open"
    assert decide(api(alice), made, "reject").status_code == 200


def test_one_decision_is_enough(api, alice, bob, propose):
    for act in ("approve", "reject", "withdraw"):
        made = propose(alias=f"by-{act}")
        who = bob if act == "withdraw" else alice
        assert decide(api(who), made, act).status_code == 200
        for again in ("approve", "reject"):
            answer = decide(api(alice), made, again)
            assert (answer.status_code, answer.json()["code"]) == (409, "ProposalDecided")
        assert decide(api(bob), made, "withdraw").json()["code"] == "ProposalDecided"


def test_one_waits_at_a_time(api, alice, propose, url, v2):
    assert propose().status_code == 201
    for client in (api(alice),):
        answer = client.post(url, {"alias": "production", "version_id": str(v2.pk)})
        assert (answer.status_code, answer.json()["code"]) == (409, "ProposalOpen")


def test_what_makes_no_sense_is_refused(api, bob, propose, artifact, other, foreign, mallory, v1):
    theirs, draft = log(bob, other, {"a": b"a"}), fill(bob, artifact, {"b": b"b"})
    for body, status, code in (
        ({"version_id": str(v1.pk)}, 409, "Conflict"),
        ({"version_id": str(theirs.pk)}, 409, "AliasTargetRefused"),
        ({"version_id": str(draft.pk)}, 409, "AliasTargetRefused"),
        ({"version_id": NOBODYS}, 404, "Missing"),
        ({"version_id": str(log(mallory, foreign, {"a": b"a"}).pk)}, 404, "Missing"),
        ({"alias": "nope", "version_id": None}, 404, "AliasNotFound"),
        ({"alias": "a b"}, 400, "InvalidName"),
        ({"alias": "history"}, 400, "InvalidName"),
        ({"alias": ""}, 400, "Invalid"),
        ({"alias": "x" * 129}, 400, "Invalid"),
        ({"alias": None}, 400, "Invalid"),
        ({"version_id": "v1"}, 400, "Invalid"),
        ({"reason": "x" * 1001}, 400, "Invalid"),
        ({"artifact_id": str(other.pk)}, 400, "Invalid"),
    ):
        answer = propose(**body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert not AliasProposal.objects.exists()


@pytest.mark.parametrize("body", [{}, {"alias": "x"}, [], "x", None])
def test_odd_bodies_are_refused(api, bob, url, artifact, body):
    assert api(bob).post(url, body).status_code == 400


@pytest.mark.parametrize("body", [{"comment": "x" * 1001}, {"comment": None}, {"comment": ["x"]}, [], "x"])
@pytest.mark.parametrize("act", ["approve", "reject", "withdraw"])
def test_odd_decisions_are_refused(api, alice, propose, artifact, act, body):
    made = propose()

    assert api(alice).post(f"{PROPOSALS}/{made.json()['id']}/{act}", body).status_code == 400
    assert AliasProposal.objects.get().is_open


def test_lists(api, alice, vera, mallory, propose, url, django_assert_num_queries):
    made = [propose(alias=f"a{number}") for number in range(5)]
    decide(api(alice), made[0], "approve")
    decide(api(alice), made[1], "reject")
    client = api(vera)

    def listed(**query) -> list[str]:
        return [item["alias"] for item in client.get(url, query).json()["items"]]

    assert listed() == ["a4", "a3", "a2", "a1", "a0"]
    assert listed(state="open") == ["a4", "a3", "a2"]
    assert (listed(state="approved"), listed(state="rejected"), listed(state="withdrawn")) == (["a0"], ["a1"], [])
    # Key, artifact, rows.
    with django_assert_num_queries(3):
        first = client.get(url, {"limit": 2}).json()
    with django_assert_num_queries(3):
        second = client.get(url, {"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["alias"] for item in first["items"] + second["items"]] == ["a4", "a3", "a2", "a1"]
    assert api(mallory).get(url).status_code == 404
    for odd in ({"state": "x"}, {"state": ""}, {"cursor": "garbage"}, {"limit": 0}):
        assert client.get(url, odd).status_code == (200 if odd == {"state": ""} else 400)


def test_a_proposal_that_is_not_there(api, alice, mallory, propose):
    made = propose()
    for client, pk in ((api(alice), NOBODYS), (api(mallory), made.json()["id"])):
        assert client.get(f"{PROPOSALS}/{pk}").status_code == 404
        for act in ("approve", "reject", "withdraw"):
            assert client.post(f"{PROPOSALS}/{pk}/{act}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_decisions_at_once_one_counts(api, alice, beth, bob, propose, artifact):
    made = propose()
    clients = [(api(alice), "approve"), (api(beth), "reject"), (api(bob), "withdraw"), (api(beth), "approve")]
    answers = at_once(*[lambda client=client, act=act: decide(client, made, act) for client, act in clients])

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    state = AliasProposal.objects.get().state
    assert is_at(artifact) == ("v2" if state == "approved" else "v1")
    assert AliasChange.objects.filter(alias="production").count() == (2 if state == "approved" else 1)


@pytest.mark.django_db(transaction=True)
def test_of_proposals_at_once_one_waits(bob, alice, artifact, v1):
    outcomes = at_once(*[lambda: proposals.propose(Actor(bob, Channel.SDK), artifact, "x", v1)] * 5)

    assert sum(isinstance(outcome, AliasProposal) for outcome in outcomes) == 1
    assert AliasProposal.objects.count() == 1

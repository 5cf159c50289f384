"""Moves that wait for a second person, from the form that proposes them to the one that decides."""

import json
import re

import pytest

from accounts.actor import Actor, Channel
from accounts.models import Role
from artifacts.aliases import aliases, proposals, protection
from artifacts.models import AliasChange, AliasProposal
from tests.artifacts.client import log
from tests.web.alias_pages import ARTIFACT_URL, PAGE, alias_versions, expected_fields, htmx_headers, live_url, rows


@pytest.fixture
def carol(mallory, alice, acme):
    """A second admin."""
    acme.memberships.create(user=mallory, role=Role.ADMIN)
    return mallory


@pytest.fixture
def protected(alice, bob, acme, artifact, v1, v2):
    """The artifact, whose alias production is at v1 and moves with an admin's approval alone."""
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    protection.create(Actor(alice), acme, "production", needs_approval=True)
    return artifact


@pytest.fixture
def pending(protected, bob, v2) -> AliasProposal:
    return proposals.propose(Actor(bob, reason="it is <better>"), protected, "production", v2)


def proposal_url(proposal: AliasProposal, act: str) -> str:
    return f"{ARTIFACT_URL}/proposals/{proposal.pk}/{act}"


def test_who_may_not_move_alone_proposes_with_the_same_form(browser, bob, protected, v1, v2):
    client = browser(bob)
    form = client.get(f"{PAGE}/production/move", headers=htmx_headers(PAGE)).content.decode()
    assert 'name="propose" value="1"' in form and "only admins can move it; a second admin must approve" in form

    body = {"version": "v2", "reason": "better", "propose": "1"} | expected_fields(form)
    response = client.post(f"{PAGE}/production/move", body, headers=htmx_headers(PAGE))

    message = json.loads(response["HX-Trigger"])["toast"]["text"]
    assert message == "Proposed: production to v2. Waiting for a reviewer."
    proposal = AliasProposal.objects.get()
    assert (proposal.from_version, proposal.to_version, proposal.reason) == (v1, v2, "better")
    assert alias_versions(protected)["production"] == "v1"
    page = response.content.decode()
    assert "Pending approval" in page and f'href="#proposal-{proposal.pk}"' in page
    assert 'title="1 move pending approval"' in page
    again = client.post(f"{PAGE}/production/move", body)
    assert again.status_code == 422 and "already pending approval" in again.content.decode()


def test_a_deletion_a_rollback_and_a_new_alias_are_proposed_too(browser, alice, carol, bob, protected, acme, v1, v2):
    protection.create(Actor(alice), acme, "prod-*")
    client = browser(bob)
    for url, body, to in [
        (f"{PAGE}/production/delete", {}, None),
        (f"{ARTIFACT_URL}/add-alias", {"name": "prod-eu", "version": "v1"}, v1),
    ]:
        text = client.get(url).content.decode()
        assert client.post(url, body | expected_fields(text) | {"propose": "1"}).status_code == 302
        assert AliasProposal.objects.latest("id").to_version == to
    proposals.reject(Actor(alice), AliasProposal.objects.get(alias="production"))
    second = proposals.propose(Actor(bob, Channel.SDK), protected, "production", v2)
    proposals.approve(Actor(carol, Channel.SDK), second)

    text = client.get(f"{PAGE}/production/rollback").content.decode()
    assert client.post(f"{PAGE}/production/rollback", expected_fields(text) | {"propose": "1"}).status_code == 302
    rollback = AliasProposal.objects.open().get(alias="production")
    assert (rollback.to_version, rollback.is_rollback) == (v1, True)

    second = browser(carol)
    assert "rolled back" in second.get(PAGE).content.decode()
    form = second.get(proposal_url(rollback, "approve")).content.decode()
    assert "Approve the rollback of production?" in form
    created = AliasProposal.objects.open().get(alias="prod-eu")
    assert "Approve the creation of prod-eu?" in second.get(proposal_url(created, "approve")).content.decode()
    second.post(proposal_url(rollback, "approve"), {}, headers=htmx_headers(PAGE))
    assert "Rolled back" in second.get(f"{PAGE}/production/history").content.decode()
    assert "was rolled back from v2 to" in second.get(f"{ARTIFACT_URL}/history").content.decode()


def test_a_rollback_is_proposed_from_where_the_reader_saw_the_alias(browser, alice, carol, bob, protected, v1, v2):
    move = proposals.propose(Actor(bob, Channel.SDK), protected, "production", v2)
    client = browser(bob)
    proposals.approve(Actor(carol, Channel.SDK), move)
    seen = expected_fields(client.get(f"{PAGE}/production/rollback").content.decode())
    proposals.approve(
        Actor(carol, Channel.SDK), proposals.propose(Actor(bob, Channel.SDK), protected, "production", v1)
    )

    refused = client.post(f"{PAGE}/production/rollback", seen | {"propose": "1"})
    assert refused.status_code == 422 and "it now points to v1" in refused.content.decode()
    assert not AliasProposal.objects.open().exists()


def test_everybody_sees_pending_proposals_with_the_actions_of_their_role(
    browser, alice, bob, vera, pending, django_assert_max_num_queries
):
    pages = {}
    for user in (alice, bob, vera):
        client = browser(user)
        with django_assert_max_num_queries(12):
            pages[user.username] = client.get(PAGE).content.decode()
    actions = {name: set(re.findall(rf"{pending.pk}/(\w+)\"", page)) for name, page in pages.items()}

    assert actions == {"alice": {"approve", "reject"}, "bob": {"withdraw"}, "vera": set()}
    assert "it is &lt;better&gt;" in pages["vera"] and "<better>" not in pages["vera"]
    assert "Waiting for a reviewer: an admin of the team." in pages["vera"]
    assert "Waiting for a reviewer: another admin of the team." in pages["bob"]


def test_a_second_person_approves_with_a_comment(browser, alice, protected, pending):
    client = browser(alice)
    form = client.get(proposal_url(pending, "approve"), headers=htmx_headers(PAGE)).content.decode()
    assert "Approve the move of production?" in form and "1 added" in form and "1 removed" in form

    response = client.post(proposal_url(pending, "approve"), {"comment": "go"}, headers=htmx_headers(PAGE))

    assert json.loads(response["HX-Trigger"])["toast"]["text"] == "Approved: production now points to v2."
    page = response.content.decode()
    assert "Pending approval" not in page and "v2" in rows(page)["production"]
    assert alias_versions(protected)["production"] == "v2"
    change = AliasChange.objects.of(protected, "production").first()
    assert (change.proposal, change.reason, change.changed_by) == (pending, "it is <better>", alice)
    drawer = " ".join(client.get(f"{PAGE}/production/history").content.decode().split())
    assert "Proposed by bob, approved by alice: go" in re.sub(r"</?a\b[^>]*>", "", drawer)
    again = client.post(proposal_url(pending, "approve"), {}, headers=htmx_headers(PAGE))
    assert again.status_code == 422 and "This proposal was approved by alice." in again.content.decode()


def test_one_is_rejected_and_one_withdrawn(browser, alice, bob, protected, pending, v2):
    response = browser(alice).post(proposal_url(pending, "reject"), {"comment": "not on a Friday"}, follow=True)
    assert "Rejected: production has not changed." in response.content.decode()
    pending.refresh_from_db()
    assert (pending.state, pending.comment) == ("rejected", "not on a Friday")

    second = proposals.propose(Actor(bob, Channel.SDK), protected, "production", v2)
    assert browser(bob).get(proposal_url(second, "withdraw")).status_code == 200
    response = browser(bob).post(proposal_url(second, "withdraw"), {}, follow=True)
    assert "Withdrawn: production has not changed." in response.content.decode()
    assert alias_versions(protected)["production"] == "v1" and not AliasProposal.objects.open().exists()


def test_nobody_decides_about_what_they_proposed_or_without_the_role(browser, alice, bob, vera, mallory, pending, v2):
    for user, act, status in [
        (bob, "approve", 403), (bob, "reject", 403), (vera, "approve", 403), (vera, "withdraw", 403),
        (alice, "withdraw", 403), (mallory, "approve", 404), (mallory, "withdraw", 404),
    ]:  # fmt: skip
        assert browser(user).post(proposal_url(pending, act), {}).status_code == status, (user, act)
    pending.refresh_from_db()
    assert pending.is_open


def test_a_proposal_whose_alias_has_moved_can_only_be_rejected(browser, alice, bob, acme, protected, pending, v1):
    for rule in protection.rules_for(protected):
        protection.delete(Actor(alice), rule)
    v3 = log(bob, protected, {"three": b"3"})
    aliases.move(Actor(bob, Channel.SDK), protected, "production", v3)
    client = browser(alice)

    page = client.get(PAGE).content.decode()
    assert "The alias has moved to v3" in page
    assert proposal_url(pending, "reject") in page and proposal_url(pending, "approve") not in page
    for headers in ({}, htmx_headers(PAGE)):
        response = client.post(proposal_url(pending, "approve"), {"comment": "kept"}, headers=headers)
        assert response.status_code == 422 and "kept</textarea>" in response.content.decode()
        assert "was moved in the meantime: it now points to v3." in response.content.decode()
    aliases.remove(Actor(bob, Channel.SDK), protected, "production")
    assert "The alias no longer exists" in client.get(PAGE).content.decode()


def test_a_proposal_of_another_artifact_is_missing_here(browser, alice, other, pending):
    url = proposal_url(pending, "approve").replace("dataset/data", "model/other")

    assert browser(alice).get(url).status_code == 404
    assert browser(alice).post(url).status_code == 404


def test_other_pages_hear_of_a_proposal(browser, vera, bob, protected, v2):
    client = browser(vera)
    live = live_url(client.get(ARTIFACT_URL).content.decode())
    assert client.get(live, headers=htmx_headers(ARTIFACT_URL)).status_code == 204

    proposal = proposals.propose(Actor(bob, Channel.SDK), protected, "production", v2)
    text = client.get(live, headers=htmx_headers(ARTIFACT_URL)).content.decode()
    assert 'title="1 move pending approval"' in text
    live = live_url(text)
    proposals.withdraw(Actor(bob), proposal)
    assert "waits for a decision" not in client.get(live, headers=htmx_headers(ARTIFACT_URL)).content.decode()

"""What somebody makes thousands of in one thing: aliases of an artifact, rules of a project, teams of a
person. There is a limit, also for many at once, and lists that may exceed it are read page by page."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import invitations, keys, teams
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors, versions
from artifacts.aliases import aliases, proposals, protection
from artifacts.models import Artifact, ArtifactAlias
from artifacts.references import external_stores
from notifications import watches, webhooks
from projects.models import Project
from tests.artifacts.client import at_once, log

# What each adds, to whatever has a limit of it.
ADD: dict[str, Callable[[Actor, Artifact, Any, int], Any]] = {
    "alias": lambda actor, artifact, version, n: aliases.move(actor, artifact, f"a-{n}", version),
    "rule of a team": lambda actor, artifact, _, n: protection.create(actor, artifact.project.team, f"r-{n}"),
    "rule of a project": lambda actor, artifact, _, n: protection.create(actor, artifact.project, f"r-{n}"),
    "rule of an artifact": lambda actor, artifact, _, n: protection.create(actor, artifact, f"r-{n}"),
    "proposal": lambda actor, artifact, version, n: proposals.propose(actor, artifact, f"p-{n}", version),
    "team": lambda actor, artifact, _, n: teams.create(actor, f"team-{n}"),
    "key": lambda actor, artifact, _, n: keys.create(actor, f"key-{n}"),
    "watch": lambda actor, artifact, _, n: watches.watch(actor, Project.objects.get(name=f"demo-{n}")),
    "webhook": lambda actor, artifact, _, n: webhooks.create(
        actor, artifact.project, f"https://8.8.8.8/{n}", events=["version.finalized"]
    ),
    "external store": lambda actor, artifact, _, n: external_stores.create(
        actor, artifact.project.team, name=f"store-{n}", prefix=f"s3://bucket-{n}", reads_as="nobody"
    ),
    "invitation by name": lambda actor, artifact, _, n: invitations.invite_user(
        actor, artifact.project.team, f"guest-{n}", Role.VIEWER
    ),
    "invitation by link": lambda actor, artifact, _, n: invitations.create(actor, artifact.project.team, Role.VIEWER),
}  # fmt: skip
LIMITS = [
    "ALIASES_AN_ARTIFACT", "RULES_A_SCOPE", "OPEN_PROPOSALS_AN_ARTIFACT", "TEAMS_A_PERSON", "KEYS_A_PERSON",
    "WATCHES_A_PERSON", "WEBHOOKS_A_PROJECT", "EXTERNAL_STORES_A_TEAM",
]  # fmt: skip


@pytest.fixture
def few(settings) -> int:
    settings.ALIASES_AN_ARTIFACT = settings.RULES_A_SCOPE = 4
    return 4


@pytest.fixture
def full(few, bob, artifact, v1):
    """The artifact with as many aliases as it may have, of which `latest` is one."""
    aliases.update_many(Actor(bob), artifact, {f"a-{n}": v1 for n in range(few - 1)})
    return artifact


@pytest.mark.django_db
def test_no_way_leads_to_more_aliases(api, browser, alice, bob, full, v1, v2):
    url = f"/api/v1/artifacts/{full.pk}/aliases"
    refused = api(bob).post(url, {"alias": "one-more", "version_id": str(v1.pk)})
    assert (refused.status_code, refused.json()["code"]) == (409, "TooManyAliases")
    assert refused.json()["detail"] == ("Artifact 'data' cannot have more than 4 aliases: remove some first.")
    assert api(bob).put(url, {"aliases": {"a-0": None, "x": "v1", "y": "v1"}}).status_code == 409
    with pytest.raises(errors.TooManyAliases):
        versions.begin(Actor(bob), full, aliases=["a-1", "one-more"])
    with pytest.raises(errors.TooManyAliases):
        versions.finalize(Actor(bob), v2, aliases=["one-more"])
    proposal = proposals.propose(Actor(bob), full, "one-more", v1)
    with pytest.raises(errors.TooManyAliases):
        proposals.approve(Actor(alice), proposal)
    aliases.remove(Actor(bob), full, "a-2")
    aliases.move(Actor(bob), full, "b", v1)
    with pytest.raises(errors.TooManyAliases):
        aliases.rollback(Actor(bob), full, "a-2")
    assert full.alias_set.count() == 4


@pytest.mark.django_db
def test_those_that_are_there_still_move(settings, bob, full, v2):
    # Some were made before there was a limit.
    settings.ALIASES_AN_ARTIFACT = 2
    aliases.move(Actor(bob), full, "a-0", v2)
    aliases.swap(Actor(bob), full, "a-0", "a-1")
    aliases.remove(Actor(bob), full, "latest")
    v3 = log(bob, full, {"three.txt": b"three"})
    versions.finalize(Actor(bob), v3, aliases=["a-2"])
    assert set(v3.aliases.values_list("alias", flat=True)) == {"latest", "a-2"}


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_as_many_get_one_as_there_is_room_for(few, bob, artifact, v1):
    outcomes = at_once(*(lambda n=n: aliases.move(Actor(bob), artifact, f"a-{n}", v1) for n in range(8)))
    refused = [outcome for outcome in outcomes if isinstance(outcome, errors.TooManyAliases)]
    assert (len(refused), artifact.alias_set.count()) == (5, few)


@pytest.mark.django_db
def test_the_list_of_aliases_has_pages(api, vera, artifact, v1):
    ArtifactAlias.objects.bulk_create(
        ArtifactAlias(artifact=artifact, version=v1, alias=f"r-{n:04}") for n in range(2500)
    )
    client, url = api(vera), f"/api/v1/artifacts/{artifact.pk}/aliases"
    first = client.get(url).json()
    rest = client.get(url, {"cursor": first["next_cursor"]}).json()
    assert (len(first["items"]), len(rest["items"]), first["total"], rest["total"]) == (2000, 501, 2501, 2501)
    assert rest["next_cursor"] is None
    names = [item["alias"] for item in first["items"] + rest["items"]]
    assert (names, len(set(names))) == (sorted(names), 2501)
    assert len(client.get(url, {"limit": 3}).json()["items"]) == 3
    assert client.get(url, {"limit": 2001}).status_code == 400


@pytest.mark.django_db
def test_a_scope_has_few_rules(few, api, alice, project, artifact):
    for scope in (project.team, project, artifact):
        for number in range(few):
            protection.create(Actor(alice), scope, f"kept-{number}")
    body = {"project": str(project.pk), "pattern": "one-more"}
    refused = api(alice).post("/api/v1/alias-rules", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "TooManyRules")
    assert "acme/demo" in refused.json()["detail"]


@pytest.mark.django_db
def test_somebody_creates_few_teams(settings, api, mallory):
    settings.TEAMS_A_PERSON = 3
    client = api(mallory)
    # The first one is personal.
    answers = [client.post("/api/v1/teams", {"name": f"team-{number}"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[-1].json()["code"] == "TooManyTeams"
    assert len(client.get("/api/v1/me").json()["teams"]) == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ADD)
def test_of_many_at_once_no_more_are_added_than_there_is_room_for(kind, settings, monkeypatch, alice, artifact, v1):
    for name in LIMITS:
        setattr(settings, name, 4)
    monkeypatch.setattr(invitations, "MOST_PENDING", 4)
    Project.objects.bulk_create(
        Project(team=artifact.project.team, name=f"demo-{n}", created_by=alice) for n in range(8)
    )
    add = ADD[kind]
    outcomes = at_once(*(lambda n=n: add(Actor(alice), artifact, v1, n) for n in range(8)))
    refused = [outcome for outcome in outcomes if isinstance(outcome, errors.Conflict)]
    assert {refusal.code[:7] for refusal in refused} == {"TooMany"}, outcomes
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception) and outcome not in refused]
    # Of aliases `latest` was there before; alice was in two teams.
    assert len(outcomes) - len(refused) == 4 - {"alias": 1, "team": 2}.get(kind, 0)

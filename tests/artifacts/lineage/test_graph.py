"""Lineage: what something was made from and what was made from it, as a graph that is never too large."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from accounts.models import Membership
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.lineage import graph, usages
from artifacts.lineage.graph import Direction, Expansion, NodeKind
from artifacts.models import ArtifactVersion
from core import errors
from projects.models import Project
from tests.artifacts.lineage import histories

API = "/api/v1"


@pytest.fixture
def story(alice, bob, project, artifact, other):
    """data:v1 → train → other:v1 → eval → report:v1, and other:v2 derived from other:v1."""
    report = artifacts.create(Actor(alice), project, "report", "file")
    train, evaluate = histories.runs(project, bob, 2)
    [data] = histories.versions(artifact, 1)
    model, better = histories.versions(other, 2, [train, None])
    [result] = histories.versions(report, 1, [evaluate])
    histories.use([(train, data)], ["production", "v1"])
    histories.use([(evaluate, model)])
    histories.derive([(better, model)], "staging")
    return {
        "data": data, "train": train, "model": model, "better": better, "evaluate": evaluate, "result": result,
        "report": report,
    }  # fmt: skip


def names_of(body: dict, story: dict) -> dict[str, int]:
    """By name of the story the distance of the nodes."""
    names = {str(row.pk): name for name, row in story.items()}
    return {names.get(node["id"], node["id"]): node["distance"] for node in body["nodes"]}


def edges_of(body: dict, story: dict) -> set[tuple[str, str, str]]:
    names = {str(row.pk): name for name, row in story.items()}
    return {
        (names.get(edge["source"], edge["source"]), edge["kind"], names.get(edge["target"], edge["target"]))
        for edge in body["edges"]
    }


def test_the_lineage_of_a_version(api, vera, story, other):
    aliases.move(Actor(_admin(other)), other, "staging", story["model"])
    url = f"{API}/artifacts/versions/{story['model'].pk}/lineage"
    body = api(vera).get(url).json()

    assert body["root"] == body["nodes"][0]["id"] == str(story["model"].pk)
    assert names_of(body, story) == {"model": 0, "train": -1, "evaluate": 1, "better": 1, "data": -2, "result": 2}
    assert edges_of(body, story) == {
        ("data", "used", "train"), ("train", "logged", "model"), ("model", "used", "evaluate"),
        ("evaluate", "logged", "result"), ("model", "derived", "better"),
    }  # fmt: skip
    assert body["truncated"] is False
    asked = {edge["kind"]: edge["requested_as"] for edge in body["edges"] if edge["requested_as"]}
    assert asked == {"used": ["production", "v1"], "derived": ["staging"]}
    by_id = {node["id"]: node for node in body["nodes"]}
    nothing = {"upstream": 0, "downstream": 0}
    model = by_id[str(story["model"].pk)]
    assert model == {
        "id": str(story["model"].pk), "kind": "version", "name": "other", "type": "model", "project": "acme/demo",
        "display_name": None, "version": "v1", "aliases": ["staging"], "size": 1, "state": "finalized",
        "job_type": None, "distance": 0,
        "more": nothing, "url": model["url"], "created_at": model["created_at"],
    }  # fmt: skip
    assert model["url"].endswith("/acme/demo/artifacts/model/other/v1") and model["created_at"].endswith("Z")
    train = by_id[str(story["train"].pk)]
    assert (train["kind"], train["name"], train["state"], train["type"]) == ("run", "run-0", "finished", None)
    assert (train["size"], train["version"], train["aliases"], train["more"]) == (None, None, [], nothing)


def _admin(artifact):
    return Membership.objects.get(team=artifact.project.team, role="admin").user


@pytest.mark.parametrize(
    ("query", "expected", "truncated"),
    [
        ("direction=upstream", {"model": 0, "train": -1, "data": -2}, False),
        ("direction=downstream", {"model": 0, "evaluate": 1, "better": 1, "result": 2}, False),
        ("depth=1", {"model": 0, "train": -1, "evaluate": 1, "better": 1}, True),
        ("direction=upstream&depth=1", {"model": 0, "train": -1}, True),
        ("limit=1", {"model": 0}, True),
        ("limit=3", {"model": 0, "train": -1, "better": 1}, True),
        ("siblings=1&direction=downstream", None, True),
    ],
)
def test_direction_depth_and_limit(api, vera, story, query, expected, truncated):
    body = api(vera).get(f"{API}/artifacts/versions/{story['model'].pk}/lineage?{query}").json()

    if expected is None:
        # Of either kind of edge one: neither hides the other.
        expected = {"model": 0, "evaluate": 1, "better": 1, "result": 2}
        truncated = False
    assert (names_of(body, story), body["truncated"]) == (expected, truncated)


def test_what_was_cut_off_is_counted_and_can_be_asked_for(api, vera, story):
    client = api(vera)
    body = client.get(f"{API}/artifacts/versions/{story['model'].pk}/lineage?depth=1").json()
    more = {node["id"]: node["more"] for node in body["nodes"]}
    assert more[str(story["train"].pk)] == {"upstream": 1, "downstream": 0}
    assert more[str(story["evaluate"].pk)] == {"upstream": 0, "downstream": 1}
    assert more[str(story["model"].pk)] == {"upstream": 0, "downstream": 0}

    behind = client.get(f"{API}/runs/{story['evaluate'].pk}/lineage?direction=downstream").json()
    assert names_of(behind, story) == {"evaluate": 0, "result": 1}
    upstream = client.get(f"{API}/artifacts/versions/{story['data'].pk}/lineage?direction=upstream").json()
    assert [node["more"] for node in upstream["nodes"]] == [{"upstream": 0, "downstream": 0}]


def test_versions_folded_into_artifacts(api, vera, bob, artifact, other, story):
    [newer] = histories.versions(artifact, 1)
    histories.use([(story["train"], newer)], ["latest"])
    things = {**story, "artifact": artifact, "other": other}
    client = api(vera)
    body = client.get(f"{API}/artifacts/{other.pk}/lineage").json()

    assert names_of(body, things) == {"other": 0, "train": -1, "evaluate": 1, "artifact": -2, "report": 2}
    assert edges_of(body, things) == {
        ("artifact", "used", "train"), ("train", "logged", "other"), ("other", "used", "evaluate"),
        ("evaluate", "logged", "report"),
    }  # fmt: skip
    [used] = [edge for edge in body["edges"] if edge["source"] == str(artifact.pk)]
    assert sorted(used["requested_as"]) == ["latest", "production", "v1"]
    root = body["nodes"][0]
    assert (root["kind"], root["name"], root["type"], root["version"], root["state"]) == (
        "artifact", "other", "model", None, None,
    )  # fmt: skip
    assert root["more"] == {"upstream": 0, "downstream": 0} and not body["truncated"]
    assert client.get(f"{API}/artifacts/versions/{story['better'].pk}/lineage?fold=true").json() == body
    folded = client.get(f"{API}/runs/{story['train'].pk}/lineage?fold=true").json()
    assert names_of(folded, things) == {"train": 0, "artifact": -1, "other": 1, "evaluate": 2, "report": 3}


def test_what_one_may_not_see_is_a_private_node(api, vera, bob, mallory, foreign, story):
    """mallory's run used what all may see, and bob's run used what she made."""
    [hidden_run] = histories.runs(foreign.project, mallory, 1, "secret")
    [hidden] = histories.versions(foreign, 1, [hidden_run])
    histories.use([(hidden_run, story["result"])], ["prod-of-mallory"])
    [public_run] = histories.runs(story["train"].project, bob, 1, "after")
    histories.use([(public_run, hidden)], ["secret-alias"])

    response = api(vera).get(f"{API}/artifacts/versions/{story['result'].pk}/lineage?direction=downstream")
    body = response.json()
    things = {**story, "after": public_run}
    assert names_of(body, things) == {"result": 0, "private-1": 1, "private-2": 2, "after": 3}
    assert edges_of(body, things) == {
        ("result", "used", "private-1"), ("private-1", "logged", "private-2"), ("private-2", "used", "after"),
    }  # fmt: skip
    private = body["nodes"][1]
    assert private == {
        "id": "private-1", "kind": "private", "name": None, "display_name": None, "type": None, "url": None,
        "project": None, "version": None, "aliases": [], "size": None, "state": None, "job_type": None,
        "created_at": None,
        "distance": 1, "more": {"upstream": 0, "downstream": 0},
    }  # fmt: skip
    for secret in ("secret", "mallory", "hers", str(hidden.pk), str(hidden_run.pk), str(foreign.pk)):
        assert secret not in response.content.decode()
    folded = api(vera).get(f"{API}/artifacts/{story['report'].pk}/lineage?direction=downstream")
    assert [node["kind"] for node in folded.json()["nodes"]] == ["artifact", "private", "private", "run"]
    assert str(foreign.pk) not in folded.content.decode()
    assert api(mallory).get(f"{API}/runs/{hidden_run.pk}/lineage").json()["nodes"][1]["kind"] == "private"


def test_a_version_that_was_deleted_keeps_the_graph_connected(api, vera, bob, story):
    versions.delete(Actor(bob), ArtifactVersion.objects.select_related("artifact__project__team").get(
        pk=story["model"].pk
    ))  # fmt: skip
    client = api(vera)
    body = client.get(f"{API}/artifacts/versions/{story['result'].pk}/lineage?depth=50").json()
    assert names_of(body, story) == {"result": 0, "evaluate": -1, "model": -2, "train": -3, "data": -4}
    deleted = body["nodes"][2]
    assert (deleted["state"], deleted["url"], deleted["name"], deleted["version"]) == ("deleted", None, "other", "v1")
    assert client.get(f"{API}/artifacts/versions/{story['model'].pk}/lineage").status_code == 404


def test_a_draft_has_what_it_is_made_from_and_is_part_of_nothing(api, bob, other, story):
    draft = versions.begin(
        Actor(bob), other, run=story["evaluate"], derived_from=[str(story["data"].pk)]
    ).version  # fmt: skip
    client = api(bob)
    body = client.get(f"{API}/artifacts/versions/{draft.pk}/lineage?depth=1").json()
    assert names_of(body, story | {"draft": draft}) == {"draft": 0, "evaluate": -1, "data": -1}
    assert body["nodes"][0]["state"] == "draft"
    body = client.get(f"{API}/runs/{story['evaluate'].pk}/lineage").json()
    assert str(draft.pk) not in {node["id"] for node in body["nodes"]}
    with pytest.raises(errors.Missing):
        usages.use_version(Actor(bob), story["train"], draft)


def test_cycles_are_harmless(vera, bob, story):
    """A run that reads again what it made."""
    histories.use([(story["train"], story["model"])])
    found = graph.lineage(vera, story["model"], depth=50)
    assert {node.id for node in found.nodes} == {str(row.pk) for name, row in story.items() if name != "report"}
    ends = {(edge.source, edge.target) for edge in found.edges}
    assert {(str(story["train"].pk), found.root), (found.root, str(story["train"].pk))} <= ends
    assert len(found.edges) == 6 and not found.truncated


def test_a_diamond_of_a_million_paths_shows_each_node_once(vera, bob, artifact):
    root = histories.diamond(artifact, bob, 20)
    found = graph.lineage(vera, root, depth=50)
    assert len(found.nodes) == len({node.id for node in found.nodes}) == 1 + 4 * 20
    assert max(node.distance for node in found.nodes) == 40 and not found.truncated
    assert len(found.edges) == 2 + 19 * 4 + 20 * 2
    last = artifact.versions.order_by("-number").first()
    assert len(graph.lineage(vera, last, depth=50, direction=Direction.UPSTREAM).nodes) == 1 + 4 * 19 + 1 + 1


def test_a_chain_of_a_thousand_versions(vera, artifact):
    chain = histories.versions(artifact, 1000)
    histories.derive(zip(chain[1:], chain, strict=False))
    found = graph.lineage(vera, chain[500], depth=50)
    assert [node.distance for node in found.nodes] == sorted((*range(-50, 51),), key=lambda far: (abs(far), far > 0))
    assert found.truncated and len(found.edges) == 100
    furthest = found.nodes[-1]
    assert (furthest.distance, furthest.more) == (50, graph.More(0, 1))
    assert len(graph.lineage(vera, chain[0], depth=50, limit=10).nodes) == 10


def test_ten_thousand_users_of_one_version(vera, bob, project, artifact, other):
    [data] = histories.versions(artifact, 1)
    newest = histories.users(data, bob, 10_000)
    histories.versions(other, 1, [newest])

    found = graph.lineage(vera, data)
    assert len(found.nodes) == 500 and found.truncated
    assert found.nodes[0].more == graph.More(0, 10_000 - 499)
    # The newest first.
    assert found.nodes[1].id == str(newest.pk) and found.nodes[1].more == graph.More(0, 1)
    few = graph.lineage(vera, data, siblings=20)
    assert [node.kind for node in few.nodes] == [NodeKind.VERSION, *[NodeKind.RUN] * 20, NodeKind.VERSION]
    assert few.nodes[0].more == graph.More(0, 9_980) and few.truncated
    assert len(graph.lineage(vera, data, limit=5000).nodes) == 5000
    # What is upstream is not crowded out.
    [maker] = histories.runs(project, bob, 1, "maker")
    ArtifactVersion.objects.filter(pk=data.pk).update(run=maker)
    assert min(node.distance for node in graph.lineage(vera, data).nodes) == -1


def test_expansions_go_on_from_nodes_that_are_there_and_visible(vera, bob, mallory, foreign, story):
    [hidden_run] = histories.runs(foreign.project, mallory, 1, "secret")
    [hidden, *copies] = histories.versions(foreign, 4, [hidden_run] * 4)
    histories.use([(hidden_run, story["result"]), (hidden_run, story["better"])])
    histories.derive((copy, story["result"]) for copy in copies)
    last, other = (Expansion(Direction.DOWNSTREAM, NodeKind.VERSION, story[name].pk) for name in ("result", "better"))

    def nodes_of(*expansions: Expansion) -> list[graph.Node]:
        return graph.lineage(vera, story["data"], depth=3, expansions=expansions).nodes

    names = {str(row.pk): name for name, row in story.items()}
    before = nodes_of()
    assert {names[node.id] for node in before} == {"data", "train", "model", "evaluate", "better"}
    assert [node.more.downstream for node in before if node.id == str(story["better"].pk)] == [1]
    step = Expansion(Direction.DOWNSTREAM, NodeKind.RUN, story["evaluate"].pk)
    assert len(nodes_of(last)) == len(before), "it is not there yet"
    # The run of hers that used two of them is one node, whichever is expanded, and what she made of them is too.
    for expansions in ((step, last), (step, last, other), (other, step, last)):
        found = nodes_of(*expansions)
        assert [node.kind for node in found].count("private") == 5 and len(found) == len(before) + 1 + 5
        assert len({node.id for node in found}) == len(found)
        assert not any(node.more.downstream for node in found)
    for node in (hidden_run, hidden):
        kind = NodeKind.RUN if node is hidden_run else NodeKind.VERSION
        expansion = Expansion(Direction.DOWNSTREAM, kind, node.pk)
        assert len(nodes_of(step, last, expansion)) == len(nodes_of(step, last))
    histories.use([(histories.runs(story["train"].project, bob, 1, "after")[0], hidden)])
    assert len(nodes_of(step, last, Expansion(Direction.DOWNSTREAM, NodeKind.VERSION, hidden.pk))) == len(
        nodes_of(step, last)
    )


def test_the_number_of_queries_does_not_grow(api, vera, bob, artifact, other, story):
    client, url = api(vera), f"{API}/artifacts/versions/{story['model'].pk}/lineage?depth=50"

    def cost(url: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    folded = f"{API}/artifacts/{other.pk}/lineage"
    client.get(url)
    before = [cost(url), cost(folded)]
    # Key, version, its aliases; walk, versions, runs, projects, edges.
    assert max(before) <= 8
    more = histories.runs(story["train"].project, bob, 30, "more")
    histories.use((run, story["model"]) for run in more)
    histories.versions(artifact, 30, more)
    assert [cost(url), cost(folded)] == before


@pytest.mark.parametrize(
    "query",
    ["depth=0", "depth=-1", "depth=51", "depth=x", "limit=0", "limit=5001", "limit=1e3", "siblings=0",
     "direction=sideways", "fold=perhaps", "depth=9999999999999999999999"],
)  # fmt: skip
def test_a_wrong_query_is_refused(api, vera, story, query):
    client = api(vera)
    paths = (f"artifacts/versions/{story['model'].pk}", f"runs/{story['train'].pk}")
    for path in (*paths, f"artifacts/{story['report'].pk}")[: 2 if "fold" in query else 3]:
        answer = client.get(f"{API}/{path}/lineage?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
        assert list(answer.json()["errors"]) == [query.partition("=")[0]]


def test_what_is_not_there_or_not_to_be_seen(api, vera, mallory, foreign, story):
    [hidden_run] = histories.runs(foreign.project, mallory, 1)
    [hidden] = histories.versions(foreign, 1, [hidden_run])
    client = api(vera)
    for version in (hidden.pk, uuid4()):
        assert client.get(f"{API}/artifacts/versions/{version}/lineage").status_code == 404
        assert client.get(f"{API}/artifacts/versions/{version}/impact").status_code == 404
    assert client.get(f"{API}/artifacts/{foreign.pk}/lineage").status_code == 404
    assert client.get(f"{API}/runs/{hidden_run.pk}/lineage").status_code == 404
    assert client.get(f"{API}/artifacts/versions/nonsense/lineage").status_code == 404
    for wrong in ({"depth": 0}, {"depth": 51}, {"limit": 0}, {"limit": 5001}, {"siblings": 0}):
        with pytest.raises(errors.Invalid):
            graph.lineage(vera, story["model"], **wrong)


def test_across_projects(api, vera, alice, bob, acme, story):
    elsewhere = Project.objects.create(team=acme, name="elsewhere", created_by=alice)
    [run] = histories.runs(elsewhere, bob, 1)
    usages.use(Actor(bob), run, "acme/demo/report:v1")
    body = api(vera).get(f"{API}/runs/{run.pk}/lineage").json()
    assert {node["project"] for node in body["nodes"]} == {"acme/elsewhere", "acme/demo"}
    assert body["edges"][-1]["requested_as"] == ["v1"] or ["v1"] in [edge["requested_as"] for edge in body["edges"]]

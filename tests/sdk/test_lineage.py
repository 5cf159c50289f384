"""Graphs as the API answers them, their texts, and what `derived_from` takes; no server is asked."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

import wanllmdb as wandb
from tests.sdk.network import Handler, serve
from wanllmdb.sdk.connection import connect
from wanllmdb.sdk.lineage import mermaid, sources, tree
from wanllmdb.sdk.lineage.graph import Lineage

HOSTILE = 'x"]; end %%{init: {"securityLevel": "loose"}}%% <img src=x onerror=alert(1)>\n```\x1b[31m#quot;'
VERSION = {"kind": "version", "project": "acme/churn", "type": "dataset", "created_at": "2026-05-03T12:00:00Z"}


def version(id: str, name: str, number: int, **fields: object) -> dict:
    more = {"upstream": 0, "downstream": 0}
    return {
        **VERSION,
        "id": id,
        "name": name,
        "version": f"v{number}",
        "aliases": [],
        "size": 3,
        "more": more,
        **fields,
    }


GRAPH = {
    "root": "m",
    "nodes": [
        version("m", "model", 3, aliases=["latest"], type="model"),
        {"id": "r", "kind": "run", "name": HOSTILE, "project": "acme/churn", "state": "finished", "job_type": "train",
         "more": {"upstream": 1200, "downstream": 0}},
        version("d", "data", 1, aliases=["latest", "production"], state="finalized"),
        {"id": "p", "kind": "private"},
        version("s", "small", 1, state="deleted"),
    ],
    "edges": [
        {"source": "r", "target": "m", "kind": "logged", "requested_as": []},
        {"source": "d", "target": "r", "kind": "used", "requested_as": ["production", "v1"]},
        {"source": "d", "target": "m", "kind": "derived", "requested_as": ["latest"]},
        {"source": "m", "target": "p", "kind": "used", "requested_as": []},
        {"source": "p", "target": "s", "kind": "logged", "requested_as": []},
        {"source": "s", "target": "m", "kind": "derived", "requested_as": []},
        {"source": "m", "target": "gone", "kind": "used", "requested_as": []},
    ],
    "truncated": True,
}  # fmt: skip


def test_a_graph_has_nodes_and_the_edges_between_them():
    lineage = Lineage(GRAPH)
    assert repr(lineage) == "<Lineage of acme/churn/model:v3: 5 nodes, 6 edges, of more>"
    assert lineage.truncated and len(lineage) == 5 and lineage.as_dict() == GRAPH
    assert [lineage.node(edge.source).qualified_name for edge in lineage.edges_to(lineage.root)][1:] == [
        "acme/churn/data:v1",
        "acme/churn/small:v1",
    ]
    assert [lineage.node(edge.target).qualified_name for edge in lineage.edges_from(lineage.root)] == ["private"]
    assert lineage.node("r").more_upstream == 1200
    with pytest.raises(wandb.NotFound, match="no node 'x'"):
        lineage.node("x")


def test_a_chart_has_names_as_text():
    chart = Lineage(GRAPH).to_mermaid()
    lines = chart.splitlines()
    assert lines[0] == "flowchart LR" and len(lines) == 1 + 5 + 6 + 1
    assert lines[1] == '    n0["acme/churn/model:v3 (model, latest)"]'
    assert '    n2 -->|"used as production, v1"| n1' in lines
    # Outside of the quotes there is only what is ours, and inside nothing that Mermaid or HTML reads.
    run = next(line for line in lines if line.startswith("    n1("))
    before, text, after = run.split('"')
    assert (before, after) == ("    n1([", "])")
    assert not set(text) & set('"[]{}<>%`\n\x1b|') and "#quot;" not in text
    assert mermaid.escape("é 1" + "x" * 500).startswith("é 1xxx") and len(mermaid.escape("x" * 500)) == 200


def test_a_tree_names_each_node_once():
    lines = list(tree.lines_of(Lineage(GRAPH), "both"))
    run = 'acme/churn/x"]; end %%{init: {"securityLevel": "loose"}}%% <img src=x onerror=alert(1)> ``` [31m#quot;'
    assert lines == [
        "acme/churn/model:v3 [latest]",
        "Upstream",
        f"├── logged by run {run} (finished, train)",
        "│   ├── used acme/churn/data:v1 [latest, production] as production, v1",
        "│   └── 1,200 more",
        "├── derived from acme/churn/data:v1 [latest, production] as latest (see above)",
        "└── derived from acme/churn/small:v1 (deleted)",
        "    └── logged by private",
        "        └── used acme/churn/model:v3 [latest] (see above)",
        "Downstream",
        "└── used by private",
        "    └── logged acme/churn/small:v1 (deleted)",
        "        └── source of acme/churn/model:v3 [latest] (see above)",
    ]
    alone = {"root": "m", "nodes": GRAPH["nodes"][:1], "edges": []}
    assert list(tree.lines_of(Lineage(alone), "downstream")) == [
        "acme/churn/model:v3 [latest]",
        "Downstream",
        "└── nothing",
    ]


def test_a_tree_may_be_as_deep_as_there_are_nodes():
    """Each version was derived from the one before it and from the first: all are one step from that."""
    nodes = [version(f"v{number}", "data", number) for number in range(1, 1501)]
    edges = [
        {"source": source, "target": f"v{number}", "kind": "derived", "requested_as": []}
        for number in range(2, 1501)
        for source in (f"v{number - 1}", "v1")
    ]
    lines = list(tree.lines_of(Lineage({"root": "v1", "nodes": nodes, "edges": edges}), "downstream"))
    assert len(lines) == 2 + len(edges) and "data:v1500" in lines[1500]


@pytest.mark.parametrize("bad", ["", "a:", "a//b", "a/b/c/d:v1", ":x"])
def test_what_is_no_version_is_refused(bad):
    with pytest.raises(wandb.Invalid, match="is not a version: use"):
        wandb.Artifact("a", "dataset", derived_from=[bad])


def test_derived_from_takes_names_and_logged_artifacts():
    draft = wandb.Artifact("a", "dataset")
    with pytest.raises(wandb.NotLogged, match="derived_from: artifact 'a' is not logged yet"):
        wandb.Artifact("b", "dataset", derived_from=draft)
    with pytest.raises(wandb.Invalid, match="derived_from takes names and artifacts, not 3"):
        wandb.Artifact("b", "dataset", derived_from=["data:v1", 3])
    with pytest.raises(wandb.Invalid, match="at most 100 versions, not 101"):
        wandb.Artifact("b", "dataset", derived_from=[f"data:v{number}" for number in range(1, 102)])
    with pytest.raises(wandb.Invalid, match="derived_from takes"):
        wandb.Artifact("b", "dataset", derived_from=3)
    assert [source.name for source in wandb.Artifact("b", "dataset", derived_from="x:y")._state.derived_from] == ["x:y"]
    connection = connect(mode="online", api_key="wllm_x")
    record = {"id": "1234", "project_name": "acme/churn", "artifact_name": "data", "version": "v1", "aliases": []}
    found = sources.of_version("acme/churn/data:v1", record)
    offline = sources.Source("data (logged offline)", offline={"run": "r", "artifact": "a"})
    named = [sources.of_name(name) for name in ("data", "other/data:v2", "x/y/data:best")]
    assert sources.to_wire(connection, sources.without_repeats([found, found, *named]), "acme/churn") == [
        "1234",
        "data",
        "acme/other/data:v2",
        "x/y/data:best",
    ]
    with pytest.raises(wandb.NotLogged, match=r"data \(logged offline\) has no version yet: send it with"):
        sources.to_wire(connection, [offline], "acme/churn")


class ImpactHandler(Handler):
    """25 runs downstream of a version, ten a page whatever was asked for."""

    def do_GET(self) -> None:
        self.server.requests.append((self.command, self.path, {}))
        start = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
        results = [
            {"id": str(number), "kind": "run", "name": f"r{number}", "project": "acme/churn", "distance": number}
            for number in range(start, min(start + 10, 25))
        ]
        following = str(start + 10) if start + 10 < 25 else None
        body = {"summary": {"runs": 25}, "results": results, "next_cursor": following}
        self.answer(200, json.dumps(body).encode(), Content_Type="application/json")


def test_impact_is_fetched_page_by_page():
    record = {"id": "1234", "project_name": "acme/churn", "artifact_name": "data", "version": "v1", "aliases": []}
    with serve(ImpactHandler) as server:
        connection = connect(mode="online", api_key="wllm_x", base_url=server.url)
        impact = wandb.Artifact._from_record(connection, record).impact()
        assert server.requests == []
        assert impact.summary == {"runs": 25} and impact[0].qualified_name == "acme/churn/r0"
        assert len(server.requests) == 1
        assert (impact[0].team, impact[3].distance, len(impact), len(server.requests)) == ("acme", 3, 25, 3)
        with pytest.raises(wandb.Invalid, match="direction takes"):
            wandb.Artifact._from_record(connection, record).lineage(direction="sideways")


def test_a_draft_has_no_lineage():
    draft = wandb.Artifact("a", "dataset")
    for ask in (draft.lineage, draft.impact, draft.used_by, draft.logged_by):
        with pytest.raises(wandb.NotLogged, match="'a' is not logged yet"):
            ask()


def test_disabled_runs_list_what_they_logged_and_used():
    with wandb.init(project="acme/lineage", mode="disabled") as run:
        data = run.log_artifact(wandb.Artifact("data", "dataset", derived_from=["other:latest"]))
        run.use_artifact("data:latest")
        wandb.use_artifact(data)
        assert [found.version for found in run.logged_artifacts()] == ["v1"]
        assert [found.version for found in run.used_artifacts()] == ["v1"]
        with pytest.raises(wandb.Invalid, match="lineage needs a server, but the mode is 'disabled'"):
            data.lineage()
        with pytest.raises(wandb.NotLogged, match="use_artifact: artifact 'draft' is not logged yet"):
            run.use_artifact(wandb.Artifact("draft", "dataset"))

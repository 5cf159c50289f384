"""A graph of lineage for networkx, which a user may have installed."""

import networkx
import pytest

import wanllmdb as wandb
from tests.sdk.test_lineage import GRAPH
from wanllmdb.sdk.lineage import graph
from wanllmdb.sdk.lineage.graph import Lineage


def test_a_graph_for_networkx(monkeypatch):
    drawn = Lineage(GRAPH).to_networkx()
    assert list(networkx.ancestors(drawn, "m")) and drawn.graph["root"] == "m"
    assert drawn.nodes["d"]["qualified_name"] == "acme/churn/data:v1"
    assert drawn.edges["d", "r", "used"]["requested_as"] == ["production", "v1"]
    monkeypatch.setattr(graph, "find_spec", lambda name: None)
    with pytest.raises(wandb.Invalid, match="pip install networkx"):
        Lineage(GRAPH).to_networkx()

"""The response of an operation is lost: the SDK retries it, and it takes effect once."""

from collections.abc import Callable, Iterator

import pytest

import wanllmdb as wandb
from harness.lossy_proxy import LossyProxy
from wanllmdb import registry
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def proxy(stack) -> Iterator[LossyProxy]:
    with LossyProxy(stack.base_url) as proxy:
        yield proxy


@pytest.fixture
def model(run, project, proxy, monkeypatch) -> str:
    """`production` is at v1, `staging` at v2, and bob uses the proxy."""
    for number, alias in enumerate(["production", "staging", None], 1):
        artifact = wandb.Artifact("ranker", "model")
        with artifact.new_file("weights") as file:
            file.write(f"weights {number}")
        run.log_artifact(artifact, aliases=alias)
    wandb.finish()
    monkeypatch.setenv("WANLLMDB_BASE_URL", proxy.url)
    return f"{project}/ranker"


@pytest.fixture
def alice(stack, model) -> Callable[..., None]:
    """`alice("production", "v2")`: she moves it, without the proxy."""
    client = Client(stack.base_url, stack.key("alice"))

    def move(alias: str, version: str | None) -> None:
        artifact_id = client.get("/artifacts/resolve", name=model)["artifact"]["id"]
        client.put(f"/artifacts/{artifact_id}/aliases", {"aliases": {alias: version}})

    return move


def changes(model: str, alias: str) -> list[tuple[str | None, str | None, str]]:
    return [(row.from_version, row.to_version, row.changed_by) for row in registry.history(model, alias)]


def test_a_run_starts_once(bob, project, proxy, monkeypatch):
    monkeypatch.setenv("WANLLMDB_BASE_URL", proxy.url)
    proxy.drops = ("POST", "/runs")
    with wandb.init(project=project) as run:
        assert [status for _, status in proxy.matched] == [201, 201]
    assert [stored.id for stored in wandb.Api().runs(project)] == [run.id]


@pytest.mark.parametrize("condition", [{}, {"expect": "v1"}])
def test_a_move_takes_effect_once(model, proxy, condition):
    proxy.drops = ("PUT", "/aliases")
    assert registry.transition_stage(model, "v3", "Production", **condition).version == "v3"
    assert [status for _, status in proxy.matched] == [200, 409 if condition else 200]
    assert changes(model, "production") == [("v1", "v3", "bob"), (None, "v1", "bob")]


def test_an_alias_is_created_once(model, proxy):
    proxy.drops = ("PUT", "/aliases")
    registry.transition_stage(model, "v3", "champion", expect="none")
    assert changes(model, "champion") == [(None, "v3", "bob")]


def test_a_removal_takes_effect_once(model, proxy):
    proxy.drops = ("PUT", "/aliases")
    artifact = wandb.Api().artifact(f"{model}:production")
    artifact.aliases.remove("production")
    artifact.save()
    assert artifact.aliases == []
    assert [status for _, status in proxy.matched] == [200, 409]
    assert changes(model, "production")[0] == ("v1", None, "bob")


def test_a_rollback_does_not_undo_itself(model, proxy):
    registry.transition_stage(model, "v2", "Production")
    proxy.drops = ("POST", "/rollback")
    assert registry.rollback(model, "production").version == "v1"
    assert [status for _, status in proxy.matched] == [200, 409]
    assert len(changes(model, "production")) == 3


def test_a_swap_does_not_undo_itself(model, proxy):
    proxy.drops = ("PUT", "/aliases")
    assert registry.swap(model, "production", "staging") == {"production": "v2", "staging": "v1"}
    assert wandb.Api().collection(model).all_aliases() == {"latest": "v3", "production": "v2", "staging": "v1"}


def test_a_proposal_is_created_once(model, proxy):
    proxy.drops = ("POST", "/alias-proposals")
    proposal = registry.propose(model, "v2", "production")
    assert [status for _, status in proxy.matched] == [201, 409]
    assert registry.proposals(model, state=None) == [proposal]
    proxy.drops, proxy.matched = ("POST", "/withdraw"), []
    assert registry.withdraw(proposal).state == "withdrawn"
    assert [status for _, status in proxy.matched] == [200, 409]


def test_a_proposed_rollback_is_created_once(model, proxy):
    registry.transition_stage(model, "v2", "Production")
    proxy.drops = ("POST", "/alias-proposals")
    proposal = registry.propose_rollback(model, "production")
    assert [status for _, status in proxy.matched] == [201, 409]
    assert (proposal.is_rollback, registry.proposals(model, state=None)) == (True, [proposal])


def test_a_move_by_somebody_else_to_the_same_version_is_an_error(model, proxy, alice):
    """Two programs make the same move: only the one that made it succeeds."""
    alice("production", "v3")
    with pytest.raises(wandb.AliasMoved):
        registry.transition_stage(model, "v3", "Production", expect="v1")


def test_a_later_move_by_somebody_else_is_not_undone(model, proxy, alice):
    proxy.drops, proxy.before_drop = ("PUT", "/aliases"), lambda: alice("production", "v2")
    with pytest.raises(wandb.AliasMoved, match="it now points to v2"):
        registry.transition_stage(model, "v3", "Production", expect="v1")
    assert changes(model, "production")[:2] == [("v3", "v2", "alice"), ("v1", "v3", "bob")]


def test_a_later_move_by_somebody_else_to_the_same_version_is_not_taken_for_ours(model, proxy, alice):
    proxy.drops, proxy.before_drop = ("PUT", "/aliases"), lambda: (alice("production", "v2"), alice("production", "v3"))
    with pytest.raises(wandb.AliasMoved, match="it now points to v3"):
        registry.transition_stage(model, "v3", "Production", expect="v1")


def test_save_does_not_undo_a_later_move_by_somebody_else(model, proxy, alice):
    artifact = wandb.Api().artifact(f"{model}:production")
    artifact.aliases[:] = ["champion"]
    proxy.drops, proxy.before_drop = ("PUT", "/aliases"), lambda: alice("champion", "v2")
    with pytest.raises(wandb.AliasMoved):
        artifact.save()
    assert changes(model, "champion") == [("v1", "v2", "alice"), (None, "v1", "bob")]
    assert changes(model, "production")[0] == ("v1", None, "bob")

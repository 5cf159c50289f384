"""`wandb.registry`: stages, conditions, history, rollback, swap, and proposals."""

from datetime import datetime

import pytest

import wanllmdb as wandb
from wanllmdb import registry
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def model(run, project) -> str:
    """Three versions of a model; `production` is at the first, `staging` at the second."""
    for number, alias in enumerate(["production", "staging", None], 1):
        artifact = wandb.Artifact("ranker", "model")
        with artifact.new_file("weights") as file:
            file.write(f"weights {number}")
        run.log_artifact(artifact, aliases=alias)
    return f"{project}/ranker"


@pytest.fixture
def protect(stack):
    """`protect(model, "production")`: only admins can move it; with `needs_approval` a second person must approve."""
    alice = Client(stack.base_url, stack.key("alice"))

    def add_rule(model: str, pattern: str, needs_approval: bool = False) -> None:
        project = model.rpartition("/")[0]
        rule = {"project": project, "pattern": pattern, "role": "admin", "needs_approval": needs_approval}
        alice.post("/alias-rules", rule)

    return add_rule


def aliases(model: str) -> dict[str, str]:
    return wandb.Api().collection(model).all_aliases()


# --- Stages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "arguments", "alias"),
    [
        ("v3", {"stage": "Production"}, "production"),
        (3, {"stage": "production"}, "production"),
        ("3", {"stage": "PRODUCTION"}, "production"),
        ("latest", {"alias": "production"}, "production"),
        ("v3", {"stage": "Production", "alias": "production"}, "production"),
        ("v3", {"stage": "Staging"}, "staging"),
        ("v3", {"stage": "Production", "alias": "prod-eu"}, "prod-eu"),
        ("v3", {"stage": "Champion"}, "Champion"),
        ("v3", {"stage": "v1.2.3"}, "v1.2.3"),
    ],
)
def test_a_stage_names_the_alias_unless_one_is_given(model, version, arguments, alias):
    before = aliases(model)
    artifact = registry.transition_stage(model, version, **arguments)
    assert (artifact.version, alias in artifact.aliases) == ("v3", True)
    assert aliases(model) == before | {alias: "v3"}


def test_inside_a_run_its_project_is_used(model, run):
    assert wandb.registry.transition_stage("ranker", "staging", "Production").version == "v2"


def test_console_output_of_transition_stage(model, capsys):
    capsys.readouterr()
    registry.transition_stage(model, "v2", "Production")
    assert capsys.readouterr().out == (
        "Moving alias 'production' of artifact 'ranker'...\n  ✓ 'production' → version 'v2'\n"
    )


@pytest.mark.parametrize("stage", ["Archived", "None", "archived"])
def test_archiving_removes_the_aliases_of_all_stages(model, stage):
    registry.transition_stage(model, "v1", "Staging")
    artifact = registry.transition_stage(model, "v1", stage)
    assert artifact.aliases == []
    assert aliases(model) == {"latest": "v3"}


def test_archiving_removes_one_alias(model):
    registry.transition_stage(model, "v1", "Staging")
    registry.transition_stage(model, "v1", "Archived", alias="staging")
    assert aliases(model) == {"latest": "v3", "production": "v1"}


def test_archiving_changes_no_alias_of_other_versions(model):
    before = aliases(model)
    registry.transition_stage(model, "v3", "Archived")
    registry.transition_stage(model, "v3", "Archived", alias="production")
    assert aliases(model) == before


@pytest.mark.parametrize(
    "arguments",
    [{"stage": "Staging", "alias": "production"}, {}, {"stage": ""}, {"stage": "with space"}, {"alias": "no/slash"}],
)
def test_an_invalid_stage_or_alias_is_rejected(model, arguments):
    before = aliases(model)
    with pytest.raises(wandb.Invalid):
        registry.transition_stage(model, "v3", **arguments)
    assert aliases(model) == before


def test_a_missing_version_is_an_error(model):
    with pytest.raises(wandb.VersionNotFound):
        registry.transition_stage(model, 9, "Production")
    with pytest.raises(wandb.AliasNotFound):
        registry.transition_stage(model, "nope", "Production")
    with pytest.raises(wandb.Invalid, match="names a version"):
        registry.transition_stage(f"{model}:v3", "v3", "Production")
    with pytest.raises(wandb.NotFound):
        registry.transition_stage(f"{model}-absent", "v3", "Production")


# --- Conditions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expect", ["v1", 1, "1"])
def test_an_alias_moves_from_the_expected_version(model, expect):
    assert registry.transition_stage(model, "v2", "Production", expect=expect).version == "v2"


@pytest.mark.parametrize("expect", ["v2", "none"])
def test_an_alias_at_another_version_does_not_move(model, expect):
    with pytest.raises(wandb.AliasMoved, match="it now points to v1") as error:
        registry.transition_stage(model, "v3", "Production", expect=expect)
    assert (error.value.alias, error.value.version, error.value.status) == ("production", "v1", 409)
    assert error.value.version_id == wandb.Api().artifact(f"{model}:v1").id
    assert aliases(model)["production"] == "v1"


def test_an_alias_is_created_if_it_is_expected_not_to_exist(model):
    registry.transition_stage(model, "v2", "champion", expect="none")
    with pytest.raises(wandb.AliasMoved) as error:
        registry.transition_stage(model, "v3", "challenger", expect="v2")
    assert (error.value.version, error.value.version_id) == (None, None)
    assert "challenger" not in aliases(model)


def test_an_invalid_expectation_is_rejected(model):
    with pytest.raises(wandb.Invalid, match="is not a version"):
        registry.transition_stage(model, "v3", "Production", expect="production")
    with pytest.raises(wandb.VersionNotFound, match="has no version 'v9'"):
        registry.transition_stage(model, "v3", "Production", expect="v9")


# --- History, rollback, swap ------------------------------------------------------------------------------------------


def test_history_contains_every_change(model):
    registry.transition_stage(model, "v2", "Production", comment="Better on the holdout")
    registry.transition_stage(model, "v2", "Archived", alias="production", comment="It leaks")
    changes = list(registry.history(model, "production"))
    assert [(change.number, change.from_version, change.to_version, change.reason) for change in changes] == [
        (3, "v2", None, "It leaks"),
        (2, "v1", "v2", "Better on the holdout"),
        (1, None, "v1", ""),
    ]
    assert {(change.changed_by, change.face, change.key) for change in changes} == {("bob", "sdk", "first key")}
    assert {change.alias for change in registry.history(model)} == {"latest", "production", "staging"}
    with pytest.raises(wandb.AliasNotFound):
        next(registry.history(model, "never-was"))


def test_rollback_twice(model, capsys):
    registry.transition_stage(model, "v2", "Production")
    capsys.readouterr()
    assert registry.rollback(model, "production", reason="Too slow").version == "v1"
    assert capsys.readouterr().out == (
        "Rolling back alias 'production' of artifact 'ranker'...\n  ✓ 'production' → version 'v1'\n"
    )
    assert registry.rollback(model, "production").version == "v2"
    assert [change.reason for change in registry.history(model, "production")][:2] == ["", "Too slow"]


def test_rollback_of_a_removed_alias(model):
    registry.transition_stage(model, "v1", "None")
    assert registry.rollback(model, "production", expect="none").version == "v1"


def test_rollback_from_the_expected_version_only(model):
    registry.transition_stage(model, "v2", "Production")
    with pytest.raises(wandb.AliasMoved):
        registry.rollback(model, "production", expect="v1")
    assert registry.rollback(model, "production", expect="v2").version == "v1"


def test_rollback_of_an_alias_that_never_moved(model):
    with pytest.raises(wandb.NothingBefore):
        registry.rollback(model, "production")
    with pytest.raises(wandb.AliasNotFound):
        registry.rollback(model, "never-was")


def test_swap(model):
    assert registry.swap(model, "production", "staging", reason="Blue is green") == {
        "production": "v2",
        "staging": "v1",
    }
    assert aliases(model) == {"latest": "v3", "production": "v2", "staging": "v1"}
    assert next(registry.history(model, "staging")).reason == "Blue is green"
    with pytest.raises(wandb.AliasNotFound):
        registry.swap(model, "production", "never-was")
    with pytest.raises(wandb.Invalid):
        registry.swap(model, "production", "production")


# --- Aliases at a time ------------------------------------------------------------------------------------------------


def test_an_alias_is_resolved_as_of_a_time(model, run, capsys):
    registry.transition_stage(model, "v2", "Production")
    registry.transition_stage(model, "v3", "Production")
    third, second, first = registry.history(model, "production")
    for change, version in ((first, "v1"), (second, "v2"), (third, "v3")):
        time = datetime.fromisoformat(change.created_at.replace("Z", "+00:00"))
        for at in (change.created_at, time):
            assert run.use_artifact("ranker:production", at=at).version == version
            assert run.use_artifact("ranker", alias="production", at=at).version == version
            assert wandb.Api().artifact(f"{model}:production", at=at).version == version
    capsys.readouterr()
    wandb.use_artifact("ranker:production", at=second.created_at)
    assert capsys.readouterr().out == (
        "Using artifact 'ranker'...\n"
        f"  Using alias 'production' → version 'v2' (as of {second.created_at})\n"
        "  ✓ Artifact 'ranker:v2' ready\n"
    )


def test_an_alias_did_not_exist_before_it_was_created(model, run):
    for use in (run.use_artifact, wandb.Api().artifact):
        with pytest.raises(wandb.AliasNotFound, match="had no alias 'production' at"):
            use(f"{model}:production", at="2020-01-01T00:00:00Z")


def test_a_time_without_a_time_zone_is_rejected(model, run):
    for use in (run.use_artifact, wandb.Api().artifact):
        for naive in ("2026-05-03T12:00:00", datetime(2026, 5, 3, 12)):
            with pytest.raises(wandb.Invalid, match="has no time zone"):
                use(f"{model}:production", at=naive)


# --- Protection and proposals -----------------------------------------------------------------------------------------


def test_a_protected_alias_does_not_move(model, run, protect):
    protect(model, "prod*")
    for call in (
        lambda: registry.transition_stage(model, "v2", "Production"),
        lambda: registry.transition_stage(model, "v1", "Archived"),
        lambda: registry.swap(model, "production", "staging"),
        lambda: run.log_artifact(wandb.Artifact("ranker", "model"), aliases=["production"]),
    ):
        with pytest.raises(wandb.AliasProtected) as error:
            call()
        assert error.value.alias == "production"
        assert error.value.rule["pattern"] == "prod*"
        assert (error.value.rule["role"], error.value.rule["needs_approval"]) == ("admin", False)
    assert aliases(model)["production"] == "v1"


def test_an_admin_can_move_a_protected_alias(model, protect, sign_in):
    protect(model, "production")
    wandb.finish()
    sign_in("alice")
    assert registry.transition_stage(model, "v2", "Production").version == "v2"


def test_a_second_person_approves_a_proposal(model, protect, sign_in, capsys):
    protect(model, "production", needs_approval=True)
    capsys.readouterr()
    proposal = registry.propose(model, "v2", "production", reason="Better on the holdout")
    assert capsys.readouterr().out == (
        "Proposed: alias 'production' of artifact 'ranker' → version 'v2'\n  Waiting for approval by a second person\n"
    )
    assert (proposal.state, proposal.from_version, proposal.to_version) == ("open", "v1", "v2")
    assert (proposal.proposed_by, proposal.reason, proposal.decided_by) == ("bob", "Better on the holdout", None)
    with pytest.raises(wandb.ProposalOpen):
        registry.propose(model, "v3", "production")
    with pytest.raises(wandb.Denied):
        registry.approve(proposal)
    assert aliases(model)["production"] == "v1"

    wandb.finish()
    sign_in("alice")
    assert registry.proposals(model) == [proposal]
    decided = registry.approve(proposal, comment="Well done")
    assert (decided.state, decided.decided_by, decided.comment) == ("approved", "alice", "Well done")
    assert aliases(model)["production"] == "v2"
    with pytest.raises(wandb.ProposalDecided):
        registry.reject(proposal.id)
    assert registry.proposals(model) == []
    assert registry.proposals(model, state="approved") == registry.proposals(model, state=None) == [decided]
    change = next(registry.history(model, "production"))
    assert (change.changed_by, change.reason, change.proposal_id) == ("alice", "Better on the holdout", proposal.id)


def test_an_approved_rollback_is_one_in_the_history(model, sign_in, capsys):
    registry.transition_stage(model, "v2", "Production")
    capsys.readouterr()
    proposal = registry.propose_rollback(model, "production", reason="Too slow")
    assert "→ back to version 'v1'" in capsys.readouterr().out
    wandb.finish()
    sign_in("alice")
    registry.approve(proposal)
    change, before = list(registry.history(model, "production"))[:2]
    assert (change.to_version, change.is_rollback, change.reason) == ("v1", True, "Too slow")
    assert (proposal.is_rollback, before.is_rollback) == (True, False)


def test_a_proposal_is_withdrawn_or_rejected(model, sign_in):
    assert registry.withdraw(registry.propose(model, None, "production")).state == "withdrawn"
    proposal = registry.propose(model, 2, "production")
    wandb.finish()
    sign_in("alice")
    assert registry.reject(proposal, comment="Not on a Friday").comment == "Not on a Friday"
    assert aliases(model)["production"] == "v1"


def test_a_proposal_for_an_alias_that_has_moved_cannot_be_approved(model, sign_in):
    proposal = registry.propose(model, "v2", "production")
    registry.transition_stage(model, "v3", "Production")
    wandb.finish()
    sign_in("alice")
    with pytest.raises(wandb.AliasMoved, match="v3"):
        registry.approve(proposal)
    assert aliases(model)["production"] == "v3"

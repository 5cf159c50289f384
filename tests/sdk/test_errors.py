import pickle

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import errors


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "AuthenticationFailed", errors.AuthenticationError),
        (401, "NotAuthenticated", errors.AuthenticationError),
        (403, "ReadOnlyKey", errors.ReadOnlyKey),
        (404, "Missing", errors.NotFound),
        (404, "AliasNotFound", errors.AliasNotFound),
        (409, "NameTaken", errors.NameTaken),
        (403, "AliasProtected", errors.AliasProtected),
        (409, "AliasMoved", errors.AliasMoved),
        (409, "NothingBefore", errors.NothingBefore),
        (409, "ProposalOpen", errors.ProposalOpen),
        (409, "ProposalDecided", errors.ProposalDecided),
        (409, "RuleTaken", errors.RuleTaken),
        (409, "TypeDiffers", errors.TypeDiffers),
        (400, "InvalidPath", errors.InvalidPath),
        (503, "StoreUnavailable", errors.Unavailable),
        (413, "PayloadTooLarge", errors.TooLarge),
        # Codes of a later server are mapped by their status.
        (400, "LaterCode", errors.Invalid),
        (403, "LaterCode", errors.Denied),
        (404, "LaterCode", errors.NotFound),
        (409, "LaterCode", errors.Conflict),
        (500, "LaterCode", errors.ServerError),
        (418, "LaterCode", errors.WanLLMDBError),
    ],
)
def test_a_code_is_mapped_to_a_class_and_an_unknown_one_by_its_status(status, code, kind):
    error = errors.from_problem(status, {"code": code, "detail": "So it is."})
    assert type(error) is kind
    assert (str(error), error.status, error.code) == ("So it is.", status, code)


def test_everything_is_a_wanllmdb_error():
    exported = [getattr(wandb, name) for name in wandb.__all__]
    kinds = [value for value in exported if isinstance(value, type) and issubclass(value, BaseException)]
    assert len(kinds) > 20
    assert all(issubclass(kind, wandb.WanLLMDBError) for kind in kinds)
    public = {kind.__name__ for kind in kinds}
    tree = {
        value.__name__ for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)
    }
    assert public == tree


def test_a_missing_alias_lists_the_existing_ones():
    problem = {"code": "AliasNotFound", "detail": "Alias 'nope' not found", "aliases": ["latest", "v1"]}
    error = errors.from_problem(404, problem)
    assert str(error) == "Alias 'nope' not found; existing aliases: 'latest', 'v1'"
    assert error.aliases == ["latest", "v1"]


def test_aliases_that_the_server_names_are_not_repeated():
    problem = {"code": "AliasNotFound", "detail": "Alias 'nope' not found. It has latest.", "aliases": ["latest"]}
    assert str(errors.from_problem(404, problem)) == "Alias 'nope' not found. It has latest."


def test_field_errors_are_in_the_message():
    problem = {"code": "Invalid", "detail": "Invalid request", "errors": {"name": ["Too long."], "type": ["Unknown."]}}
    assert str(errors.from_problem(400, problem)) == "Invalid request; name: Too long.; type: Unknown."


def test_a_server_error_contains_the_request_id():
    error = errors.from_problem(500, {"detail": "Something broke", "request_id": "r-1"})
    assert str(error) == "Something broke (request r-1)"
    assert error.request_id == "r-1"


def test_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(errors.from_problem(404, {"code": "AliasNotFound", "aliases": ["a"]})))
    assert (type(error), error.aliases, error.status) == (errors.AliasNotFound, ["a"], 404)


def test_invalid_is_a_value_error():
    assert issubclass(wandb.Invalid, ValueError)


def test_the_errors_are_also_a_module():
    assert wandb.errors.AliasMoved is wandb.AliasMoved
    assert wandb.errors is errors


def test_errors_carry_the_current_version_and_the_rule():
    moved = errors.from_problem(409, {"code": "AliasMoved", "alias": "production", "version": "v7", "version_id": "7"})
    assert (moved.alias, moved.version, moved.version_id) == ("production", "v7", "7")
    gone = errors.from_problem(409, {"code": "AliasMoved", "alias": "production", "version": None, "version_id": None})
    assert (gone.version, gone.version_id) == (None, None)
    rule = {"id": "1", "pattern": "prod*", "place": "team acme", "role": "admin", "needs_approval": True}
    protected = errors.from_problem(403, {"code": "AliasProtected", "alias": "production", "rule": rule})
    assert (protected.alias, protected.rule) == ("production", rule)

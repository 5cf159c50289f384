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
        # Codes that a later server has come under their status.
        (400, "Newfangled", errors.Invalid),
        (403, "Newfangled", errors.Denied),
        (404, "Newfangled", errors.NotFound),
        (409, "Newfangled", errors.Conflict),
        (500, "Newfangled", errors.ServerError),
        (418, "Newfangled", errors.WanLLMDBError),
    ],
)
def test_a_code_is_a_class_and_an_unknown_one_goes_by_its_status(status, code, kind):
    error = errors.from_problem(status, {"code": code, "detail": "So it is."})
    assert type(error) is kind
    assert (str(error), error.status, error.code) == ("So it is.", status, code)


def test_everything_is_a_wanllmdb_error():
    named = [getattr(wandb, name) for name in wandb.__all__]
    kinds = [each for each in named if isinstance(each, type) and issubclass(each, BaseException)]
    assert len(kinds) > 20
    assert all(issubclass(kind, wandb.WanLLMDBError) for kind in kinds)
    public = {kind.__name__ for kind in kinds}
    tree = {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)}
    assert public == tree


def test_a_missing_alias_names_those_that_exist():
    problem = {"code": "AliasNotFound", "detail": "Alias 'nope' not found", "aliases": ["latest", "v1"]}
    error = errors.from_problem(404, problem)
    assert str(error) == "Alias 'nope' not found; the aliases that exist: 'latest', 'v1'"
    assert error.aliases == ["latest", "v1"]


def test_what_the_server_says_already_is_not_said_twice():
    problem = {"code": "AliasNotFound", "detail": "Alias 'nope' not found. It has latest.", "aliases": ["latest"]}
    assert str(errors.from_problem(404, problem)) == "Alias 'nope' not found. It has latest."


def test_field_errors_are_in_the_sentence():
    problem = {"code": "Invalid", "detail": "Invalid request", "errors": {"name": ["Too long."], "type": ["Unknown."]}}
    assert str(errors.from_problem(400, problem)) == "Invalid request; name: Too long.; type: Unknown."


def test_a_failure_of_the_server_names_the_request():
    error = errors.from_problem(500, {"detail": "Something broke", "request_id": "r-1"})
    assert str(error) == "Something broke (request r-1)"
    assert error.request_id == "r-1"


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(errors.from_problem(404, {"code": "AliasNotFound", "aliases": ["a"]})))
    assert (type(error), error.aliases, error.status) == (errors.AliasNotFound, ["a"], 404)


def test_invalid_is_a_value_error():
    assert issubclass(wandb.Invalid, ValueError)


def test_the_errors_are_a_module_too():
    assert wandb.errors.AliasMoved is wandb.AliasMoved
    assert wandb.errors is errors


def test_where_an_alias_is_and_which_rule_keeps_it():
    moved = errors.from_problem(409, {"code": "AliasMoved", "alias": "production", "version": "v7", "version_id": "7"})
    assert (moved.alias, moved.version, moved.version_id) == ("production", "v7", "7")
    gone = errors.from_problem(409, {"code": "AliasMoved", "alias": "production", "version": None, "version_id": None})
    assert (gone.version, gone.version_id) == (None, None)
    rule = {"id": "1", "pattern": "prod*", "place": "team acme", "role": "admin", "needs_approval": True}
    protected = errors.from_problem(403, {"code": "AliasProtected", "alias": "production", "rule": rule})
    assert (protected.alias, protected.rule) == ("production", rule)

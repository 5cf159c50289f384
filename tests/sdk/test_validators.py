import pytest

import wanllmdb as wandb
from wanllmdb.sdk import errors, validators


@pytest.mark.parametrize("name", ["a", "training-dataset", "v1.2.3", "A_b", "1", "a" * 128])
def test_a_valid_artifact_name(name):
    assert validators.validate_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", ".a", "a/b", "a:b", "ä", "a\n", "a" * 129, None, 3])
def test_an_invalid_artifact_name(name):
    with pytest.raises(errors.InvalidName, match="is not a valid artifact name"):
        validators.validate_name(name)


@pytest.mark.parametrize("alias", ["", "with space", "a" * 101, "-x", "a/b", "latest\n", None])
def test_an_invalid_alias(alias):
    with pytest.raises(errors.InvalidName, match="is not a valid alias"):
        validators.validate_aliases([alias])


@pytest.mark.parametrize("alias", ["two words", "-x", "50%", "größe", "a" * 128])
def test_an_alias_of_the_wandb_client_is_asked_for(alias):
    assert validators.validate_alias(alias) == alias


@pytest.mark.parametrize("alias", ["", " a", "a ", ".", "..", "a/b", "a:b", "a\n", "a\u200b", "a" * 129, None])
def test_no_client_gives_such_an_alias(alias):
    with pytest.raises(errors.InvalidName, match="is not a valid alias"):
        validators.validate_alias(alias)


@pytest.mark.parametrize("name", [5, b"acme/x/data:v1", ["data"]])
def test_what_is_no_text_names_nothing(name):
    api = wandb.Api("http://127.0.0.1:1", "wllm_0", entity="acme", project="x")
    for find in (api.artifact, api.collection, api.project, api.artifacts, api.run, api.runs):
        with pytest.raises(errors.Invalid, match=r"is not (an artifact|a project) name|is not the path of a run"):
            find(name)

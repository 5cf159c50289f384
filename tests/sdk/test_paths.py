import pytest

from wanllmdb.sdk import errors, paths


@pytest.mark.parametrize("path", ["a", "a/b.txt", "ünï/çode", "a b", "ab:c", ".hidden", "...", "a" * 1024, "-", "~/x"])
def test_a_plain_relative_path_is_taken(path):
    assert paths.check(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", ".", "./a", "a/./b", "a//b", "a/", "a\\b", "\\\\host\\x",
     "C:/x", "c:x", "a\0b", "a\nb", "a\x7f", "a\x85b", "e\u0301", "a\udcff", "ä" * 513],
)  # fmt: skip
def test_a_path_that_could_lead_elsewhere_is_refused(path):
    with pytest.raises(errors.InvalidPath) as refusal:
        paths.check(path)
    assert "cannot be a path inside an artifact" in str(refusal.value)


def test_a_local_name_is_composed_before_it_is_used():
    assert paths.from_local("e\u0301") == "\u00e9"


@pytest.mark.parametrize("name", ["a", "training-dataset", "v1.2.3", "A_b", "1", "a" * 128])
def test_an_artifact_may_be_called(name):
    assert paths.check_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", ".a", "a/b", "a:b", "ä", "a\n", "a" * 129, None, 3])
def test_an_artifact_may_not_be_called(name):
    with pytest.raises(errors.InvalidName, match="cannot be an artifact's name"):
        paths.check_name(name)


@pytest.mark.parametrize("alias", ["", "with space", "a" * 101, "-x", "a/b", "latest\n", None])
def test_an_alias_may_not_be(alias):
    with pytest.raises(errors.InvalidName, match="cannot be an alias"):
        paths.check_alias(alias)

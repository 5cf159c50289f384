from pathlib import Path

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.exclusions import Exclusions


@pytest.mark.parametrize(
    ("patterns", "excluded", "included"),
    [
        ("*.pyc", ["a.pyc", "x/y/a.pyc"], ["a.pycx", "a.py"]),
        (".venv/**", [".venv/a", ".venv/a/b"], ["x/.venv/a", ".venvs/a"]),
        (".venv/", [".venv/", "x/.venv/"], [".venv"]),
        ("/build", ["build", "build/"], ["x/build"]),
        ("build", ["build", "x/y/build/"], ["builds"]),
        ("a/b", ["a/b"], ["x/a/b", "a/b/c"]),
        ("**/a/b", ["a/b", "x/a/b", "x/y/a/b"], ["a/x/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "x/a/b"]),
        ("a/*", ["a/b"], ["a/b/c"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[ab].t", ["a.t", "x/b.t"], ["c.t"]),
        ("[!ab].t", ["c.t"], ["a.t"]),
        ("**", ["a", "a/b"], []),
        (["*.txt", "!keep.txt"], ["a.txt"], ["keep.txt", "d/keep.txt"]),
        (["!keep.txt", "*.txt"], ["a.txt", "keep.txt"], []),
        ("./a.txt", ["a.txt"], []),
        ("\\!x", ["!x"], ["x"]),
        ("\\*", ["*"], ["a"]),
        ("e\u0301", ["\u00e9", "e\u0301"], ["e"]),
        ("a+(b", ["a+(b"], ["aa(b"]),
        (["", "  "], [], ["a"]),
        ([], [".wanllmdbignore", "x/.wanllmdbignore"], ["a"]),
    ],
)
def test_patterns_are_those_of_gitignore(patterns, excluded, included):
    exclusions = Exclusions(patterns)
    for path in (*excluded, *included):
        assert exclusions.match(path.rstrip("/"), path.endswith("/")) == (path in excluded), path


def test_one_pattern_may_be_a_path():
    for patterns in (Path("build"), [Path("build")], {"build"}):
        assert Exclusions(patterns).match("x/build", is_folder=True)


@pytest.mark.parametrize("patterns", [3, b"*.pyc", [b"x"]])
def test_other_types_are_rejected(patterns):
    with pytest.raises(errors.Invalid, match="exclude takes patterns such as"):
        Exclusions(patterns)


@pytest.mark.parametrize("pattern", ["../x", "a/../b", "[z-a]", 3])
def test_what_is_no_pattern_is_rejected(pattern):
    with pytest.raises(errors.Invalid):
        Exclusions([pattern])


def test_a_pattern_of_many_stars_is_matched_at_once():
    many = Exclusions(["*a" * 30 + "b"])
    assert not many.match("a" * 250, False)
    assert many.match("a" * 250 + "b", False)
    nested = Exclusions(["x*b*/*a/*c*"])
    assert nested.match("xbb/aa/cc", False)
    assert not nested.match("xbb/ab/cc", False)

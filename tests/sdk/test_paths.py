from pathlib import PurePath

import pytest

from wanllmdb.sdk import errors, paths


@pytest.mark.parametrize("path", ["a", "a/b.txt", "ünï/çode", "a b", "ab:c", ".hidden", "...", "a" * 1024, "-", "~/x"])
def test_a_relative_path_is_valid(path):
    assert paths.validate(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", ".", "./a", "a/./b", "a//b", "a/", "a\\b", "\\\\host\\x",
     "C:/x", "c:x", "a\0b", "a\nb", "a\x7f", "a\x85b", "e\u0301", "a\udcff", "ä" * 513],
)  # fmt: skip
def test_an_unsafe_path_is_rejected(path):
    with pytest.raises(errors.InvalidPath) as error:
        paths.validate(path)
    assert "is not a valid path inside an artifact" in str(error.value)


@pytest.mark.parametrize("path", ["\u202egnp.exe", "a\u202a", "a\u2066b", "\u2069/a", "a\u200e", "\u200fa", "a\u061cb"])
def test_what_turns_the_text_around_it_is_in_old_paths_alone(path):
    assert paths.validate(path) == paths.prefix_from_user(path) == path
    for make in (paths.from_local, paths.folder_from_user):
        with pytest.raises(errors.InvalidPath) as error:
            make(path)
        assert "it contains a control character" in str(error.value)


def test_a_local_path_is_normalized():
    assert paths.from_local("e\u0301") == "\u00e9"
    for path in ("./a/b", "a//b", "a/./b", PurePath("a/b"), PurePath("./a/b/")):
        assert paths.from_local(path) == "a/b"


@pytest.mark.parametrize(
    ("path", "prefix"),
    [("train/", "train/"), ("./train/", "train/"), ("train/.", "train/"), ("./tr", "tr"), (PurePath("a//b"), "a/b"),
     ("e\u0301/", "\u00e9/"), ("", ""), (".", ""), ("./", "")],
)  # fmt: skip
def test_what_a_prefix_selects(path, prefix):
    assert paths.prefix_from_user(path) == prefix


@pytest.mark.parametrize("path", ["..", "/train", "../train/"])
def test_a_prefix_that_leads_outside_is_rejected(path):
    with pytest.raises(errors.InvalidPath):
        paths.prefix_from_user(path)

"""Paths inside an artifact: what is refused, and that nothing which passes can leave a folder."""

import json
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts import validators
from artifacts.errors import InvalidPath
from artifacts.models import ArtifactFile
from tests.artifacts.client import sha256

ARTIFACTS = "/api/v1/artifacts"
FINE = [
    "a", "a/b/c.txt", "a b/ c", "...", "a/..b", ".hidden", "a..", "ä/日本.txt", "🙂", "~/a", "ab:c", "CON",
    "-rf", "a%2e%2e/b", "a\u200db", "x" * 1024, "/".join(["d"] * 512),
]  # fmt: skip
ODD = [
    "", "/", "/etc/passwd", "//a", "a//b", "a/", ".", "./a", "a/.", "a/./b", "..", "../a", "a/..", "a/../b",
    "a/../../b", "\\", "a\\b", "..\\a", "C:", "C:/a", "c:a", "C:\\a", "\\\\server\\a", "a\0", "\0", "a\nb", "a\tb",
    "\x1b[31m", "a\x7f", "\u202egnp.exe", "a\u202a", "a\u2066b", "\u2069/a", "a\u200e", "\u200fa", "a\u061cb",
    "a\x85", "a\ud800", "e\u0301", "x" * 1025, "ä" * 513, "/".join(["d"] * 513),
]  # fmt: skip


@pytest.mark.parametrize("path", FINE)
def test_fine_paths(path):
    assert validators.check_path(path) == path


@pytest.mark.parametrize("path", ODD)
def test_odd_paths_are_refused(path):
    with pytest.raises(InvalidPath):
        validators.check_path(path)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["..", ".", "", "/", "a", "\\", "C:", "é", "e\u0301"])).map("/".join)
)
def test_whatever_passes_stays_inside(path):
    try:
        validators.check_path(path)
    except InvalidPath:
        return
    for flavour in (PurePosixPath, PureWindowsPath):
        assert ".." not in flavour(path).parts
        assert not flavour(path).is_absolute()
    assert PureWindowsPath(path).drive == ""
    assert PurePosixPath(path).as_posix() == path
    assert unicodedata.normalize("NFC", path) == path
    assert path.encode().decode() == path


SEGMENT = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="/\\:."), min_size=1, max_size=10)


@given(st.lists(SEGMENT, min_size=1, max_size=5))
def test_ordinary_segments_pass(segments):
    path = unicodedata.normalize("NFC", "/".join(segments))

    assert validators.check_path(path) == path


@pytest.mark.parametrize("path", ODD)
def test_every_endpoint_refuses_them(api, bob, artifact, path):
    client = api(bob)
    draft = client.post(f"{ARTIFACTS}/{artifact.pk}/versions").json()["id"]
    stated = {"path": path, "size": 1, "sha256": sha256(b"a")}
    for url, body in [
        (f"{ARTIFACTS}/{artifact.pk}/versions", {"files": [stated]}),
        (f"{ARTIFACTS}/versions/{draft}/files/batch", {"files": [stated]}),
        (f"{ARTIFACTS}/versions/{draft}/files/upload-url", {"path": path, "size": 1}),
        (f"{ARTIFACTS}/versions/{draft}/files", {"path": path, "size": 1, "storage_key": "k"}),
    ]:
        # Escaped: half of a surrogate pair has no other form.
        answer = client.post(url, json.dumps(body), content_type="application/json")
        assert answer.status_code == 400, url
        assert answer["Content-Type"] == "application/problem+json"
    assert ArtifactFile.objects.count() == 0


@pytest.mark.parametrize("path", FINE)
def test_fine_paths_come_back_as_they_went(api, bob, artifact, path):
    client = api(bob)
    stated = {"path": path, "size": 1, "sha256": sha256(b"a")}
    draft = client.post(f"{ARTIFACTS}/{artifact.pk}/versions", {"files": [stated]}).json()["id"]
    [file] = client.get(f"{ARTIFACTS}/versions/{draft}/files").json()["items"]

    assert (file["path"], file["name"]) == (path, path.rpartition("/")[2])

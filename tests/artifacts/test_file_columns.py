"""Files are stated as columns, which say the same as a list of objects."""

import pytest

from artifacts.draft_files import MAX_FILES_A_CALL
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from tests.artifacts.client import digest_of, log, sha256

ARTIFACTS = "/api/v1/artifacts"
HASH = "a" * 64


@pytest.fixture
def begin(api, bob, artifact):
    return lambda **body: api(bob).post(f"{ARTIFACTS}/{artifact.pk}/versions", body)


@pytest.fixture
def add(api, bob, begin):
    draft = begin().json()["id"]
    return lambda **body: api(bob).post(f"{ARTIFACTS}/versions/{draft}/files/batch", body)


def columns(files: dict[str, bytes], executable=()) -> dict:
    return {
        "paths": list(files),
        "sizes": list(map(len, files.values())),
        "sha256": list(map(sha256, files.values())),
        "executable": list(executable),
    }


def rows():
    columns = ("path", "sort_key", "name", "size", "mime_type", "is_executable", "blob__sha256", "blob__created_by")
    return list(ArtifactFile.objects.order_by("path").values_list(*columns))


FILES = {"d/run.sh": b"#!", "d/img_007.PNG": b"png", "same": b"#!", "data.csv.gz": b"", "ä ö": b"umlaut"}


def test_both_forms_make_the_same_draft(begin, artifact):
    listed = [
        {"path": path, "size": len(body), "sha256": sha256(body), "executable": path == "d/run.sh"}
        for path, body in FILES.items()
    ]
    first = begin(files=listed).json()
    before = rows()
    ArtifactFile.objects.all().delete()
    Blob.objects.all().delete()
    second = begin(file_columns=columns(FILES, [0])).json()

    assert rows() == before and len(before) == len(FILES)
    assert second["missing"] == first["missing"] == sorted(set(map(sha256, FILES.values())))
    assert (second["file_count"], second["total_size"]) == (first["file_count"], first["total_size"]) == (5, 13)


def test_executable_may_be_left_out(begin):
    body = columns({"a": b"a"})
    del body["executable"]
    assert begin(file_columns=body).status_code == 201
    assert not ArtifactFile.objects.get().is_executable


def test_columns_beside_references_and_files(begin):
    files = [
        {"path": "ref", "reference_uri": "s3://data/x", "size": 5},
        {"path": "listed", "size": 1, "sha256": sha256(b"l")},
    ]
    answer = begin(files=files, file_columns=columns({"a": b"a"}))

    assert (answer.status_code, answer.json()["missing"]) == (201, sorted([sha256(b"a"), sha256(b"l")]))
    assert (answer.json()["file_count"], answer.json()["total_size"], answer.json()["reference_count"]) == (3, 7, 1)
    taken = begin(files=files, file_columns=columns({"ref": b"a"}))
    assert (taken.status_code, taken.json()["code"], taken.json()["paths"]) == (409, "PathTaken", ["ref"])


def test_a_draft_is_filled_by_columns(add):
    assert add(file_columns=columns({"a": b"a", "b": b"b"})).json() == {
        "added": 2,
        "missing": sorted([sha256(b"a"), sha256(b"b")]),
    }
    assert add(file_columns=columns({"b": b"b", "c": b"b"})).json() == {"added": 1, "missing": [sha256(b"b")]}
    refused = add(file_columns=columns({"d": b"d", "b": b"other"}))
    assert (refused.status_code, refused.json()["code"], refused.json()["paths"]) == (409, "PathTaken", ["b"])
    assert ArtifactVersion.objects.get().file_count == 3
    assert add().status_code == 400 and add(file_columns=columns({})).json() == {"added": 0, "missing": []}


def test_a_first_version_comes_with_its_artifact(api, bob, project):
    version = {"digest": digest_of(FILES), "file_columns": columns(FILES)}
    body = {"project": str(project.pk), "name": "new", "type": "dataset", "version": version}
    answer = api(bob).post(ARTIFACTS, body)

    assert (answer.status_code, answer.json()["version"]["file_count"]) == (201, 5)


def test_contents_that_a_version_has_are_found_by_their_digest(begin, bob, artifact):
    version = log(bob, artifact, FILES)
    answer = begin(digest=digest_of(FILES), file_columns=columns(FILES))

    assert (answer.status_code, answer.json()["id"], answer.json()["missing"]) == (200, str(version.pk), [])


ODD = {
    "a list": ([], "Expected an object"),
    "null": (None, "may not be null"),
    "a column is missing": ({"paths": ["a"], "sizes": [1]}, "Expected an object"),
    "a column is unknown": ({"paths": [], "sizes": [], "sha256": [], "md5": []}, "Expected an object"),
    "no list": ({"paths": "a", "sizes": [1], "sha256": [HASH]}, "Expected a list"),
    "uneven": ({"paths": ["a", "b"], "sizes": [1], "sha256": [HASH]}, "There are 2 paths, 1 sizes and 1 sha256"),
    "path": ({"paths": ["a", 7], "sizes": [1, 1], "sha256": [HASH] * 2}, "A path is a text"),
    "size": ({"paths": ["a"], "sizes": [True], "sha256": [HASH]}, "A size is"),
    "negative size": ({"paths": ["a"], "sizes": [-1], "sha256": [HASH]}, "A size is"),
    "fraction": ({"paths": ["a"], "sizes": [1.0], "sha256": [HASH]}, "A size is"),
    "huge size": ({"paths": ["a"], "sizes": [2**50], "sha256": [HASH]}, "A size is"),
    "hash": ({"paths": ["a"], "sizes": [1], "sha256": ["A" * 64]}, "A sha256 has"),
    "long hash": ({"paths": ["a"], "sizes": [1], "sha256": [HASH + "\n"]}, "A sha256 has"),
    "no hash": ({"paths": ["a"], "sizes": [1], "sha256": [None]}, "A sha256 has"),
    "index": ({"paths": ["a"], "sizes": [1], "sha256": [HASH], "executable": [1]}, "There is no such file"),
    "negative index": ({"paths": ["a"], "sizes": [1], "sha256": [HASH], "executable": [-1]}, "no such file"),
    "index that is none": ({"paths": ["a"], "sizes": [1], "sha256": [HASH], "executable": [True]}, "no such file"),
    "nested": ({"paths": [["a"]], "sizes": [[1]], "sha256": [[HASH]]}, "A path is a text"),
}


@pytest.mark.parametrize(("value", "error"), ODD.values(), ids=ODD)
def test_odd_columns_are_refused(begin, add, value, error):
    for answer in (begin(file_columns=value), add(file_columns=value)):
        assert answer.status_code == 400 and error in str(answer.json()["errors"])
    assert not ArtifactFile.objects.exists()


def test_an_error_names_its_column_and_index_and_not_too_many_are_named(begin):
    answer = begin(file_columns={"paths": ["a"] * 5_000, "sizes": [1] * 5_000, "sha256": [HASH] + ["x"] * 4_999})
    assert len(str(answer.json()["errors"])) < 20_000
    assert "A sha256 has" in str(answer.json()["errors"])
    answer = begin(file_columns={"paths": ["a", "b"], "sizes": [1, -1], "sha256": [HASH, HASH]})
    assert list(answer.json()["errors"]) == ["file_columns.sizes.1"]


@pytest.mark.parametrize("path", ["../a", "", "a\\b", "/a", "a//b", "x" * 1025])
def test_paths_are_judged_as_ever(begin, path):
    answer = begin(file_columns={"paths": ["fine", path], "sizes": [1, 1], "sha256": [HASH] * 2})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidPath")


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a/b"], ["a/b/c", "x", "a/b"]])
def test_paths_that_no_disk_could_hold(begin, paths):
    answer = begin(file_columns={"paths": paths, "sizes": [1] * len(paths), "sha256": [HASH] * len(paths)})
    assert (answer.status_code, answer.json()["code"]) == (409, "PathTaken")


def test_as_many_as_a_call_takes_and_one_more(begin):
    count = MAX_FILES_A_CALL + 1
    paths = [f"part-{number // 1000}/{number:06}.jpg" for number in range(count)]
    everything = {"paths": paths, "sizes": [1] * count, "sha256": [HASH] * count}
    refused = begin(file_columns=everything)
    assert refused.status_code == 400 and f"at most {MAX_FILES_A_CALL:,} files" in str(refused.json())
    beside = {name: column[1:] for name, column in everything.items()}
    listed = [{"path": "one more", "size": 1, "sha256": HASH}]
    assert begin(files=listed, file_columns=beside).status_code == 400
    assert not ArtifactVersion.objects.exists()
    body = begin(file_columns=beside).json()
    assert (body["file_count"], body["missing"]) == (MAX_FILES_A_CALL, [HASH])

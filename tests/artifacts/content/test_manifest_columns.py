"""The manifest in columns: what the entries say, in few bytes and few queries."""

import gzip
import json
from uuid import uuid4

import pytest

from accounts.actor import Actor
from artifacts import storage
from artifacts.models import ArtifactDownload, Blob
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import begin, fetch, log, md5

PATHS = [*(f"d/{number:02}" for number in range(12)), " spaced ", "+&?#=%", "é/ü", "empty"]


def url_of(version) -> str:
    return f"/api/v1/artifacts/versions/{version.pk}/manifest"


@pytest.fixture
def contents() -> dict[str, bytes]:
    return {path: b"" if path == "empty" else path.encode() for path in PATHS}


@pytest.fixture
def version(bob, artifact, contents):
    return log(bob, artifact, contents, packed=True)


@pytest.fixture
def get(api, vera):
    """`get(version, limit=4)`: a page in columns."""

    def get(version, **query):
        response = api(vera).get(url_of(version), {"format": "columns"} | query)
        assert response.status_code == 200, response.json()
        return response.json()

    return get


def test_columns_say_what_entries_say(api, vera, get, version, contents, work):
    Blob.objects.filter(files__path="d/00").update(state=Blob.State.CORRUPT)
    version.files.filter(path="d/01").update(is_executable=True)
    entries = api(vera).get(url_of(version)).json()
    columns = get(version)

    shared = ("version_id", "digest", "file_count", "total_size", "expires_in", "next_cursor")
    assert {name: columns[name] for name in shared} == {name: entries[name] for name in shared}
    assert columns["paths"] == [entry["path"] for entry in entries["entries"]] == sorted(PATHS, key=str.encode)
    assert columns["sizes"] == [entry["size"] for entry in entries["entries"]]
    assert columns["sha256"] == [entry["sha256"] for entry in entries["entries"]]
    assert columns["offsets"] == [entry["offset"] for entry in entries["entries"]]
    assert (columns["md5"], columns["references"]) == ({}, {})
    rows = {path: number for number, path in enumerate(columns["paths"])}
    assert columns["executable"] == [rows["d/01"]]
    assert columns["unreadable"] == {str(rows["d/00"]): "corrupt"}
    assert columns["object"][rows["d/00"]] is None
    assert len(columns["objects"]) == 1
    for path, row in rows.items():
        if path != "d/00":
            obj = columns["objects"][columns["object"][row]]
            assert fetch(obj["url"], columns["offsets"][row], columns["sizes"][row]) == contents[path]


def test_columns_are_read_through_by_cursor_and_count_as_one_download(get, version):
    paths, query = [], {}
    while True:
        page = get(version, limit=5, **query)
        paths += page["paths"]
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}

    assert paths == sorted(PATHS, key=str.encode)
    assert ArtifactDownload.objects.count() == 1


def test_urls_of_the_first_page_anew_are_no_second_download(get, version):
    first = get(version, limit=3)
    again = get(version, limit=3, cursor=first["cursor"])
    later = get(version, limit=3, cursor=first["next_cursor"])

    assert (first["cursor"], again["paths"]) == ("", first["paths"])
    assert get(version, limit=3, cursor=later["cursor"])["paths"] == later["paths"]
    assert ArtifactDownload.objects.count() == 1


def test_a_page_that_begins_after_a_path(get, version):
    page = get(version, limit=2, after="d/03")

    assert page["paths"] == ["d/04", "d/05"]
    assert get(version, limit=2, cursor=page["cursor"])["paths"] == page["paths"]
    assert ArtifactDownload.objects.count() == 1
    assert get(version, after="d/99", prefix="d/")["paths"] == []


def test_a_version_without_files_has_empty_columns(get, bob, artifact):
    page = get(log(bob, artifact, {}))

    assert (page["paths"], page["objects"], page["next_cursor"]) == ([], [], None)


def test_references_are_in_the_columns(api, bob, artifact):
    draft = begin(bob, artifact, {"b.txt": b"b"}).version
    references.add(Actor(bob), draft, [ReferenceSpec("a.csv", "s3://data/a.csv", 10, "etag:abc", "v1")])
    page = api(bob).get(url_of(draft), {"format": "columns"}).json()

    assert page["paths"] == ["a.csv", "b.txt"]
    assert (page["sha256"][0], page["object"][0], page["unreadable"]) == (None, None, {"1": "missing"})
    assert page["references"] == {
        "0": {
            "reference_uri": "s3://data/a.csv", "etag": "abc", "reference_identity": "etag:abc", "version_id": "v1",
            "download_url": None,
        }
    }  # fmt: skip


def test_a_file_that_is_known_by_its_md5_alone(api, bob, artifact):
    draft = begin(bob, artifact, {"a": b"a"}).version
    Blob.objects.filter(files__version=draft).update(sha256=None, md5=md5(b"a"))

    page = api(bob).get(url_of(draft), {"format": "columns"}).json()
    assert (page["sha256"], page["md5"]) == ([None], {"0": md5(b"a")})


def test_the_page_is_compressed_where_that_is_accepted(api, vera, version):
    plain = api(vera).get(url_of(version), {"format": "columns", "cursor": ""}, headers={"Accept-Encoding": "identity"})
    packed = api(vera).get(url_of(version), {"format": "columns", "cursor": ""}, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain and packed["Content-Encoding"] == "gzip"
    assert packed["Content-Length"] == str(len(packed.content))
    assert "Accept-Encoding" in packed["Vary"] and "Accept-Encoding" in plain["Vary"]
    assert json.loads(gzip.decompress(packed.content))["paths"] == plain.json()["paths"]


def test_a_page_costs_the_same_however_big_it_is(api, vera, bob, artifact, v1, django_assert_num_queries):
    big = log(bob, artifact, {f"{number}": f"{number}".encode() for number in range(60)}, packed=True)
    client = api(vera)
    client.get("/api/v1/artifacts")
    for version in (v1, big):
        # Key, version, aliases, the count, files.
        with django_assert_num_queries(5):
            client.get(url_of(version), {"format": "columns"})


def test_an_object_is_signed_once(get, bob, artifact, version, monkeypatch):
    signed = []
    sign = storage.get_download_urls

    def count(keys):
        signed.extend(keys)
        return sign(keys)

    monkeypatch.setattr(storage, "get_download_urls", count)
    get(version)

    assert len(signed) == 1


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=20001", "limit=x", "cursor=!", "after=a&cursor=YQ", "after=" + "x" * 1025, "format=rows"],
)
def test_odd_queries_are_refused(api, vera, v1, query):
    answer = api(vera).get(f"{url_of(v1)}?format=columns&{query}" if "format" not in query else f"{url_of(v1)}?{query}")

    assert answer.status_code == 400
    assert ArtifactDownload.objects.count() == 0


def test_who_may_not_see_the_project_gets_no_columns(api, mallory, v1):
    for pk in (v1.pk, uuid4()):
        answer = api(mallory).get(f"/api/v1/artifacts/versions/{pk}/manifest?format=columns")
        assert (answer.status_code, answer.json()["code"]) == (404, "Missing")
    assert ArtifactDownload.objects.count() == 0

"""References through the API: every way to add one, what is refused, and who gets which URI."""

import json
from uuid import UUID

import pytest

from accounts.actor import Actor, Channel
from artifacts import versions
from artifacts.models import ArtifactDownload, ArtifactFile, ArtifactVersion
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import file_specs, sha256

ARTIFACTS = "/api/v1/artifacts"
SIGNED = "https://example.org/data.csv?page=1&X-Amz-Signature=hunter2"
OF_REFERENCES = {
    "is_reference": True, "etag": "abc", "reference_uri": "s3://data/train.csv", "reference_identity": "etag:abc",
    "reference_version_id": "v/1", "reference_state": "unchecked", "reference_checked_at": None,
    "reference_reason": None,
}  # fmt: skip


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


@pytest.fixture
def version(bob, draft) -> ArtifactVersion:
    specs = [
        ReferenceSpec("signed.csv", SIGNED, 5, "modified:2026-11-28T10:00:00Z"),
        ReferenceSpec("train.csv", "s3://data/train.csv", 10, "etag:abc", "v/1"),
    ]
    references.add(Actor(bob), draft, specs)
    return versions.finalize(Actor(bob, Channel.SDK), draft).version


def urls(draft: ArtifactVersion) -> tuple[str, str, str]:
    """The three that take references: one, many, and the one for files."""
    files = f"{ARTIFACTS}/versions/{draft.pk}/files"
    return f"{files}/reference", f"{files}/batch", files


def test_one_reference(api, bob, draft):
    one, _, files = urls(draft)
    body = {
        "path": "raw/train.csv", "uri": "s3://data/train.csv", "size": 10, "etag": '"abc"', "version_id": "v/1",
        "mime_type": "text/csv",
    }  # fmt: skip
    answer = api(bob).post(one, body)

    assert answer.status_code == 201, answer.json()
    file = answer.json()
    assert OF_REFERENCES.items() <= file.items()
    assert (file["path"], file["name"], file["size"], file["mime_type"]) == (
        "raw/train.csv",
        "train.csv",
        10,
        "text/csv",
    )
    assert (file["version_id"], file["integrity"]) == (str(draft.pk), "external")
    assert (file["storage_key"], file["sha256_hash"], file["md5_hash"]) == (None, None, None)
    assert api(bob).post(one, body).json()["id"] == file["id"]
    assert api(bob).get(files).json()["items"] == [file]
    assert api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}").json()["files"] == [file]
    pinned = api(bob).post(one, {"path": "pinned", "uri": "s3://data/a?versionId=7", "identity": "sha256:" + "0" * 64})
    assert pinned.json()["reference_uri"] == "s3://data/a" and pinned.json()["reference_version_id"] == "7"
    assert (pinned.json()["etag"], pinned.json()["size"]) == (None, 0)
    assert api(bob).delete(f"{ARTIFACTS}/files/{file['id']}").status_code == 204


def test_through_the_plain_files_endpoint(api, bob, draft):
    files = urls(draft)[2]
    body = {"path": "train.csv", "is_reference": True, "reference_uri": "s3://data/train.csv", "size": 10}
    more = {"etag": "abc", "reference_version_id": "v/1", "version_id": str(draft.pk)}
    answer = api(bob).post(files, body | more)

    assert answer.status_code == 201 and OF_REFERENCES.items() <= answer.json().items()
    for wrong, field in (
        ({"path": "x", "is_reference": True}, "reference_uri"),
        (body | {"is_reference": "perhaps"}, "is_reference"),
        (body | {"is_reference": False}, "storage_key"),
        (body | {"version_id": str(UUID(int=0))}, "version_id"),
        (body | {"size": 2**51}, "size"),
    ):
        refused = api(bob).post(files, wrong)
        assert refused.status_code == 400 and field in refused.json()["errors"], refused.json()
    refused = api(bob).post(files, body | {"reference_uri": "s3://u:p@data/train.csv"})
    assert (refused.status_code, refused.json()["code"]) == (400, "ReferenceRefused")


def test_many_with_files(api, bob, draft):
    _, batch, _ = urls(draft)
    entries = [
        {"path": "a", "size": 1, "sha256": sha256(b"a")},
        {"path": "train.csv", "size": 10, "reference_uri": "s3://data/train.csv", "reference_identity": "etag:abc"},
        {"path": "b", "reference_uri": "gs://data/b", "reference_identity": None, "version_id": None, "size": 0},
    ]
    assert api(bob).post(batch, {"files": entries}).json() == {"added": 3, "missing": [sha256(b"a")]}
    body = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}").json()
    counts = ("file_count", "total_size", "reference_count", "referenced_size", "reference_state")
    assert [body[name] for name in counts] == [3, 11, 2, 10, "unchecked"]
    assert body["references_checked_at"] is None
    begun = api(bob).post(f"{ARTIFACTS}/{draft.artifact_id}/versions", {"files": entries})
    assert (begun.status_code, begun.json()["reference_count"]) == (201, 2)


BAD_URIS = [
    "", "x", "s3://data", "s3://data/", "s3://u:p@data/k", "https://u@example.org/", "http://localhost/", "http://127.1/",
    "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://[::ffff:7f00:1]/", "http://10.0.0.1./",
    "http://metadata.google.internal/", "http://printer.local/", "http://169.254.169.254/latest", "http://100.64.0.1/",
    "http://224.0.0.1/", "http://１２７.0.0.1/", "http://münchen.de/", "https://example.org/a b", "javascript://a/%0aalert",
    "data:text/html,x", "s3://data/a\nb", "s3://data/a\u2028b", "file://host/a", "s3://data/a/../b",
    "s3://data/" + "a" * 10_000, "https://example.org/" + "a" * 2_048,
]  # fmt: skip


def test_bad_uris(api, bob, draft):
    one, batch, files = urls(draft)
    client = api(bob)
    for uri in BAD_URIS:
        for url, body in (
            (one, {"path": "a", "uri": uri}),
            (batch, {"files": [{"path": "ok", "reference_uri": "s3://data/k"}, {"path": "a", "reference_uri": uri}]}),
            (files, {"path": "a", "is_reference": True, "reference_uri": uri}),
        ):
            answer = client.post(url, body)
            assert answer.status_code == 400, (url, uri[:100], answer.content)
            assert answer.json()["code"] in ("ReferenceRefused", "Invalid")
    raw = json.dumps({"path": "a", "uri": "s3://data/a_b"})
    for escape in (r"\u0000", r"\ud800"):
        answer = client.generic("POST", one, raw.replace("_", escape), content_type="application/json")
        assert answer.status_code == 400
    assert not draft.files.exists()


def test_other_bad_input(api, bob, draft):
    one, batch, _ = urls(draft)
    good = {"path": "a", "uri": "s3://data/a"}
    entry = {"path": "a", "reference_uri": "s3://data/a"}
    client = api(bob)
    for wrong in (
        {"path": "../a"}, {"path": "/a"}, {"path": 1.5, "uri": []}, {"uri": None}, {"uri": 7}, {"size": -1},
        {"size": 2**50 + 1}, {"size": "many"}, {"size": 10**30}, {"identity": "crc32:1"},
        {"identity": "etag:a", "etag": "b"}, {"etag": 'a"b'}, {"etag": "a" * 500}, {"version_id": "a b"},
        {"version_id": "v" * 2_000}, {"mime_type": "ü"},
    ):  # fmt: skip
        answer = client.post(one, good | wrong)
        assert answer.status_code == 400, (wrong, answer.content)
    for wrong in (
        {"path": None}, {"path": "../a"}, {"reference_uri": None}, {"reference_uri": ["s3://data/a"]}, {"size": -1},
        {"size": True}, {"size": "1"}, {"size": 2**60}, {"reference_identity": 1}, {"reference_identity": "x"},
        {"version_id": {}}, {"sha256": "0" * 64}, {"executable": True}, {"md5": None}, {"mime_type": 1},
        {"unknown": 1}, {"reference_state": "unchanged"},
    ):  # fmt: skip
        answer = client.post(batch, {"files": [entry | wrong]})
        assert answer.status_code == 400, (wrong, answer.content)
    assert "File 0: a reference has no sha256" in str(client.post(batch, {"files": [entry | {"sha256": 1}]}).json())
    assert not draft.files.exists()


def test_taken_paths(api, bob, draft):
    one, batch, _ = urls(draft)
    references.add(Actor(bob), draft, file_specs({"a": b"a"}))
    client, again = api(bob), {"path": "b", "reference_uri": "s3://data/a"}
    for url, body in (
        (one, {"path": "a", "uri": "s3://data/a"}),
        (one, {"path": "a/b", "uri": "s3://data/a"}),
        (batch, {"files": [{"path": "a", "reference_uri": "s3://data/a"}]}),
        (batch, {"files": [again, {"path": "b", "reference_uri": "s3://data/b"}]}),
        (batch, {"files": [again, {"path": "b", "sha256": "0" * 64, "size": 1}]}),
    ):
        answer = client.post(url, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "PathTaken"), body
        assert answer.json()["paths"]


def test_who_may(api, vera, bob, mallory, draft, version):
    draft = versions.begin(Actor(bob), version.artifact).version
    one, batch, _ = urls(draft)
    body = {"path": "a", "uri": "s3://data/a"}
    many = {"files": [{"path": "a", "reference_uri": "s3://data/a"}]}
    assert [api(user).post(one, body).status_code for user in (None, mallory, vera, bob)] == [401, 404, 404, 201]
    assert [api(user).post(batch, many).status_code for user in (None, mallory, vera, bob)] == [401, 404, 404, 200]
    finalized, *_ = urls(version)
    assert api(vera).post(finalized, body).status_code == 403
    assert api(bob).post(finalized, body).json()["code"] == "VersionFinalized"


def test_manifest_and_download_url(api, vera, mallory, version):
    client = api(vera)
    page = client.get(f"{ARTIFACTS}/versions/{version.pk}/manifest").json()
    signed, train = page["entries"]

    assert (page["file_count"], page["total_size"], page["objects"]) == (2, 15, {})
    assert train == {
        "path": "train.csv", "size": 10, "sha256": None, "md5": None, "mime_type": "text/csv", "object": None,
        "offset": 0, "integrity": "external", "reference": "s3://data/train.csv", "is_reference": True, "etag": "abc",
        "reference_uri": "s3://data/train.csv", "reference_identity": "etag:abc", "version_id": "v/1",
        "download_url": None,
    }  # fmt: skip
    assert (signed["reference_uri"], signed["etag"]) == (SIGNED, None)
    ids = {file.path: file.pk for file in version.files.all()}
    answer = client.get(f"{ARTIFACTS}/files/{ids['signed.csv']}/download-url")
    assert answer.json() == {
        "download_url": SIGNED, "url": SIGNED, "expires_in": 0, "file_name": "signed.csv", "size": 5,
        "mime_type": "text/csv",
    }  # fmt: skip
    [of_version, of_file] = ArtifactDownload.objects.order_by("pk")
    assert (of_version.file, of_file.file.path, of_file.user) == (None, "signed.csv", vera)
    for url in (f"versions/{version.pk}/manifest", f"files/{ids['train.csv']}/download-url"):
        assert api(mallory).get(f"{ARTIFACTS}/{url}").status_code == 404
    # Nothing of it is here to be sent.
    assert client.get(f"{ARTIFACTS}/files/{ids['train.csv']}/content?signature=x").status_code == 404


def test_comparisons_and_pages_leave_out_what_grants_access(api, browser, vera, bob, alice, artifact, version):
    second = versions.begin(Actor(bob), artifact, specs=[ReferenceSpec("signed.csv", SIGNED, 6)]).version
    versions.finalize(Actor(bob, Channel.SDK), second)
    body = api(vera).get(f"{ARTIFACTS}/versions/{second.pk}/compare").json()["files"]

    [changed, removed] = body["changes"]
    assert (changed["path"], changed["change"], removed["path"]) == ("signed.csv", "changed", "train.csv")
    assert (
        changed["before"]["reference_uri"] == changed["after"]["reference_uri"] == "https://example.org/data.csv?page=1"
    )
    assert (changed["before"]["reference_identity"], changed["after"]["reference_identity"]) == (
        "modified:2026-11-28T10:00:00Z",
        "",
    )
    client, page = browser(vera), second.get_absolute_url()
    for url in (page, f"{page}/files/signed.csv", f"{artifact.get_absolute_url()}/compare"):
        answer = client.get(url)
        assert answer.status_code == 200 and "hunter2" not in answer.content.decode(), url
    for kind in ("download", "raw", "image"):
        answer = client.get(f"{page}/{kind}/signed.csv")
        assert answer.status_code == 409 and "hunter2" not in answer.content.decode()
    alice.is_staff = alice.is_superuser = True
    alice.save()
    admin = browser(alice)
    file = ArtifactFile.objects.get(version=second)
    for page in ("", f"{file.pk}/change/"):
        text = admin.get(f"/admin/artifacts/artifactfile/{page}").content.decode()
        assert "https://example.org/data.csv?page=1" in text and "hunter2" not in text
    assert admin.get("/admin/artifacts/artifactversion/").status_code == 200

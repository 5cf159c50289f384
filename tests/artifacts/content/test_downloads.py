"""How bytes get out: one address, or a manifest with all of them; each hand-out is counted."""

import os
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from rest_framework.test import APIClient

from accounts.actor import Actor, Channel
from artifacts import storage, versions
from artifacts.content import arrivals, downloads, manifests
from artifacts.errors import BytesMismatch, Missing, VersionIncomplete
from artifacts.models import ArtifactDownload, Blob
from core.stream_pool import StreamPool
from tests.artifacts.client import HTTP, MIB, begin, fetch, log, sha256, single_file, upload

ARTIFACTS = "/api/v1/artifacts"


@pytest.fixture
def files() -> dict[str, bytes]:
    return {f"d/{number}.bin": os.urandom(number * 7) for number in range(8)} | {" spaced ": b"s", 'q"uote;é.txt': b"q"}


def read(download_url: str) -> tuple[bytes, dict[str, str]]:
    """What an address of ours gives to somebody without a key."""
    parts = urlsplit(download_url)
    answer = APIClient().get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 200, answer.json()
    return answer.content, dict(answer.items())


def test_a_url_gives_the_file_as_an_attachment(api, vera, bob, artifact):
    file = log(bob, artifact, {"pages/x.html": b"<script>alert(1)</script>"}).files.get()
    body = api(vera).get(f"{ARTIFACTS}/files/{file.pk}/download-url").json()

    assert body == {
        "download_url": body["url"], "url": body["url"], "file_name": "x.html", "size": 25, "mime_type": "text/html",
        "expires_in": 3600,
    }  # fmt: skip
    answer = HTTP.request("GET", body["download_url"])
    assert answer.data == b"<script>alert(1)</script>"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="x.html"'
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "X-Amz-Expires=3600" in body["download_url"]


def test_a_url_is_for_the_public_endpoint(bob, v1, settings):
    assert downloads.presigned_url(Actor(bob, Channel.SDK), v1.files.get()).startswith(settings.S3_PUBLIC_ENDPOINT_URL)


def test_a_file_in_a_pack_has_a_url_without_a_key_too(api, vera, bob, artifact, files, settings):
    version = log(bob, artifact, files, packed=True)
    for file in version.files.all():
        download_url = api(vera).get(f"{ARTIFACTS}/files/{file.pk}/download-url").json()["download_url"]
        body, headers = read(download_url)
        assert download_url.startswith(f"{settings.BASE_URL}/api/v1/artifacts/files/{file.pk}/content?signature=")
        assert body == files[file.path]
        assert headers["Content-Length"] == str(file.size)
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment; ")
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_name_of_a_download_survives_quotes_and_letters(bob, artifact, files):
    version = log(bob, artifact, files, packed=True)
    _, headers = read(downloads.presigned_url(Actor(bob, Channel.SDK), version.files.get(path='q"uote;é.txt')))

    assert headers["Content-Disposition"] == "attachment; filename*=utf-8''q%22uote%3B%C3%A9.txt"


def test_a_url_into_a_pack_is_good_for_its_file_and_its_time_alone(bob, artifact, files, monkeypatch):
    one, two = log(bob, artifact, files, packed=True).files.all()[3:5]
    download_url = urlsplit(downloads.presigned_url(Actor(bob, Channel.SDK), one))
    client = APIClient()

    for url in (
        f"{ARTIFACTS}/files/{one.pk}/content",
        f"{ARTIFACTS}/files/{one.pk}/content?signature=",
        f"{ARTIFACTS}/files/{one.pk}/content?{download_url.query}x",
        f"{ARTIFACTS}/files/{two.pk}/content?{download_url.query}",
    ):
        answer = client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "Missing"), url
    monkeypatch.setattr(storage, "SIGNED_URL_LIFE", timedelta(seconds=-1))
    assert client.get(f"{download_url.path}?{download_url.query}").status_code == 404


def test_a_url_into_a_pack_ends_with_its_version(bob, artifact, files):
    version = log(bob, artifact, files, packed=True)
    download_url = urlsplit(downloads.presigned_url(Actor(bob, Channel.SDK), version.files.last()))
    versions.delete(Actor(bob, Channel.SDK), version)

    assert APIClient().get(f"{download_url.path}?{download_url.query}").status_code == 404


def test_a_manifest_is_complete(api, vera, bob, artifact, files, work):
    big = os.urandom(MIB)
    version = begin(bob, artifact, files | {"z-big": big}).version
    upload(bob, version, list(files.values()), packed=True)
    upload(bob, version, [big])
    versions.finalize(Actor(bob, Channel.SDK), version)
    work()
    body = api(vera).get(f"{ARTIFACTS}/versions/{version.pk}/manifest").json()

    version.refresh_from_db()
    payload = {
        "version_id": str(version.pk), "digest": version.digest, "file_count": 11, "total_size": version.total_size,
        "expires_in": 3600, "next_cursor": None,
    }  # fmt: skip
    assert body | payload == body
    assert len(body["objects"]) == 2
    contents = files | {"z-big": big}
    assert [entry["path"] for entry in body["entries"]] == sorted(contents, key=str.encode)
    for entry in body["entries"]:
        assert (entry["sha256"], entry["integrity"]) == (sha256(contents[entry["path"]]), "verified")
        obj = body["objects"][entry["object"]]
        assert fetch(obj["url"], entry["offset"], entry["size"]) == contents[entry["path"]]
        assert entry["offset"] + entry["size"] <= obj["size"]


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_a_manifest_is_read_through_by_cursor(api, vera, bob, artifact, files, limit):
    version = log(bob, artifact, files, packed=True)
    client, url = api(vera), f"{ARTIFACTS}/versions/{version.pk}/manifest"
    result, query = [], {"limit": limit}
    while True:
        body = client.get(url, query).json()
        assert {entry["object"] for entry in body["entries"]} == body["objects"].keys()
        result += [entry["path"] for entry in body["entries"]]
        if body["next_cursor"] is None:
            break
        query["cursor"] = body["next_cursor"]

    assert result == sorted(files, key=str.encode)
    assert ArtifactDownload.objects.count() == 1


def test_a_manifest_under_a_prefix(api, vera, bob, artifact, files):
    version = log(bob, artifact, files, packed=True)

    body = api(vera).get(f"{ARTIFACTS}/versions/{version.pk}/manifest", {"prefix": "d/"}).json()
    assert [entry["path"] for entry in body["entries"]] == sorted(path for path in files if path.startswith("d/"))
    assert api(vera).get(f"{ARTIFACTS}/versions/{version.pk}/manifest", {"prefix": "none"}).json()["entries"] == []


def test_a_manifest_of_a_draft_has_urls_for_what_arrived(api, bob, artifact):
    draft = begin(bob, artifact, {"a": b"a", "b": b"b"}).version
    upload(bob, draft, [b"a"])
    arrivals.collect(draft)
    body = api(bob).get(f"{ARTIFACTS}/versions/{draft.pk}/manifest").json()

    assert [entry["integrity"] for entry in body["entries"]] == ["verified", "missing"]
    assert len(body["objects"]) == 1


def test_every_download_is_recorded(api, vera, bob, v1):
    file = v1.files.get()
    client = api(vera)
    client.get(f"{ARTIFACTS}/files/{file.pk}/download-url", headers={"User-Agent": "curl/8"}, REMOTE_ADDR="10.1.2.3")
    client.get(f"{ARTIFACTS}/versions/{v1.pk}/manifest", headers={"User-Agent": "wanllmdb-sdk/0.1"})
    manifests.page(Actor(bob, ip="::1"), v1, limit=1)

    one, whole, by_verb = ArtifactDownload.objects.order_by("id")
    assert (one.version, one.file, one.user, one.ip_address, one.user_agent) == (v1, file, vera, "10.1.2.3", "curl/8")
    assert (whole.file, whole.user, whole.user_agent) == (None, vera, "wanllmdb-sdk/0.1")
    assert (by_verb.user, by_verb.ip_address) == (bob, "::1")


def test_a_manifest_costs_the_same_however_big_it_is(api, bob, artifact, v1, django_assert_num_queries):
    big = log(bob, artifact, {f"{number}": f"{number}".encode() for number in range(40)}, packed=True)
    client = api(bob)
    client.get(ARTIFACTS)
    for version in (v1, big):
        # Key, version, aliases, the count, files.
        with django_assert_num_queries(5):
            client.get(f"{ARTIFACTS}/versions/{version.pk}/manifest")


@pytest.mark.parametrize("query", ["limit=0", "limit=5001", "limit=x", "limit=-1", "prefix=" + "x" * 1025])
def test_odd_queries_are_refused(api, vera, v1, query):
    assert api(vera).get(f"{ARTIFACTS}/versions/{v1.pk}/manifest?{query}").status_code == 400
    assert ArtifactDownload.objects.count() == 0


def test_corrupt_bytes_are_not_given_out(api, vera, bob, artifact, work):
    version = log(bob, artifact, {"a": b"good", "b": b"fine"}, packed=True)
    file = version.files.get(path="a")
    download_url = urlsplit(downloads.presigned_url(Actor(bob, Channel.SDK), file))
    storage.upload_file(file.blob.object.key, b"BAD!fine")
    work()
    file.refresh_from_db()
    with pytest.raises(BytesMismatch):
        downloads.presigned_url(Actor(bob, Channel.SDK), file)

    client = api(vera)
    answer = client.get(f"{ARTIFACTS}/files/{file.pk}/download-url")
    assert (answer.status_code, answer.json()["code"], answer.json()["paths"]) == (409, "BytesMismatch", ["a"])
    assert APIClient().get(f"{download_url.path}?{download_url.query}").status_code == 409
    entries = client.get(f"{ARTIFACTS}/versions/{version.pk}/manifest").json()["entries"]
    assert [entry["integrity"] for entry in entries] == ["corrupt", "verified"]
    assert ArtifactDownload.objects.filter(file=file).count() == 1


def test_bytes_that_have_not_arrived_have_no_url(api, bob, artifact):
    file = begin(bob, artifact, {"a": b"a"}).version.files.get()
    with pytest.raises(VersionIncomplete):
        downloads.presigned_url(Actor(bob, Channel.SDK), file)

    answer = api(bob).get(f"{ARTIFACTS}/files/{file.pk}/download-url")
    assert (answer.status_code, answer.json()["code"]) == (409, "VersionIncomplete")
    assert ArtifactDownload.objects.count() == 0


def test_an_internal_project_may_be_read_by_all(api, mallory, project, v1):
    project.visibility = "internal"
    project.save()

    assert api(mallory).get(f"{ARTIFACTS}/files/{v1.files.get().pk}/download-url").status_code == 200
    assert api(mallory).get(f"{ARTIFACTS}/versions/{v1.pk}/manifest").status_code == 200


def test_bytes_that_the_store_lost_are_missing(bob, artifact, files):
    version = log(bob, artifact, files, packed=True)
    file = version.files.last()
    download_url = urlsplit(downloads.presigned_url(Actor(bob, Channel.SDK), file))
    storage.delete_file(Blob.objects.first().object.key)

    with pytest.raises(Missing):
        downloads.content(file)
    assert APIClient().get(f"{download_url.path}?{download_url.query}").status_code == 404


def test_one_object_has_one_url_whatever_it_is_named(api, bob, artifact):
    version = begin(bob, artifact, {"a": b"same", "b/a": b"same"}).version
    upload(bob, version, [b"same"])
    versions.finalize(Actor(bob, Channel.SDK), version)
    body = api(bob).get(f"{ARTIFACTS}/versions/{version.pk}/manifest").json()

    assert (len(body["entries"]), len(body["objects"])) == (2, 1)
    assert single_file(b"same").sha256 == body["entries"][1]["sha256"]


def test_a_long_download_that_finds_no_slot_is_told_no_time_to_come_again(bob, artifact, monkeypatch):
    """The official client's own backoff waits longer than 16 times any time of ours."""
    file = log(bob, artifact, {"long.bin": bytes(2 * MIB)}).files.select_related("blob__object").get()
    monkeypatch.setattr(downloads, "_pool", StreamPool(size=0, per_person=1))
    url = urlsplit(downloads.content_url(file.pk))
    answer = APIClient().get(f"{url.path}?{url.query}")

    assert (answer.status_code, answer.json()["code"]) == (503, "Busy")
    assert "Retry-After" not in answer.headers
    assert downloads.passed_on(file, "anybody", 0, MIB) == bytes(MIB)

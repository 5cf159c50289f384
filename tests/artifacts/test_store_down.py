"""The object store is away: one sentence, nothing changed, and the next try goes on where this one stopped."""

import pytest
from rest_framework.response import Response

from accounts.actor import Actor, Channel
from artifacts import storage, versions
from artifacts.content import downloads, uploads, verification
from artifacts.errors import StoreUnavailable
from artifacts.models import AliasChange, ArtifactDownload, ArtifactFile, ArtifactVersion, Blob, StoredObject
from tests.artifacts.client import begin, digest_of, log, send, sha256, single_file, upload, with_store_options

ARTIFACTS = "/api/v1/artifacts"
ROWS = (ArtifactVersion, ArtifactFile, Blob, StoredObject, AliasChange, ArtifactDownload)


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    draft = begin(bob, artifact, {"a": b"a", "b": b"b"}).version
    [one] = uploads.begin(Actor(bob), draft, [single_file(b"a")])
    send(one.put, b"a")
    return draft


def rows() -> list[list[dict]]:
    return [list(model.objects.order_by("pk").values()) for model in ROWS]


def assert_away(answer: Response) -> None:
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0
    body = answer.json()
    assert (body["code"], body["status"]) == ("StoreUnavailable", 503)
    assert "try again" in body["detail"]


def test_an_interrupted_log_resumes(api, bob, artifact, draft, store):
    client = api(bob)
    endpoint = f"{ARTIFACTS}/versions/{draft.pk}"
    upload_request = {"objects": [{"kind": "file", "sha256": sha256(body), "size": 1} for body in (b"a", b"b")]}
    before = rows()
    store.stop()
    assert_away(client.post(f"{endpoint}/uploads", upload_request))
    assert_away(client.post(f"{endpoint}/finalize", {"aliases": ["production"]}))
    assert rows() == before

    store.start()
    uploaded, expected = client.post(f"{endpoint}/uploads", upload_request).json()["objects"]
    assert (uploaded["state"], expected["state"]) == ("uploaded", "expected")
    send(storage.SignedPut(expected["url"], expected["headers"]), b"b")
    body = client.post(f"{endpoint}/finalize", {"aliases": ["production"]}).json()
    assert (body["state"], body["aliases"]) == ("finalized", ["production", "latest"])


def test_what_needs_no_store_works_on(api, bob, artifact, v1, draft, store):
    store.stop()
    client = api(bob)
    files = [{"path": "x", "size": 1, "sha256": sha256(b"x")}]

    def fine(answer: Response) -> bool:
        return answer.status_code in (200, 201)

    assert fine(client.get(f"{ARTIFACTS}/versions/{v1.pk}"))
    assert fine(client.get(f"{ARTIFACTS}/versions/{v1.pk}/files"))
    assert fine(client.get(f"{ARTIFACTS}/resolve", {"name": "acme/demo/data"}))
    assert fine(client.post(f"{ARTIFACTS}/{artifact.pk}/aliases", {"alias": "x", "version_id": str(v1.pk)}))
    body = {"digest": digest_of({"x": b"x"}), "files": files}
    assert fine(client.post(f"{ARTIFACTS}/{artifact.pk}/versions", body))
    # Signing asks nobody.
    assert fine(client.get(f"{ARTIFACTS}/versions/{v1.pk}/manifest"))
    assert fine(client.post(f"{ARTIFACTS}/versions/{draft.pk}/files/upload-url", {"path": "y", "size": 1}))


def test_registering_a_file_waits(api, bob, artifact, store):
    draft = versions.begin(Actor(bob), artifact).version
    client, endpoint = api(bob), f"{ARTIFACTS}/versions/{draft.pk}/files"
    payload = client.post(f"{endpoint}/upload-url", {"path": "x", "size": 1}).json()
    send(storage.SignedPut(payload["upload_url"], payload["headers"]), b"x")
    body = {"path": "x", "size": 1, "storage_key": payload["storage_key"]}
    store.stop()
    assert_away(client.post(endpoint, body))
    assert ArtifactFile.objects.count() == 0

    store.start()
    assert client.post(endpoint, body).status_code == 201


def test_a_file_in_a_pack_is_not_half_given_out(api, bob, artifact, store):
    version = log(bob, artifact, {"a": b"aa", "b": b"b"}, packed=True)
    url = downloads.presigned_url(Actor(bob, Channel.SDK), version.files.first())
    path = url.removeprefix("http://").partition("/")[2]
    store.stop()

    assert_away(api().get(f"/{path}"))


def test_workers_leave_things_as_they_were(bob, artifact, work, store):
    version = log(bob, artifact, {"a": b"aa", "b": b"b"}, packed=True)
    before = rows()
    store.stop()
    with pytest.raises(StoreUnavailable):
        verification.verify(str(version.pk))
    assert rows() == before

    store.start()
    work()
    version.refresh_from_db()
    assert version.integrity == "verified"


def test_every_verb_says_the_same(store):
    store.stop()
    for act in (
        lambda: storage.upload_file("probes/x", b"x"),
        lambda: list(storage.download_file("probes/x")),
        lambda: storage.delete_file("probes/x"),
        lambda: storage.delete_files(["probes/x"]),
        lambda: list(storage.list_files("probes/")),
        lambda: storage.get_file_info("probes/x"),
        lambda: storage.begin_multipart("probes/x"),
        lambda: storage.list_parts("probes/x", "1"),
        lambda: storage.complete_multipart("probes/x", "1", {1: "a"}),
        lambda: storage.abort_multipart("probes/x", "1"),
        lambda: list(storage.open_multiparts("probes/")),
        storage.ensure_bucket,
    ):
        with pytest.raises(StoreUnavailable, match="does not respond"):
            act()


def test_a_store_that_does_not_know_us_is_distinguished(settings):
    storage.upload_file("probes/x", b"x")
    settings.STORAGES = with_store_options(secret_key="another")
    with pytest.raises(StoreUnavailable, match="credentials"):
        storage.get_file_info("probes/x")


def test_uploads_go_on_after_a_restart_of_the_store(bob, artifact, draft, store):
    store.stop()
    store.start()
    upload(bob, draft, [b"a", b"b"])

    assert versions.finalize(Actor(bob, Channel.SDK), draft).created

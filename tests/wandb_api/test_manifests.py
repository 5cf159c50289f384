"""The manifests that the official client sends: what they may say, and what a version has of them."""

import json
import re

import pytest

from artifacts import manifest_drafts, storage
from artifacts.content import deletions
from artifacts.models import ManifestUpload, StoredObject
from tests.artifacts.client import md5
from tests.wandb_api.upload_client import FILES, Refused, Wandb, b64md5, digest_of, entries_of, put, version_of


def test_a_manifest_cannot_claim_what_another_user_has_sent(alice, bob, project):
    Wandb(bob).log("set", FILES)
    hers = Wandb(alice)
    begun = hers.create("hers", digest_of(entries_of(FILES)))
    hers.send_manifest(begun["id"], entries_of(FILES))
    with pytest.raises(Refused, match="have not been uploaded"):
        hers.commit(begun["id"])


def test_a_commit_without_a_manifest_is_refused(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    with pytest.raises(Refused, match="manifest of this draft has not been uploaded"):
        wandb.commit(begun["id"])
    wandb.create_manifest(begun["id"], b64md5(b"{}"))
    with pytest.raises(Refused, match="manifest of this draft has not been uploaded"):
        wandb.commit(begun["id"])


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ({"../a": {"digest": b64md5(b"x"), "size": 1}}, "'..' segment"),
        ({"a": {"digest": "abc", "size": 1}}, "no md5 in base64"),
        ({"a": {"size": 1}}, "has no digest"),
        ({"a": {"digest": b64md5(b"one"), "size": -1}}, "number of bytes"),
        ({"a": {"digest": b64md5(b"one"), "size": 4}}, "another size"),
        ({"a": {"digest": b64md5(b"one")}, "a/b": {"digest": b64md5(b"one")}}, "cannot be a file and the folder"),
        ({"r": {"digest": "e", "ref": "javascript:alert(1)"}}, "A reference is a URI"),
        ({"r": {"digest": "e", "ref": "https://user:pw@host/x"}}, "username and password"),
        ({"a": {"digest": b64md5(b"two"), "size": 3}}, "The digest of the files is"),
    ],
)
def test_a_manifest_is_checked(bob, project, contents, sentence):
    wandb = Wandb(bob)
    wandb.log("set", {"one": b"one", "two": b"two"})
    begun = wandb.create("other", "0" * 32)
    wandb.send_manifest(begun["id"], contents)
    with pytest.raises(Refused, match=re.escape(sentence)):
        wandb.commit(begun["id"])


def test_of_two_manifests_the_last_counts(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of({"a.txt": b"one"})))
    wandb.send(begun["id"], FILES)
    wandb.send_manifest(begun["id"], entries_of(FILES))
    with pytest.raises(Refused, match="digest of the files"):
        wandb.commit(begun["id"])
    wandb.send_manifest(begun["id"], entries_of({"a.txt": b"one"}))
    assert version_of(wandb.commit(begun["id"])).file_count == 1


def test_nothing_of_the_users_disk_is_kept(bob, project):
    wandb = Wandb(bob)
    files = {"a": b"one"}
    begun = wandb.create("set", digest_of(entries_of(files)))
    wandb.send(begun["id"], files)
    contents = {"a": entries_of(files)["a"] | {"local_path": "/home/bob/secret", "skip_cache": True}}
    wandb.send_manifest(begun["id"], contents)
    version = version_of(wandb.commit(begun["id"]))
    assert not ManifestUpload.objects.exists()
    assert list(StoredObject.objects.values_list("key", flat=True)) == [f"{version.storage_path}/wandb_artifacts/a"]
    deletions.delete_due()
    assert [info.key for info in storage.list_files(version.storage_path)] == [
        f"{version.storage_path}/wandb_artifacts/a"
    ]


def test_references_are_kept_with_what_the_client_said(bob, project, work):
    references = {
        "model.bin": {"digest": "abc-3", "ref": "s3://bucket/model.bin", "size": 99, "extra": {"versionID": "v7"}},
        "page": {"digest": "https://example.org/x", "ref": "https://example.org/x"},
        "local": {"digest": b64md5(b"x"), "ref": "file:///data/x", "size": 1},
        "entry": {"digest": b64md5(b"y"), "ref": f"wandb-artifact://{'41727469' * 6}/path", "size": 1},
    }
    logged = Wandb(bob).log("set", {"a": b"one"}, references)
    version = version_of(logged)
    assert (version.file_count, version.reference_count, version.total_size) == (5, 4, 104)
    rows = version.files.exclude(reference_uri=None)
    assert set(rows.values_list("path", "reference_identity", "reference_version_id", "reference_digest")) == {
        ("model.bin", "etag:abc-3", "v7", "abc-3"),
        ("page", "", "", "https://example.org/x"),
        ("local", f"md5:{md5(b'x')}", "", b64md5(b"x")),
        ("entry", "", "", b64md5(b"y")),
    }
    assert rows.get(path="model.bin").reference_extra == {"versionID": "v7"}
    work()
    version.refresh_from_db()
    assert version.digest is not None
    assert version.wire_digest == logged["digest"]


def test_manifests_that_are_merged_are_bounded(bob, project, monkeypatch):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)), distributedID="all")
    wandb.send(begun["id"], FILES)
    for path, entry in entries_of(FILES).items():
        wandb.send_manifest(begun["id"], {path: entry}, "PATCH")
    monkeypatch.setattr(manifest_drafts, "MAX_MERGED_SIZE", 300)
    with pytest.raises(Refused, match="together"):
        wandb.commit(begun["id"])
    monkeypatch.undo()
    assert wandb.commit(begun["id"])["state"] == "COMMITTED"


def test_an_incremental_manifest_goes_on_its_base(bob, project, work):
    wandb = Wandb(bob)
    base = wandb.log("set", FILES)
    changed = {"a.txt": b"ONE", "new": b"new"}
    begun = wandb.create("set", digest_of(entries_of(changed)))
    wandb.send(begun["id"], changed)
    more = {"baseArtifactID": base["id"], "name": "wandb_manifest.incremental.json"}
    wandb.send_manifest(begun["id"], entries_of(changed), "INCREMENTAL", **more)
    logged = wandb.commit(begun["id"])
    assert logged["digest"] == digest_of(entries_of(FILES | changed))
    assert set(version_of(logged).files.values_list("path", "size")) == {
        (path, len(body)) for path, body in (FILES | changed).items()
    }


def test_several_writers_fill_one_draft(alice, bob, project):
    his, hers = Wandb(bob), Wandb(alice)
    begun = [client.create("set", "0" * 32, distributedID="group") for client in (his, hers)]
    assert begun[0]["id"] == begun[1]["id"]
    for client, files in ((his, {"a": b"one", "both": b"his"}), (hers, {"b": b"two", "both": b"hers"})):
        client.send(begun[0]["id"], files)
        client.send_manifest(begun[0]["id"], entries_of(files), "PATCH", name="wandb_manifest.patch.json")
    logged = hers.commit(begun[0]["id"])
    assert logged["digest"] == digest_of(entries_of({"a": b"one", "b": b"two", "both": b"hers"}))


def test_a_manifest_gets_its_digest_later(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    wandb.send(begun["id"], FILES)
    manifest = wandb.create_manifest(begun["id"])
    assert manifest["file"]["uploadUrl"] is None
    body = json.dumps({"version": 1, "contents": entries_of(FILES)}).encode()
    answer = "artifactManifest { id file { uploadUrl uploadHeaders } }"
    sent = {"artifactManifestID": manifest["id"], "digest": b64md5(body)}
    file = wandb.mutate("updateArtifactManifest", answer, **sent)["artifactManifest"]["file"]
    assert put(file["uploadUrl"], file["uploadHeaders"], body).status == 200
    assert wandb.commit(begun["id"])["state"] == "COMMITTED"

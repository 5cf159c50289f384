"""The official client logs artifacts: begun by a digest, sent by md5, committed with a manifest."""

import json
import os
import re
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Scope
from artifacts import errors, manifest_drafts, storage, versions
from artifacts.aliases import protection
from artifacts.content import deletions, downloads, garbage_collection, reconciliation, verification
from artifacts.models import ArtifactVersion, Blob, ManifestUpload, PendingDeletion, StoredObject
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from projects.models import Project
from tests.artifacts.client import MIB, at_once, log, md5, parts_of, sha256
from tests.wandb_api.upload_client import Refused, Wandb, b64md5, digest_of, entries_of, put

FILES = {"a.txt": b"one", "sub/b.txt": b"two", "empty": b""}


def version_of(answer) -> ArtifactVersion:
    return ArtifactVersion.objects.select_related("artifact").get(
        artifact__name=answer.get("name", "set"), number=answer["versionIndex"]
    )


def test_a_folder_is_logged(bob, project, work):
    wandb = Wandb(bob)
    logged = wandb.log("set", FILES, aliases=["latest", "best"])
    assert logged["state"] == "COMMITTED"
    assert logged["digest"] == digest_of(entries_of(FILES))

    version = version_of(logged)
    assert (version.file_count, version.total_size, version.integrity) == (3, 6, "pending")
    assert version.digest is None
    assert version.artifact.type == "dataset"
    assert set(version.artifact.alias_set.values_list("alias", flat=True)) == {"latest", "best"}
    assert set(version.files.values_list("path", "size", "blob__md5", "blob__sha256", "blob__state")) == {
        (path, len(body), md5(body), None, "uploaded") for path, body in FILES.items()
    }

    work()
    version.refresh_from_db()
    assert version.integrity == "verified"
    assert version.digest is not None
    assert set(version.files.values_list("blob__sha256", flat=True)) == set(map(sha256, FILES.values()))


def test_the_same_again_is_the_same_version(bob, run, project):
    wandb = Wandb(bob)
    first = wandb.log("set", FILES)
    again = wandb.create("set", digest_of(entries_of(FILES)), aliases=["latest", "best"], runName=run.name)
    assert (again["id"], again["state"]) == (first["id"], "COMMITTED")

    version = version_of(first)
    assert set(version.aliases.values_list("alias", flat=True)) == {"latest", "best"}
    assert [output.run for output in version.outputs.all()] == [run]


def test_what_our_own_sdk_logged_is_the_same_version_once_it_was_read(bob, project, artifact, work):
    version = log(bob, artifact, FILES)
    work()
    again = Wandb(bob).log("data", FILES)
    assert again["versionIndex"] == version.number
    assert artifact.versions.count() == 1


def test_what_this_client_logged_is_the_same_version_for_our_own_sdk(bob, project, work):
    logged = Wandb(bob).log("set", FILES)
    work()
    version = version_of(logged)
    assert log(bob, version.artifact, FILES) == version


def test_one_changed_file_is_sent_alone(bob, project):
    wandb = Wandb(bob)
    wandb.log("set", FILES)
    changed = FILES | {"a.txt": b"ONE"}
    begun = wandb.create("set", digest_of(entries_of(changed)))
    assert begun["state"] == "PENDING"
    assert begun["versionIndex"] is None
    assert wandb.send(begun["id"], changed) == 1
    wandb.send_manifest(begun["id"], entries_of(changed))
    second = wandb.commit(begun["id"])
    assert begun["artifactSequence"]["latestArtifact"]["versionIndex"] == second["versionIndex"] - 1


def test_files_are_answered_in_the_order_of_the_request(bob, project):
    wandb = Wandb(bob)
    files = {f"{number}": b"%d" % (number % 3) for number in range(9)}
    begun = wandb.create("set", digest_of(entries_of(files)))
    nodes = wandb.files(begun["id"], files)
    assert [node["storagePath"] for node in nodes] == [f"wandb_artifacts/{path}" for path in files]
    # Of equal bytes the first are sent.
    assert [node["uploadUrl"] is None for node in nodes] == [False] * 3 + [True] * 6
    assert {node["artifact"]["id"] for node in nodes} == {begun["id"]}


def test_a_url_takes_the_bytes_of_its_md5_alone(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of({"a": b"right"})))
    [node] = wandb.files(begun["id"], {"a": b"right"})
    assert put(node["uploadUrl"], node["uploadHeaders"], b"wrong").status == 400
    assert put(node["uploadUrl"], [], b"right").status == 403
    others = [f"Content-MD5:{b64md5(b'wrong')}", node["uploadHeaders"][1]]
    assert put(node["uploadUrl"], others, b"wrong").status == 403
    assert put(node["uploadUrl"], node["uploadHeaders"], b"right").status == 200


def test_a_commit_may_be_repeated(bob, project):
    wandb = Wandb(bob)
    first = wandb.log("set", FILES)
    assert wandb.commit(first["id"]) == first
    assert version_of(first).artifact.versions.count() == 1


def test_the_first_version_of_this_client_is_v0(bob, project):
    wandb = Wandb(bob)
    assert wandb.log("set", FILES)["versionIndex"] == 0
    assert wandb.log("set", {"a": b"other"})["versionIndex"] == 1


@pytest.mark.django_db(transaction=True)
def test_two_commits_at_once_make_one_version(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    wandb.fill(begun["id"], FILES)
    commits = at_once(*[lambda: wandb.commit(begun["id"]) for _ in range(4)])
    assert [commit["id"] for commit in commits] == [begun["id"]] * 4
    version = version_of(commits[0])
    assert version.file_count == version.files.count() == len(FILES)
    assert version.artifact.version_count == 1


@pytest.mark.django_db(transaction=True)
def test_two_programs_that_log_the_same_at_once_get_one_version(bob, project):
    wandb = Wandb(bob)
    drafts = [wandb.create("set", digest_of(entries_of(FILES))) for _ in range(2)]
    assert drafts[0]["id"] != drafts[1]["id"]
    for draft in drafts:
        wandb.fill(draft["id"], FILES)
    commits = at_once(*[partial(wandb.commit, draft["id"]) for draft in drafts])
    assert commits[0]["id"] == commits[1]["id"]
    artifact = version_of(commits[0]).artifact
    assert artifact.version_count == 1
    # Each goes on to call it by the id that it knows.
    assert {wandb.commit(draft["id"])["id"] for draft in drafts} == {commits[0]["id"]}
    query = "query Q($id: ID!) { artifact(id: $id) { id state } }"
    assert {wandb.ask(query, id=draft["id"])["artifact"]["id"] for draft in drafts} == {commits[0]["id"]}


def test_a_program_that_was_killed_goes_on_with_what_it_has_sent(bob, project):
    wandb = Wandb(bob)
    files = {f"{number}": b"%d" % number for number in range(5)}
    begun = wandb.create("set", digest_of(entries_of(files)))
    nodes = wandb.files(begun["id"], files)
    for node, body in list(zip(nodes, files.values(), strict=True))[:3]:
        assert put(node["uploadUrl"], node["uploadHeaders"], body).status == 200

    again = wandb.create("set", digest_of(entries_of(files)))
    assert again["id"] != begun["id"]
    assert wandb.send(again["id"], files) == 2
    wandb.send_manifest(again["id"], entries_of(files))
    assert wandb.commit(again["id"])["state"] == "COMMITTED"


def test_another_users_bytes_are_sent_again_until_they_were_read(alice, bob, project, work):
    Wandb(bob).log("set", FILES)
    hers = Wandb(alice)
    begun = hers.create("hers", digest_of(entries_of(FILES)))
    assert [bool(node["uploadUrl"]) for node in hers.files(begun["id"], FILES)] == [True, True, True]
    work()
    nodes = hers.files(begun["id"], FILES)
    assert [node["uploadUrl"] for node in nodes] == [None, None, None]


def test_bytes_of_another_project_are_no_ticket(alice, bob, acme, project, work):
    Wandb(bob).log("set", FILES)
    work()
    Project.objects.create(team=acme, name="elsewhere", created_by=alice)
    wandb = Wandb(bob, "acme/elsewhere")
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    assert all(node["uploadUrl"] for node in wandb.files(begun["id"], FILES))
    wandb.send_manifest(begun["id"], entries_of(FILES))
    with pytest.raises(Refused, match=r"'a\.txt', 'sub/b\.txt', 'empty' have not been uploaded"):
        wandb.commit(begun["id"])


def test_a_manifest_cannot_claim_what_another_user_has_sent(alice, bob, project):
    Wandb(bob).log("set", FILES)
    hers = Wandb(alice)
    begun = hers.create("hers", digest_of(entries_of(FILES)))
    hers.send_manifest(begun["id"], entries_of(FILES))
    with pytest.raises(Refused, match="have not been uploaded"):
        hers.commit(begun["id"])


def test_what_was_sent_twice_is_merged(alice, bob, project, work):
    Wandb(bob).log("set", FILES)
    logged = Wandb(alice).log("hers", FILES)
    assert Blob.objects.count() == 6
    work()
    assert Blob.objects.count() == 3
    assert version_of(logged | {"name": "hers"}).integrity == "verified"
    assert version_of(logged | {"name": "hers"}).digest is not None


def test_files_that_were_not_sent_are_named(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    wandb.files(begun["id"], FILES)
    wandb.send_manifest(begun["id"], entries_of(FILES))
    with pytest.raises(Refused, match=r"'a\.txt', 'sub/b\.txt', 'empty' have not been uploaded"):
        wandb.commit(begun["id"])
    # Once they are there, the same commit works.
    wandb.send(begun["id"], FILES)
    assert wandb.commit(begun["id"])["state"] == "COMMITTED"


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


def test_the_same_client_id_is_the_same_draft(bob, project):
    wandb = Wandb(bob)
    digest = digest_of(entries_of(FILES))
    first = wandb.create("set", digest, clientID="c" * 128)
    assert wandb.create("set", digest, clientID="c" * 128)["id"] == first["id"]
    with pytest.raises(Refused, match="belongs to other contents"):
        wandb.create("set", "0" * 32, clientID="c" * 128)
    query = "query Q($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
    assert wandb.ask(query, id="c" * 128)["clientIDMapping"]["serverID"] == first["id"]
    assert wandb.ask(query, id="unknown")["clientIDMapping"] is None


def test_a_client_id_tells_a_stranger_nothing(bob, mallory, project):
    wandb = Wandb(bob)
    wandb.create("set", digest_of(entries_of(FILES)), clientID="c" * 128)
    query = "query Q($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
    assert Wandb(mallory).ask(query, id="c" * 128)["clientIDMapping"] is None


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"type": "model"}, "has the type 'dataset', not 'model'"),
        ({"digestAlgorithm": "MANIFEST_XXH128"}, "MANIFEST_MD5 alone"),
        ({"storageRegion": "mars"}, "no storage region 'mars'"),
        ({"digest": "abc"}, "no digest of a version"),
        ({"runName": "nobody"}, "has no run 'nobody'"),
        ({"metadata": "[1]"}, "metadata are not allowed"),
        ({"metadata": json.dumps(dict.fromkeys(map(str, range(101))))}, "at most 100 keys"),
        ({"aliases": ["v7"]}, "cannot be an alias"),
        ({"ttlDurationSeconds": 0}, "A TTL is longer than nothing"),
        ({"ttlDurationSeconds": -(2**63) + 1}, "A TTL is longer than nothing"),
        ({"tags": [{"tagName": "x" * 200}]}, "A tag has at most"),
        ({"clientID": "x" * 201}, "at most 200 characters"),
        ({"name": "no/name"}, "not an artifact name"),
    ],
)
def test_a_version_is_not_begun(bob, project, artifact, more, sentence):
    sent = {"name": "data", "digest": "0" * 32} | more
    with pytest.raises(Refused, match=re.escape(sentence)):
        Wandb(bob).create(**sent)
    assert not ArtifactVersion.objects.exists()


def test_protected_aliases_are_refused_before_bytes_are_sent(alice, bob, project):
    protection.create(Actor(alice), project, "production")
    with pytest.raises(Refused, match="production"):
        Wandb(bob).create("set", "0" * 32, aliases=["latest", "production"])
    assert not ArtifactVersion.objects.exists()


def test_viewers_and_strangers_log_nothing(bob, vera, mallory, project):
    begun = Wandb(bob).create("set", digest_of(entries_of(FILES)))
    hers = Wandb(vera)
    with pytest.raises(Refused, match="You need the Editor role"):
        hers.create("set", "0" * 32)
    for act in (lambda c: c.files(begun["id"], FILES), lambda c: c.create_manifest(begun["id"]),
                lambda c: c.commit(begun["id"])):  # fmt: skip
        with pytest.raises(Refused, match="was not found"):
            act(hers)
        with pytest.raises(Refused, match="was not found"):
            act(Wandb(mallory))
    with pytest.raises(Refused, match="read-only"):
        Wandb(bob, scope=Scope.READ).create("set", "0" * 32)


def test_a_draft_says_all_that_it_was_begun_with(bob, project, run):
    sent = {"description": "All of it.", "metadata": '{"rows": 3}', "historyStep": 12, "ttlDurationSeconds": 3600}
    sent |= {"tags": [{"tagName": "clean"}, {"tagName": "small"}]}
    logged = Wandb(bob).log("set", FILES, runName=run.name, **sent)
    version = version_of(logged)
    assert (version.description, version.metadata, version.run) == ("All of it.", {"rows": 3}, run)
    assert version.history_step == 12
    assert version.ttl == timedelta(hours=1)
    assert version.tags == ["clean", "small"]
    assert version.requested_aliases == []


def test_parts_become_one_object(bob, project, work):
    wandb = Wandb(bob)
    body = os.urandom(6 * MIB)
    parts = parts_of(body, 5 * MIB)
    begun = wandb.create("set", digest_of(entries_of({"big": body})))
    stated = [{"partNumber": number, "hexMD5": md5(part)} for number, part in enumerate(parts, 1)]
    [node] = wandb.files(begun["id"], {"big": body}, uploadPartsInput=stated)
    urls = [part["uploadUrl"] for part in node["uploadMultipartUrls"]["uploadUrlParts"]]
    assert put(urls[0], [f"Content-Md5:{b64md5(b'wrong')}"], b"wrong").status == 403
    answers = [put(url, [f"Content-Md5:{b64md5(part)}"], part) for url, part in zip(urls, parts, strict=True)]
    assert [answer.status for answer in answers] == [200, 200]
    etags = [{"partNumber": number, "hexMD5": answer.headers["ETag"]} for number, answer in enumerate(answers, 1)]
    assert etags[0]["hexMD5"].startswith('"')
    completed = {
        "completeMultipartAction": "Complete", "completedParts": etags, "artifactID": begun["id"],
        "storagePath": node["storagePath"], "uploadID": node["uploadMultipartUrls"]["uploadID"],
    }  # fmt: skip
    for _ in range(2):
        assert wandb.mutate("completeMultipartUploadArtifact", "digest", **completed) == {"digest": None}
    wandb.send_manifest(begun["id"], entries_of({"big": body}))
    version = version_of(wandb.commit(begun["id"]))
    work()
    assert version.files.get().blob.sha256 == sha256(body)
    assert b"".join(downloads.content(version.files.get())) == body


def test_parts_of_an_unknown_upload_are_not_completed(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", "0" * 32)
    completed = {
        "completeMultipartAction": "Complete", "completedParts": [], "artifactID": begun["id"],
        "storagePath": "wandb_artifacts/big", "uploadID": "x",
    }  # fmt: skip
    with pytest.raises(Refused, match="No upload of 'wandb_artifacts/big' was begun"):
        wandb.mutate("completeMultipartUploadArtifact", "digest", **completed)


def test_a_draft_that_nobody_touches_is_given_up(bob, project, age):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    wandb.fill(begun["id"], FILES)
    age(days=8)
    assert garbage_collection.expire_drafts() == 1
    garbage_collection.delete_orphans()
    assert not StoredObject.objects.exists()
    assert not ManifestUpload.objects.exists()
    deletions.delete_due()
    assert list(storage.list_files(f"projects/{project.pk}/")) == []
    with pytest.raises(Refused, match="was not found"):
        wandb.commit(begun["id"])


def test_the_bucket_and_the_rows_tell_the_same_at_any_time(bob, project, work):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    for step in (lambda: wandb.files(begun["id"], FILES), lambda: wandb.fill(begun["id"], FILES),
                 lambda: wandb.commit(begun["id"]), work, deletions.delete_due):  # fmt: skip
        step()
        # Others leave theirs in the bucket.
        unknown = [key for key in reconciliation.compare().unknown if str(project.pk) in key]
        assert unknown == []


def test_nobody_else_finalizes_what_is_still_logged(bob, project):
    wandb = Wandb(bob)
    wandb.create("set", digest_of(entries_of(FILES)))
    draft = ArtifactVersion.objects.select_related("artifact__project__team").get()
    ManifestUpload.objects.create(version=draft)
    with pytest.raises(errors.Conflict, match="still logging"):
        versions.finalize(Actor(bob), draft)
    assert wandb.log("set", FILES)["state"] == "COMMITTED"


def test_nobody_else_finalizes_what_a_commit_has_filled_in_part(bob, project):
    wandb = Wandb(bob)
    begun = wandb.create("set", digest_of(entries_of(FILES)))
    wandb.send(begun["id"], FILES)
    wandb.send_manifest(begun["id"], entries_of(FILES), "PATCH")
    draft = ArtifactVersion.objects.select_related("artifact__project__team").get()
    reference = ReferenceSpec("one-of-many", "https://files.example/one", 1)
    references.add(Actor(bob), draft, [reference])
    draft.refresh_from_db()
    assert draft.file_count == 1
    with pytest.raises(errors.Conflict, match="still logging"):
        versions.finalize(Actor(bob), draft)
    assert wandb.commit(begun["id"])["state"] == "COMMITTED"
    assert set(draft.files.values_list("path", flat=True)) == set(FILES)


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


@pytest.mark.parametrize("is_late", [False, True])
def test_what_a_worker_has_verified_is_where_no_signed_url_leads(bob, project, work, is_late):
    """Nobody has two contents of one md5 at hand: other bytes are put there behind the registry's back. A request that
    began before its URL expired can bring them later as well."""
    version = version_of(Wandb(bob).log("set", FILES))
    if is_late:
        StoredObject.objects.filter(blobs__isnull=False).update(url_expires_at=timezone.now() - timedelta(hours=1))
    signed = {file.path: file.blob.object.key for file in version.files.select_related("blob__object")}
    work()
    for key in signed.values():
        storage.upload_file(key, b"eno")
    files = list(version.files.select_related("blob__object"))
    assert {file.path: b"".join(storage.download_file(file.blob.object.key)) for file in files if file.size} == {
        path: body for path, body in FILES.items() if body
    }
    assert {file.blob.object.reserved_key for file in files} == set(signed.values())
    assert not StoredObject.objects.filter(blobs__isnull=False).exclude(url_expires_at=None).exists()
    # Who has a URL for the former key reads on until it has expired. Then its bytes go.
    deletions.delete_due()
    assert all(storage.get_file_info(key) for key in signed.values())
    PendingDeletion.objects.update(created_at=timezone.now() - timedelta(hours=2), next_attempt_at=timezone.now())
    deletions.delete_due()
    assert not PendingDeletion.objects.exists()
    assert [info.key for info in storage.list_files(f"{version.storage_path}/wandb_artifacts")] == sorted(
        file.blob.object.key for file in files
    )
    # And the same is not sent again.
    begun = Wandb(bob).create("other", "0" * 32)
    assert [file["uploadUrl"] for file in Wandb(bob).files(begun["id"], FILES)] == [None] * 3


@pytest.mark.django_db(transaction=True)
def test_two_workers_move_bytes_at_once(bob, project):
    version = version_of(Wandb(bob).log("set", FILES))
    at_once(partial(verification.verify, str(version.pk)), partial(verification.verify, str(version.pk)))
    version.refresh_from_db()
    assert version.integrity == "verified"
    needed = set(StoredObject.objects.filter(blobs__isnull=False).values_list("key", flat=True))
    owed = set(PendingDeletion.objects.values_list("key", flat=True))
    assert not needed & owed
    keys = {info.key for info in storage.list_files(f"{version.storage_path}/wandb_artifacts")}
    assert keys <= needed | owed


def test_bytes_that_were_replaced_before_they_were_moved_are_found(bob, project, work):
    """Those that were verified by a server that did not move any yet."""
    version = version_of(Wandb(bob).log("set", FILES))
    work()
    objects = StoredObject.objects.filter(blobs__isnull=False)
    objects.update(url_expires_at=timezone.now() + storage.SIGNED_URL_LIFE)
    storage.upload_file(version.files.get(path="a.txt").blob.object.key, b"eno")
    verification.read_again(timezone.now())
    assert version.files.get(path="a.txt").blob.state == "verified"
    verification.read_again(timezone.now() + 2 * storage.SIGNED_URL_LIFE)
    version.refresh_from_db()
    assert (version.integrity, version.files.get(path="a.txt").blob.state) == ("corrupt", "corrupt")
    assert version.files.get(path="sub/b.txt").blob.state == "verified"
    assert not objects.exclude(url_expires_at=None).exists()


@pytest.mark.parametrize("name", ["later", ""])
def test_an_offline_run_that_named_no_team_is_synced_into_ones_own(bob, name, work):
    """Its requests have empty names."""
    wandb = Wandb(bob, f"/{name}")
    run = {"entityName": "", "modelName": name, "name": "abc"}
    assert wandb.mutate("upsertBucket", "bucket { name }", **run)["bucket"]["name"] == "abc"
    committed = wandb.log("set", FILES, runName="abc")
    version = version_of(committed)
    assert (version.artifact.project.full_name, version.run.name) == (f"bob/{name or 'uncategorized'}", "abc")


def test_twice_as_many_files_ask_no_more_of_the_database(bob, project):
    wandb = Wandb(bob)
    wandb.log("set", FILES)
    counts = []
    for number in (40, 80):
        files = {f"{index}": b"%d of %d" % (index, number) for index in range(number)}
        begun = wandb.create("set", digest_of(entries_of(files)))
        with CaptureQueriesContext(connection) as uploads:
            wandb.send(begun["id"], files)
        wandb.send_manifest(begun["id"], entries_of(files))
        with CaptureQueriesContext(connection) as commit:
            wandb.commit(begun["id"])
        counts.append((len(uploads), len(commit)))
    assert counts[0] == counts[1]

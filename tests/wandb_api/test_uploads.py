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
from artifacts import storage, versions
from artifacts.content import deletions, downloads, garbage_collection, reconciliation
from artifacts.models import ArtifactVersion, Blob, ManifestUpload, StoredObject
from tests.artifacts.client import MIB, at_once, log, md5, parts_of, sha256
from tests.wandb_api.upload_client import FILES, Refused, Wandb, b64md5, digest_of, entries_of, put, version_of


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


def test_a_draft_that_expired_is_begun_again_by_the_same_client_id(bob, project):
    """Whoever syncs an offline run, or imports a project, may come back after weeks."""
    wandb = Wandb(bob)
    first = wandb.create("set", digest_of(entries_of(FILES)), clientID="c" * 128)
    ArtifactVersion.objects.update(touched_at=timezone.now() - timedelta(days=8))
    assert garbage_collection.expire_drafts() == 1
    second = wandb.create("set", digest_of(entries_of(FILES)), clientID="c" * 128)
    assert second["id"] != first["id"]
    logged = wandb.log("set", FILES, clientID="c" * 128)
    assert (logged["id"], logged["state"]) == (second["id"], "COMMITTED")
    # What was a version, and was deleted, does not come back by itself.
    versions.delete(Actor(bob), version_of(logged), delete_aliases=True)
    with pytest.raises(Refused, match="belongs to other contents"):
        wandb.create("set", digest_of(entries_of(FILES)), clientID="c" * 128)


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

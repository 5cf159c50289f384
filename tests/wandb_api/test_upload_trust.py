"""Whose bytes a version of the official client may have, and that nobody replaces them afterwards."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Scope
from artifacts import errors, storage, versions
from artifacts.aliases import protection
from artifacts.content import deletions, verification
from artifacts.models import ArtifactVersion, ManifestUpload, PendingDeletion, StoredObject
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from projects.models import Project
from tests.artifacts.client import at_once
from tests.wandb_api.upload_client import FILES, Refused, Wandb, digest_of, entries_of, version_of


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


def test_a_client_id_tells_a_stranger_nothing(bob, mallory, project):
    wandb = Wandb(bob)
    wandb.create("set", digest_of(entries_of(FILES)), clientID="c" * 128)
    query = "query Q($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
    assert Wandb(mallory).ask(query, id="c" * 128)["clientIDMapping"] is None


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

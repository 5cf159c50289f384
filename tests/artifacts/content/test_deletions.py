"""Deleted means freed, always: whatever was deleted, and whatever was away meanwhile, its bytes go."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import errors as account_errors
from accounts import teams
from accounts.actor import Actor, Channel
from artifacts import artifacts, health, storage, tasks, versions
from artifacts.content import deletions, garbage_collection, single_upload, uploads
from artifacts.draft_files import FileSpec
from artifacts.models import ArtifactVersion, PendingDeletion, StoredObject
from projects import projects
from projects.models import Project
from tests.artifacts.client import MIB, at_once, begin, fetch, fill, in_parts, log, send, single_file

PAST_GRACE = {"hours": 3}


def bytes_under(*prefixes: str) -> list[str]:
    """What the store really holds, objects and unfinished uploads in parts."""
    open_uploads = [key for prefix in prefixes for key, _ in storage.open_multiparts(prefix)]
    return sorted([info.key for prefix in prefixes for info in storage.list_files(prefix)] + open_uploads)


def bytes_of(project) -> list[str]:
    return bytes_under(f"projects/{project.pk}/", f"incoming/{project.pk}/")


def rows_of(project) -> list[str]:
    """What the rows say that the store holds."""
    return sorted(StoredObject.objects.filter(project=project, state="uploaded").values_list("key", flat=True))


def delete_project(user, project) -> None:
    """Of a copy: Django takes the id from the one that it deletes."""
    projects.delete(Actor(user), Project.objects.get(pk=project.pk))


def be_due() -> None:
    PendingDeletion.objects.update(next_attempt_at=timezone.now())


@pytest.fixture
def many(bob, artifact, project) -> ArtifactVersion:
    """80 objects of one version."""
    return log(bob, artifact, {f"{number}": f"{number}".encode() for number in range(80)})


def test_a_store_that_is_stopped_during_the_cleanup_gets_its_turn_when_it_is_back(
    bob, artifact, other, project, many, store, age
):
    kept = log(bob, other, {"kept": b"kept"})
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    age(**PAST_GRACE)
    store.stop()
    tasks.run_gc()
    assert (StoredObject.objects.count(), PendingDeletion.objects.failed().count()) == (1, 80)
    assert "does not respond" in PendingDeletion.objects.first().last_error
    assert health.parts()["cleanup"].startswith("80 deletions are waiting for the object store")

    store.start()
    assert len(bytes_of(project)) == 81
    be_due()
    tasks.delete_bytes()
    assert bytes_of(project) == rows_of(project) == [kept.files.get().blob.object.key]
    assert health.parts()["cleanup"] == ""


def test_failures_make_the_pause_longer_up_to_a_bound(bob, artifact, v1, store, age):
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    age(**PAST_GRACE)
    garbage_collection.delete_orphans()
    store.stop()
    for seconds in (30, 60, 120, 240, 480, 600, 600):
        be_due()
        before = timezone.now()
        assert deletions.delete_due() == 0
        next_attempt_at = PendingDeletion.objects.get().next_attempt_at
        assert next_attempt_at - timezone.now() <= timedelta(seconds=seconds) <= next_attempt_at - before

    assert PendingDeletion.objects.get().failures == 7
    assert deletions.delete_due() == 0
    assert PendingDeletion.objects.get().failures == 7


def test_a_crash_between_rows_and_bytes_loses_nothing(bob, artifact, project, many, age):
    """Whoever claimed the work and died keeps nobody else from it for ever."""
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    age(**PAST_GRACE)
    garbage_collection.delete_orphans()
    deletions._claim()
    assert deletions.delete_due() == 0

    age(minutes=11)
    assert deletions.delete_due() == 80
    assert bytes_of(project) == []


def test_rows_and_what_is_owed_are_one_transaction(bob, artifact, v1, age):
    versions.delete(Actor(bob, Channel.SDK), v1)
    age(**PAST_GRACE)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        garbage_collection.delete_orphans()
        assert (StoredObject.objects.count(), PendingDeletion.objects.count()) == (0, 1)
        raise KeyboardInterrupt

    assert (StoredObject.objects.count(), PendingDeletion.objects.count()) == (1, 0)


def test_a_project_goes_with_all_its_bytes_though_the_store_is_away(alice, bob, artifact, project, many, store, age):
    body = b"x" * (6 * MIB)
    draft = begin(bob, artifact, {"big": body, "small": b"small"}).version
    uploads.begin(Actor(bob), draft, [in_parts(body, 5 * MIB)])
    unbound = single_upload.begin(Actor(bob), draft, FileSpec("x", 1))
    url = single_upload.sign_put(unbound)
    send(url, b"x")
    assert len(bytes_of(project)) == 82
    store.stop()
    delete_project(alice, project)
    assert StoredObject.objects.count() == 0
    tasks.delete_bytes()

    store.start()
    be_due()
    assert deletions.delete_due() == 2
    assert bytes_of(project) == []
    # A URL of the last hour works still, and what it brings goes too.
    send(url, b"x")
    assert len(bytes_of(project)) == 1
    age(hours=2)
    assert deletions.delete_due() == 2
    assert (bytes_of(project), PendingDeletion.objects.count()) == ([], 0)


def test_bytes_of_another_project_stay(alice, bob, artifact, project, v1, foreign, mallory):
    theirs = log(mallory, foreign, {"a": b"one"})
    delete_project(alice, project)
    deletions.delete_due()

    assert (bytes_of(project), len(bytes_of(foreign.project))) == ([], 1)
    assert fetch(storage.get_download_url(theirs.files.get().blob.object.key)) == b"one"


def test_a_project_that_goes_by_another_way_owes_its_bytes_too(bob, artifact, project):
    draft = versions.begin(Actor(bob), artifact).version
    send(single_upload.sign_put(single_upload.begin(Actor(bob), draft, FileSpec("x", 1))), b"x")
    Project.objects.filter(pk=project.pk).delete()
    assert (StoredObject.objects.count(), len(bytes_of(project))) == (0, 1)

    deletions.delete_due()
    assert bytes_of(project) == []


def test_a_team_cannot_go_before_its_projects(alice, acme, project, v1):
    with pytest.raises(account_errors.TeamNotEmpty):
        teams.delete(Actor(alice), acme)
    assert len(bytes_of(project)) == 1

    delete_project(alice, project)
    teams.delete(Actor(alice), acme)
    deletions.delete_due()
    assert bytes_of(project) == []


def test_an_abandoned_draft_goes_with_all_that_was_sent(bob, artifact, project, store, age):
    body = b"x" * (6 * MIB)
    draft = fill(bob, artifact, {"a": b"a", "b": b"b"}, packed=True)
    more = begin(bob, artifact, {"big": body, "c": b"c"}).version
    [parts, one] = uploads.begin(Actor(bob), more, [in_parts(body, 5 * MIB), single_file(b"c")])
    send(parts.parts[0].put, body[: 5 * MIB])
    send(one.put, b"c")
    unbound = single_upload.begin(Actor(bob), draft, FileSpec("x", 1))
    send(single_upload.sign_put(unbound), b"x")
    assert len(bytes_of(project)) == 4
    age(days=8)
    tasks.run_gc()
    age(**PAST_GRACE)
    store.stop()
    tasks.run_gc()
    assert StoredObject.objects.count() == 0

    store.start()
    be_due()
    tasks.run_gc()
    assert bytes_of(project) == []
    age(**PAST_GRACE)
    tasks.run_gc()
    assert PendingDeletion.objects.count() == 0


def test_a_signed_url_of_the_last_hour_brings_nothing_back(bob, artifact, project, age):
    draft = versions.begin(Actor(bob), artifact).version
    obj = single_upload.begin(Actor(bob), draft, FileSpec("x", 1))
    url = single_upload.sign_put(obj)
    send(url, b"x")
    single_upload.register(Actor(bob), draft, FileSpec("x", 1), obj.key)
    deletions.delete_due()
    assert len(bytes_of(project)) == 1
    send(url, b"y")
    assert len(bytes_of(project)) == 2

    age(hours=2)
    deletions.delete_due()
    assert bytes_of(project) == rows_of(project)
    assert PendingDeletion.objects.count() == 0


def test_what_a_row_needs_is_not_deleted_whatever_is_owed(bob, artifact, project, v1, caplog):
    """A database that was restored may owe what it has a row for."""
    deletions.owe_objects(StoredObject.objects.all())
    deletions.owe_project(project)
    deletions.delete_due()

    assert bytes_of(project) == rows_of(project) != []
    assert "a row needs it: it stays" in caplog.text
    assert "rows need it: it stays" in caplog.text


def test_one_that_the_store_refuses_does_not_keep_the_others(bob, artifact, project, v1, v2):
    """S3 takes no key of more than 1,024 bytes, which no way of ours would owe."""
    deletions.owe_keys(["projects/" + "x" * 1300, f"{v1.storage_path}/stray"])
    storage.upload_file(f"{v1.storage_path}/stray", b"stray")
    deletions.delete_due()

    assert bytes_of(project) == rows_of(project)


def test_owing_twice_is_owing_once(db):
    deletions.owe_keys(["a", "b"])
    deletions.owe_keys(["b", "c"])

    assert sorted(PendingDeletion.objects.values_list("key", flat=True)) == ["a", "b", "c"]


@pytest.mark.django_db(transaction=True)
def test_a_store_that_is_killed_while_it_deletes_gets_the_rest_of_its_turn(bob, project, other, store, age):
    kept = log(bob, other, {"kept": b"kept"})
    for round in range(3):
        artifact = artifacts.create(Actor(bob), project, f"round-{round}", "dataset")
        log(bob, artifact, {f"{number}": f"{round}/{number}".encode() for number in range(40)})
        artifacts.delete(Actor(bob, Channel.SDK), artifact)
        age(**PAST_GRACE)
        assert at_once(tasks.run_gc, store.kill, tasks.delete_bytes) == [None, None, None]
        store.start()
        # Whatever a claim or a pause of the first try keeps back.
        be_due()
        tasks.delete_bytes()
        assert bytes_of(project) == rows_of(project) == [kept.files.get().blob.object.key]


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_what_is_due(bob, artifact, project, many, age):
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    age(**PAST_GRACE)
    garbage_collection.delete_orphans()

    counts = at_once(deletions.delete_due, deletions.delete_due, deletions.delete_due)
    assert sum(counts) == 80
    assert bytes_of(project) == []


@pytest.mark.django_db(transaction=True)
def test_bytes_that_are_logged_again_while_their_deletion_is_owed_are_not_lost(bob, artifact, other, store, age):
    """The store was away, so that the bytes are still there, and go while the same bytes come again."""
    contents = {f"{number}": f"{number}".encode() for number in range(6)}
    for round in range(2):
        doomed = log(bob, artifact, contents | {"round": f"{round}".encode()})
        versions.delete(Actor(bob, Channel.SDK), doomed, delete_aliases=True)
        age(**PAST_GRACE)
        store.stop()
        tasks.run_gc()
        store.start()
        be_due()

        again = {f"{round}/{path}": body for path, body in contents.items()}
        version, *others = at_once(
            lambda again=again: log(bob, other, again), tasks.delete_bytes, tasks.run_gc, tasks.delete_bytes
        )
        assert (type(version), others) == (ArtifactVersion, [None] * 3)
        be_due()
        tasks.delete_bytes()
        for file in version.files.select_related("blob__object"):
            assert fetch(storage.get_download_url(file.blob.object.key)) == again[file.path]
        assert bytes_of(other.project) == rows_of(other.project)
        versions.delete(Actor(bob, Channel.SDK), version, delete_aliases=True)


@pytest.mark.django_db(transaction=True)
def test_a_claim_and_a_cleanup_at_the_same_moment_agree(bob, artifact, other, project, v1, age):
    """Either the bytes are shared and stay, or they are gone and asked for: never shared and gone."""
    versions.delete(Actor(bob, Channel.SDK), v1)
    age(**PAST_GRACE)
    begun, removed = at_once(lambda: begin(bob, other, {"again": b"one"}), garbage_collection.delete_orphans)
    deletions.delete_due()

    assert (len(begun.missing), removed) in ((0, 0), (1, 1))
    assert bytes_of(project) == rows_of(project)

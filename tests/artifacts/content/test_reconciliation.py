"""Bucket and rows are compared: what either lacks is found, told and, if asked for, deleted."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actor import Actor, Channel
from artifacts import artifacts, health, storage, tasks, versions
from artifacts.content import deletions, reconciliation, uploads
from artifacts.models import Blob, PendingDeletion, Reconciliation, StoredObject
from tests.artifacts.client import MIB, begin, in_parts, log


@pytest.fixture(autouse=True)
def empty_bucket(db) -> None:
    """What other tests left in the bucket has no row here."""
    reconciliation.delete_unknown(reconciliation.compare())


@pytest.fixture
def strays(bob, artifact) -> list[str]:
    """Bytes whose rows are gone without a word, and one upload in parts that nobody knows any more."""
    version = log(bob, artifact, {"a": b"a", "b": b"b"})
    body = b"x" * (6 * MIB)
    draft = begin(bob, artifact, {"big": body}).version
    uploads.begin(Actor(bob), draft, [in_parts(body, 5 * MIB)])
    artifacts.delete(Actor(bob, Channel.SDK), artifact)
    objects = StoredObject.objects.filter(key__startswith=version.storage_path)
    objects = objects | StoredObject.objects.filter(key__startswith=draft.storage_path)
    gone = list(objects.values_list("key", flat=True))
    Blob.objects.all().delete()
    objects.delete()
    return gone


def test_what_no_row_knows_is_listed_and_deleted(bob, strays, other, capsys):
    kept = log(bob, other, {"kept": b"kept"})
    call_command("reconcile")
    output = capsys.readouterr()
    assert sorted(output.out.split()) == sorted(strays)
    assert "--delete deletes them" in output.err

    call_command("reconcile", "--delete")
    assert sorted(capsys.readouterr().out.split()) == sorted(strays)
    assert reconciliation.compare() == reconciliation.Differences(1)
    assert storage.get_file_info(kept.files.get().blob.object.key)
    call_command("reconcile")
    assert capsys.readouterr().err == "Nothing is left over.\n"


def test_a_row_whose_bytes_are_gone_is_listed(bob, artifact, v1, v2, capsys):
    key = v1.files.get().blob.object.key
    storage.delete_file(key)
    call_command("reconcile", "--delete")

    assert capsys.readouterr().err.splitlines() == [
        "Nothing is left over.", "1 known to the database are not in the store:", key,
    ]  # fmt: skip
    assert StoredObject.objects.filter(key=key).exists()


def test_what_is_owed_already_or_is_just_arriving_is_no_difference(bob, artifact, other, v1, age):
    body = b"x" * (6 * MIB)
    draft = begin(bob, other, {"big": body, "small": b"s"}).version
    uploads.begin(Actor(bob), draft, [in_parts(body, 5 * MIB)])
    versions.delete(Actor(bob, Channel.SDK), v1)
    deletions.owe_objects(StoredObject.objects.all())
    deletions.owe_project(artifact.project)

    assert reconciliation.compare() == reconciliation.Differences(1)


def test_the_schedule_reports_and_deletes_nothing(strays, caplog, db):
    assert tasks.BEAT["artifacts-reconcile"]["task"] == tasks.reconcile.name
    tasks.reconcile()
    tasks.reconcile()
    comparison = Reconciliation.objects.latest()

    assert (comparison.object_count, comparison.stray_count, comparison.missing_count) == (2, 3, 0)
    assert sorted(comparison.examples) == sorted(strays)
    assert "3 objects without a row" in caplog.text
    assert health.parts()["cleanup"] == "3 objects in the store are not referenced: see `manage.py reconcile`."
    assert len(reconciliation.compare().unknown) == 3
    # Once a day, however often it is asked for.
    assert Reconciliation.objects.count() == 1
    Reconciliation.objects.update(started_at=timezone.now() - timedelta(hours=25))
    tasks.reconcile()
    assert Reconciliation.objects.count() == 2


def test_health_is_well_again_after_the_next_comparison(client, v1):
    storage.delete_file(v1.files.get().blob.object.key)
    reconciliation.run()
    assert "bytes of 1 objects are missing" in client.get("/readyz").json()["cleanup"]

    storage.upload_file(v1.files.get().blob.object.key, b"one")
    reconciliation.run()
    assert client.get("/readyz").json()["cleanup"] == "ok"


def test_only_the_last_comparisons_are_kept(db):
    now = timezone.now()
    counts = {"object_count": 0, "stray_count": 0, "missing_count": 0}
    Reconciliation.objects.bulk_create(
        Reconciliation(started_at=now, finished_at=now - timedelta(days=day), **counts) for day in range(1, 33)
    )
    last = reconciliation.run()

    assert Reconciliation.objects.count() == 30
    assert last in Reconciliation.objects.all()


def test_a_store_that_is_away_is_reported_in_a_message(store):
    store.stop()
    with pytest.raises(CommandError, match="does not respond"):
        call_command("reconcile")
    assert (Reconciliation.objects.count(), PendingDeletion.objects.count()) == (0, 0)

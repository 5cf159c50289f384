"""Deleted means freed: what is owed to the object store is a row, until the bytes are gone.

The row is written in the transaction that deletes the rows of the bytes, so that no crash between the two, no lost
message and no store that is away can leave bytes behind. Keys are never used twice, so bytes that are logged again
meanwhile lie elsewhere.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from artifacts import errors, storage
from artifacts.models import PendingDeletion, StoredObject
from artifacts.models.stored_object import INCOMING
from core import straight_deletes
from projects.models import Project

ROOT = "projects/"
_BATCH_SIZE = 500
# Longer than the deletion of a batch takes: by then, whoever claimed it has ended without a word.
_CLAIM_LIFE = timedelta(minutes=10)
_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=10)
# A signed URL that was handed out before can bring the bytes back, so they are deleted once more when it has expired.
_LAST_LOOK_AFTER = storage.SIGNED_URL_LIFE + timedelta(minutes=5)

_log = logging.getLogger(__name__)


def owe_objects(objects: Iterable[StoredObject]) -> None:
    """Note that the bytes of these objects are to be deleted, in the transaction that deletes their rows."""
    rows = []
    for obj in objects:
        is_open = bool(obj.upload_id) and obj.state == StoredObject.State.EXPECTED
        rows.append(PendingDeletion(key=obj.key, upload_id=obj.upload_id if is_open else ""))
        if obj.is_incoming:
            rows.append(PendingDeletion(key=obj.incoming_key))
    _save(rows)


def delete_objects(objects: Sequence[StoredObject]) -> int:
    """Delete the rows of these objects, which nothing refers to any more, and owe their bytes; returns how many."""
    owe_objects(objects)
    return straight_deletes.delete(StoredObject.objects.filter(pk__in=[obj.pk for obj in objects]))


def owe_keys(keys: Iterable[str]) -> None:
    _save([PendingDeletion(key=key) for key in keys])


def owe_project(project: Project) -> None:
    """Note that everything of the project is to be deleted, also what its rows know nothing of."""
    _save([PendingDeletion(key=f"{root}{project.pk}/", is_prefix=True) for root in (ROOT, INCOMING)])


def delete_due() -> int:
    """Delete what is due from the object store; returns how many rows were carried out.

    What fails is tried again after a pause that grows with each failure. A store that does not respond ends it.
    """
    count = 0
    while rows := _claim():
        try:
            failures = _attempt(rows)
        except errors.StoreUnavailable as error:
            _record(rows, {row.key: str(error) for row in rows})
            _log.warning("%s bytes wait to be deleted: %s", len(rows), error)
            return count
        _record(rows, failures)
        count += len(rows) - len(failures)
    return count


def _save(rows: list[PendingDeletion]) -> None:
    # What is owed already is owed once.
    PendingDeletion.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_BATCH_SIZE)


@transaction.atomic
def _claim() -> list[PendingDeletion]:
    """The rows that are due, for this worker alone until it ends, or until the claim has expired."""
    now = timezone.now()
    rows = list(PendingDeletion.objects.due(now).select_for_update(skip_locked=True)[:_BATCH_SIZE])
    PendingDeletion.objects.filter(pk__in=[row.pk for row in rows]).update(next_attempt_at=now + _CLAIM_LIFE)
    return rows


def _attempt(rows: list[PendingDeletion]) -> dict[str, str]:
    """`_delete`, one by one where the store refuses some of them in a way that nobody foresaw: the others go."""
    try:
        return _delete(rows)
    except errors.StoreUnavailable:
        raise
    except Exception as error:
        if len(rows) > 1:
            return {key: message for row in rows for key, message in _attempt([row]).items()}
        _log.exception("%r cannot be deleted from the object store.", rows[0].key)
        return {rows[0].key: str(error)}


def _delete(rows: list[PendingDeletion]) -> dict[str, str]:
    """Delete the bytes. Returns what failed, by key."""
    objects = [row for row in rows if not row.is_prefix]
    # Never so by any way of ours: a database that was restored from a backup may have a row again.
    held = set(StoredObject.objects.holding([row.key for row in objects]).values_list("key", flat=True))
    for key in held:
        _log.error("%r is to be deleted, but a row needs it: it stays.", key)
    for row in objects:
        if row.upload_id and row.key not in held:
            storage.abort_multipart(row.key, row.upload_id)
    failures = storage.delete_files(row.key for row in objects if row.key not in held)
    for row in rows:
        if row.is_prefix:
            failures |= _delete_under(row.key)
    return failures


def _delete_under(prefix: str) -> dict[str, str]:
    if StoredObject.objects.filter(key__startswith=prefix).exists():
        _log.error("Everything under %r is to be deleted, but rows need it: it stays.", prefix)
        return {}
    for key, upload_id in storage.open_multiparts(prefix):
        storage.abort_multipart(key, upload_id)
    failures = storage.delete_files(info.key for info in storage.list_files(prefix))
    return {prefix: next(iter(failures.values()))} if failures else {}


def _record(rows: list[PendingDeletion], failures: dict[str, str]) -> None:
    """Let go of what is done for good; the rest has its next turn later."""
    now = timezone.now()
    done, later = [], []
    for row in rows:
        last_look_at = row.created_at + _LAST_LOOK_AFTER
        if row.key in failures:
            row.next_attempt_at = now + min(_FIRST_PAUSE * 2 ** min(row.failures, 16), _LONGEST_PAUSE)
            row.failures, row.last_error = row.failures + 1, failures[row.key]
            later.append(row)
        elif now < last_look_at:
            row.next_attempt_at, row.failures, row.last_error = last_look_at, 0, ""
            later.append(row)
        else:
            done.append(row.pk)
    PendingDeletion.objects.bulk_update(later, ["next_attempt_at", "failures", "last_error"], batch_size=_BATCH_SIZE)
    PendingDeletion.objects.filter(pk__in=done).delete()

"""What workers do with what nobody needs any more: abandoned drafts, and bytes without a file."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from artifacts import storage
from artifacts.models import ArtifactVersion, Blob, StoredObject
from artifacts.models.stored_object import INCOMING
from projects.models import Project

_AT_ONCE = 500
_ROOT = "projects/"


def delete_orphans() -> int:
    """Remove objects that no file needs, rows first and bytes after; answers how many.

    A crash in between leaves bytes without rows, which `reconcile` finds, never rows without bytes.
    """
    before = timezone.now() - settings.ORPHAN_GRACE
    count = 0
    while True:
        doomed = _delete_rows(before)
        if not doomed:
            return count
        count += len(doomed)
        for place in doomed:
            if place.upload_id and place.state == StoredObject.State.EXPECTED:
                storage.abort_multipart(place.key, place.upload_id)
        storage.delete_files(key for place in doomed for key in (place.key, place.incoming_key) if key)


def delete_project(project_id: str) -> None:
    """Remove all that was kept for a project that is no more."""
    if Project.objects.filter(pk=project_id).exists():
        return
    prefix = f"{_ROOT}{project_id}/"
    for key, upload_id in storage.open_multiparts(prefix):
        storage.abort_multipart(key, upload_id)
    storage.delete_files(info.key for info in storage.list_files(prefix))


def expire_drafts() -> int:
    """Give up drafts that nobody has touched for `DRAFT_LIFE`; answers how many. Their numbers stay used."""
    count = 0
    before = timezone.now() - settings.DRAFT_LIFE
    for pk in list(ArtifactVersion.objects.drafts().filter(touched_at__lt=before).values_list("pk", flat=True)):
        count += _give_up(pk, before)
    return count


def reconcile(*, delete: bool) -> list[str]:
    """Keys in the store that no row knows, unfinished uploads in parts among them; removed if asked.

    Safe at any time: a row is there before the first byte of its object.
    """
    keys = (info.key for root in (_ROOT, INCOMING) for info in storage.list_files(root))
    strays = [key for batch in _batches(keys) for key in _unknown(batch)]
    unfinished = [
        (key, upload_id)
        for key, upload_id in storage.open_multiparts(_ROOT)
        if not StoredObject.objects.expected().filter(key=key, upload_id=upload_id).exists()
    ]
    if delete:
        storage.delete_files(strays)
        for key, upload_id in unfinished:
            storage.abort_multipart(key, upload_id)
    return strays + [key for key, _ in unfinished]


def _batches(keys: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(keys, _AT_ONCE)):
        yield batch


@transaction.atomic
def _delete_rows(before: datetime) -> list[StoredObject]:
    found = StoredObject.objects.orphaned(before).order_by("pk")[:_AT_ONCE]
    claimed = list(StoredObject.objects.select_for_update(skip_locked=True).filter(pk__in=[each.pk for each in found]))
    # Whoever claims a blob holds its lock and has touched it: look again once the lock is ours.
    list(Blob.objects.select_for_update().filter(object__in=claimed).order_by("pk"))
    doomed = list(StoredObject.objects.orphaned(before).filter(pk__in=[each.pk for each in claimed]))
    Blob.objects.filter(object__in=doomed).delete()
    StoredObject.objects.filter(pk__in=[each.pk for each in doomed]).delete()
    homeless = Blob.objects.filter(object__isnull=True, files__isnull=True, claimed_at__lt=before)
    Blob.objects.filter(pk__in=list(homeless.values_list("pk", flat=True)[:_AT_ONCE])).delete()
    return doomed


@transaction.atomic
def _give_up(pk: object, before: datetime) -> int:
    drafts = ArtifactVersion.objects.select_for_update().drafts().filter(pk=pk, touched_at__lt=before)
    draft = drafts.first()
    if draft is None:
        return 0
    draft.files.all().release()
    draft.state = ArtifactVersion.State.DELETED
    draft.save(update_fields=["state", "touched_at"])
    return 1


def _unknown(keys: list[str]) -> list[str]:
    known = set(StoredObject.objects.filter(key__in=keys).values_list("key", flat=True))
    known |= set(StoredObject.objects.expected().filter(incoming_key__in=keys).values_list("incoming_key", flat=True))
    return [key for key in keys if key not in known]

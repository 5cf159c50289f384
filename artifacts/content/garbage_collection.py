"""How workers delete what nobody needs any more: abandoned drafts, and bytes without a file."""

from datetime import datetime
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from artifacts import storage
from artifacts.models import ArtifactVersion, Blob, StoredObject
from artifacts.models.stored_object import INCOMING
from projects.models import Project

_BATCH_SIZE = 500
_ROOT = "projects/"


def delete_orphans() -> int:
    """Remove objects that no file needs, rows first and bytes after; returns how many.

    A crash in between leaves bytes without rows, which `reconcile` finds, never rows without bytes.
    """
    before = timezone.now() - settings.ORPHAN_GRACE
    count = 0
    while True:
        doomed = _delete_rows(before)
        if not doomed:
            return count
        count += len(doomed)
        for obj in doomed:
            if obj.upload_id and obj.state == StoredObject.State.EXPECTED:
                storage.abort_multipart(obj.key, obj.upload_id)
        storage.delete_files(key for obj in doomed for key in (obj.key, obj.incoming_key) if key)


def delete_project(project_id: str) -> None:
    """Delete all objects of a project that was deleted."""
    if Project.objects.filter(pk=project_id).exists():
        return
    prefix = f"{_ROOT}{project_id}/"
    for key, upload_id in storage.open_multiparts(prefix):
        storage.abort_multipart(key, upload_id)
    storage.delete_files(info.key for info in storage.list_files(prefix))


def expire_drafts() -> int:
    """Delete drafts that nobody has touched for `DRAFT_LIFE`; returns how many. Their numbers are never used again."""
    count = 0
    before = timezone.now() - settings.DRAFT_LIFE
    for pk in list(ArtifactVersion.objects.drafts().filter(touched_at__lt=before).values_list("pk", flat=True)):
        count += _delete_draft(pk, before)
    return count


def reconcile(*, delete: bool) -> list[str]:
    """Keys in the store that no row has, those of unfinished multipart uploads too; deletes them if `delete` is set.

    Safe at any time: a row is there before the first byte of its object.
    """
    keys = (info.key for root in (_ROOT, INCOMING) for info in storage.list_files(root))
    strays: list[str] = []
    while batch := list(islice(keys, _BATCH_SIZE)):
        known = StoredObject.objects.filter(key__in=batch).values_list("key", flat=True)
        incoming = StoredObject.objects.expected().filter(incoming_key__in=batch).values_list("incoming_key", flat=True)
        strays += [key for key in batch if key not in {*known, *incoming}]
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


@transaction.atomic
def _delete_rows(before: datetime) -> list[StoredObject]:
    orphaned = StoredObject.objects.orphaned(before)
    candidates = [obj.pk for obj in orphaned.order_by("pk")[:_BATCH_SIZE]]
    locked = list(StoredObject.objects.select_for_update(skip_locked=True).filter(pk__in=candidates))
    # Whoever claims a blob holds its lock and has touched it: look again once the lock is ours.
    list(Blob.objects.select_for_update().filter(object__in=locked).order_by("pk"))
    doomed = list(orphaned.filter(pk__in=[obj.pk for obj in locked]))
    Blob.objects.filter(object__in=doomed).delete()
    StoredObject.objects.filter(pk__in=[obj.pk for obj in doomed]).delete()
    without_object = Blob.objects.filter(object__isnull=True, files__isnull=True, claimed_at__lt=before)
    Blob.objects.filter(pk__in=list(without_object.values_list("pk", flat=True)[:_BATCH_SIZE])).delete()
    return doomed


@transaction.atomic
def _delete_draft(pk: object, before: datetime) -> int:
    drafts = ArtifactVersion.objects.select_for_update().drafts().filter(pk=pk, touched_at__lt=before)
    draft = drafts.first()
    if draft is None:
        return 0
    draft.files.all().delete_and_touch()
    draft.state = ArtifactVersion.State.DELETED
    draft.save(update_fields=["state", "touched_at"])
    return 1

"""How workers delete what nobody needs any more: abandoned drafts, files of deleted versions, bytes without a file.

Each transaction deletes some 2,000 rows, so that others wait for its locks for a moment only, however many there are.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.expressions import CombinedExpression
from django.utils import timezone

from artifacts.content import deletions
from artifacts.models import (
    ArtifactFile,
    ArtifactVersion,
    Blob,
    Extent,
    FolderSummary,
    ManifestUpload,
    StoredObject,
)
from core import straight_deletes

_BATCH_SIZE = 2_000


def delete_orphans() -> int:
    """Remove blobs that nothing needs, then the objects that have none; returns how many objects.

    Their bytes are owed to the store from then on. What is left of a pack beside them is for `compaction`.
    """
    before = timezone.now() - settings.ORPHAN_GRACE
    needless = Blob.objects.needless(before)
    # First: what composed blobs consist of is needed for as long as these are there.
    for blobs in (needless.filter(extent_count__gt=0), needless):
        for batch in _batches(blobs, F("extent_count") + 1):
            _delete_blobs(batch, before)
    return sum(_delete_objects(batch, before) for batch in _batches(StoredObject.objects.empty(before), Value(1)))


def expire_drafts() -> int:
    """Delete drafts that nobody has touched for `DRAFT_LIFE`; returns how many. Their numbers are not used again."""
    count = 0
    before = timezone.now() - settings.DRAFT_LIFE
    for pk in list(ArtifactVersion.objects.drafts().filter(touched_at__lt=before).values_list("pk", flat=True)):
        count += _delete_draft(pk, before)
    return count


def delete_files(version: ArtifactVersion) -> bool:
    """Delete files of a version that is deleted, in the caller's transaction; False once there is nothing left.

    Of a large version these are the first: workers delete the others, by `delete_remaining_files`. The grace of their
    bytes begins as they go.
    """
    files = list(version.own_files.order_by("path").values_list("pk", flat=True)[:_BATCH_SIZE])
    if files:
        version.own_files.filter(pk__in=files).delete_and_touch()
        return True
    folders = list(version.folders.order_by("path").values_list("pk", flat=True)[:_BATCH_SIZE])
    return bool(straight_deletes.delete(FolderSummary.objects.filter(pk__in=folders)))


def delete_manifests(version: ArtifactVersion) -> None:
    """Delete the manifests of a version that is no draft any more, in the caller's transaction."""
    objects = list(StoredObject.objects.filter(manifest_uploads__version=version))
    straight_deletes.delete(ManifestUpload.objects.filter(version=version))
    deletions.delete_objects(objects)


def delete_remaining_files() -> None:
    """Delete the files that deleted versions still have."""
    files, folders = (Exists(model.objects.filter(version=OuterRef("pk"))) for model in (ArtifactFile, FolderSummary))
    deleted = ArtifactVersion.objects.filter(files | folders, state=ArtifactVersion.State.DELETED)
    for version in list(deleted.only("pk")):
        while _delete_files(version):
            pass


@transaction.atomic
def _delete_files(version: ArtifactVersion) -> bool:
    return delete_files(version)


def _batches(rows: QuerySet[Any], weight: F | CombinedExpression | Value) -> Iterator[list[UUID]]:
    """The ids of these rows, in batches for one transaction each; `weight` counts the rows that go with one of them.

    They are found outside of it: whoever deletes them looks again.
    """
    batch: list[UUID] = []
    found = list(rows.order_by("pk").values_list("pk", weight)[:_BATCH_SIZE])
    while found:
        total = 0
        for pk, count in found:
            batch.append(pk)
            total += count
            if total >= _BATCH_SIZE:
                yield batch
                batch, total = [], 0
        if batch:
            yield batch
            batch = []
        found = list(rows.filter(pk__gt=found[-1][0]).order_by("pk").values_list("pk", weight)[:_BATCH_SIZE])


@transaction.atomic
def _delete_blobs(pks: Sequence[UUID], before: datetime) -> None:
    # Whoever claims a blob holds its lock and has touched it: look again once the lock is ours.
    locked = list(Blob.objects.select_for_update().filter(pk__in=pks).order_by("pk").values_list("pk", flat=True))
    doomed = list(Blob.objects.needless(before).filter(pk__in=locked).values_list("pk", flat=True))
    straight_deletes.delete(Extent.objects.filter(whole__in=doomed))
    straight_deletes.delete(Blob.objects.filter(pk__in=doomed))


@transaction.atomic
def _delete_objects(pks: Sequence[UUID], before: datetime) -> int:
    locked = StoredObject.objects.select_for_update(skip_locked=True).filter(pk__in=pks).order_by("pk")
    doomed = list(StoredObject.objects.empty(before).filter(pk__in=list(locked.values_list("pk", flat=True))))
    return deletions.delete_objects(doomed)


@transaction.atomic
def _delete_draft(pk: UUID, before: datetime) -> int:
    drafts = ArtifactVersion.objects.select_for_update().drafts().filter(pk=pk, touched_at__lt=before)
    draft = drafts.first()
    if draft is None:
        return 0
    draft.state = ArtifactVersion.State.DELETED
    draft.save(update_fields=["state", "touched_at"])
    delete_files(draft)
    delete_manifests(draft)
    return 1

"""How workers delete what nobody needs any more: abandoned drafts, and bytes without a file."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from artifacts.content import deletions
from artifacts.models import ArtifactVersion, Blob, Extent, StoredObject

_BATCH_SIZE = 500


def delete_orphans() -> int:
    """Remove objects that no file needs; returns how many. Their bytes are owed to the store from then on."""
    before = timezone.now() - settings.ORPHAN_GRACE
    # First: what composed blobs consist of is needed for as long as these are there.
    while _delete_wholes(before):
        pass
    count = 0
    while removed := _delete_rows(before):
        count += removed
    return count


def expire_drafts() -> int:
    """Delete drafts that nobody has touched for `DRAFT_LIFE`; returns how many. Their numbers are not used again."""
    count = 0
    before = timezone.now() - settings.DRAFT_LIFE
    for pk in list(ArtifactVersion.objects.drafts().filter(touched_at__lt=before).values_list("pk", flat=True)):
        count += _delete_draft(pk, before)
    return count


@transaction.atomic
def _delete_wholes(before: datetime) -> int:
    """Composed blobs that nothing needs: a batch of the rows alone, for they have no bytes of their own."""
    unused = Blob.objects.filter(extent_count__gt=0, files__isnull=True, holds__isnull=True, claimed_at__lt=before)
    candidates = list(unused.values_list("pk", flat=True)[:_BATCH_SIZE])
    # As below: whoever claims one holds its lock and has touched it.
    list(Blob.objects.select_for_update().filter(pk__in=candidates).order_by("pk"))
    doomed = list(unused.filter(pk__in=candidates).values_list("pk", flat=True))
    Extent.objects.filter(whole__in=doomed).delete()
    Blob.objects.filter(pk__in=doomed).delete()
    return len(doomed)


@transaction.atomic
def _delete_rows(before: datetime) -> int:
    orphaned = StoredObject.objects.orphaned(before)
    candidates = [obj.pk for obj in orphaned.order_by("pk")[:_BATCH_SIZE]]
    locked = list(StoredObject.objects.select_for_update(skip_locked=True).filter(pk__in=candidates))
    # Whoever claims a blob holds its lock and has touched it: look again once the lock is ours.
    list(Blob.objects.select_for_update().filter(object__in=locked).order_by("pk"))
    doomed = list(orphaned.filter(pk__in=[obj.pk for obj in locked]))
    deletions.owe_objects(doomed)
    Blob.objects.filter(object__in=doomed).delete()
    StoredObject.objects.filter(pk__in=[obj.pk for obj in doomed]).delete()
    unused = Blob.objects.filter(files__isnull=True, holds__isnull=True, uses__isnull=True)
    without_object = unused.filter(object__isnull=True, claimed_at__lt=before)
    Blob.objects.filter(pk__in=list(without_object.values_list("pk", flat=True)[:_BATCH_SIZE])).delete()
    return len(doomed)


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

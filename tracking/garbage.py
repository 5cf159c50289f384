"""How workers delete the objects that no stream and no file of a run needs any more."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from artifacts.content import deletions
from artifacts.models import StoredObject
from core import straight_deletes

_BATCH_SIZE = 500


def delete_orphans() -> int:
    """Delete those that have been needless for `ORPHAN_GRACE`; returns how many. Their bytes are owed to the store."""
    before = timezone.now() - settings.ORPHAN_GRACE
    needless = StoredObject.objects.filter(
        kind=StoredObject.Kind.RUN,
        created_at__lt=before,
        run_chunks__isnull=True,
        run_files__isnull=True,
        run_uploads__isnull=True,
    )
    count = 0
    while pks := list(needless.values_list("pk", flat=True)[:_BATCH_SIZE]):
        count += _delete(pks, needless)
    return count


@transaction.atomic
def _delete(pks, needless) -> int:
    # Whoever is about to refer to one holds its lock: look again once the lock is ours.
    locked = StoredObject.objects.select_for_update().filter(pk__in=pks).order_by("pk")
    doomed = list(needless.filter(pk__in=list(locked.values_list("pk", flat=True))))
    deletions.owe_objects(doomed)
    return straight_deletes.delete(StoredObject.objects.filter(pk__in=[obj.pk for obj in doomed]))

"""Whether the bucket and the rows tell the same: objects without a row, and rows without their object.

Neither can come about by any way of ours. A database that was restored from a backup, a bucket that somebody else
wrote to and a disk that failed can bring it about, and nobody would know.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from django.utils import timezone

from artifacts import storage
from artifacts.content.deletions import ROOT
from artifacts.models import PendingDeletion, Reconciliation, StoredObject
from artifacts.models.stored_object import INCOMING

_BATCH_SIZE = 500
_EXAMPLES = 20
_KEPT = 30
_INTERVAL = timedelta(days=1)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Differences:
    """Keys of objects that no row knows, key and id of such multipart uploads, and keys of rows without an object."""

    object_count: int
    strays: list[str] = field(default_factory=list)
    unfinished: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def unknown(self) -> list[str]:
        return [*self.strays, *(key for key, _ in self.unfinished)]


def compare() -> Differences:
    """Read the whole bucket. Safe at any time: a row is there before the first byte of its object.

    Memory grows by about 100 bytes with each object.
    """
    started_at = timezone.now()
    prefixes = tuple(PendingDeletion.objects.filter(is_prefix=True).values_list("key", flat=True))
    keys = (info.key for root in (ROOT, INCOMING) for info in storage.list_files(root))
    listed: set[int] = set()
    strays: list[str] = []
    while batch := list(islice(keys, _BATCH_SIZE)):
        listed.update(map(hash, batch))
        known = _known(batch)
        strays += [key for key in batch if key not in known and not key.startswith(prefixes)]
    unfinished = [
        (key, upload_id)
        for key, upload_id in storage.open_multiparts(ROOT)
        if not StoredObject.objects.expected().filter(key=key, upload_id=upload_id).exists()
        and not PendingDeletion.objects.filter(key=key, upload_id=upload_id).exists()
        and not key.startswith(prefixes)
    ]
    arrived = StoredObject.objects.filter(state=StoredObject.State.UPLOADED, created_at__lt=started_at)
    unseen = (key for key in arrived.values_list("key", flat=True).iterator() if hash(key) not in listed)
    return Differences(len(listed), strays, unfinished, list(_really_missing(unseen)))


def run_daily() -> None:
    """`run`, unless a day has not passed since the last time: servers that are restarted often compare as often."""
    if not Reconciliation.objects.filter(started_at__gt=timezone.now() - _INTERVAL).exists():
        run()


def run() -> Reconciliation:
    """Compare, keep what came of it, and log where the two differ. Nothing is deleted."""
    started_at = timezone.now()
    differences = compare()
    unknown, missing = differences.unknown, differences.missing
    reconciliation = Reconciliation.objects.create(
        started_at=started_at,
        object_count=differences.object_count,
        stray_count=len(unknown),
        missing_count=len(missing),
        examples=[*unknown[:_EXAMPLES], *missing[:_EXAMPLES]],
    )
    if unknown:
        _log.warning("The bucket has %s objects without a row: `manage.py reconcile` lists them.", len(unknown))
    if missing:
        _log.error("The bucket lacks the bytes of %s rows: `manage.py reconcile` lists them.", len(missing))
    kept = Reconciliation.objects.values_list("pk", flat=True)[:_KEPT]
    Reconciliation.objects.exclude(pk__in=list(kept)).delete()
    return reconciliation


def delete_unknown(differences: Differences) -> dict[str, str]:
    """Delete the objects without a row; returns those that the store did not delete, each with its message."""
    for key, upload_id in differences.unfinished:
        storage.abort_multipart(key, upload_id)
    return storage.delete_files(differences.strays)


def _known(keys: list[str]) -> set[str]:
    """Those of the keys that a row names, or that are owed to the store already."""
    stored = StoredObject.objects.filter(key__in=keys).values_list("key", flat=True)
    arriving = StoredObject.objects.expected().filter(incoming_key__in=keys).values_list("incoming_key", flat=True)
    owed = PendingDeletion.objects.filter(key__in=keys).values_list("key", flat=True)
    return {*stored, *arriving, *owed}


def _really_missing(keys: Iterable[str]) -> Iterator[str]:
    """Those that are not there when asked for one by one: the row may have come, or gone, during the listing."""
    for key in keys:
        if storage.get_file_info(key) is None and StoredObject.objects.filter(key=key).exists():
            yield key

"""Bytes that a signed URL could replace, copied to keys that no URL leads to before a worker reads them.

A URL that is bound to an md5 is good for an hour, and a request that began in time may go on for as long as it likes;
other bytes of the same md5 can be made. What a worker has verified can therefore not be replaced: it reads the copy.
The former bytes stay for whoever has a URL to read them.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from artifacts import errors, storage
from artifacts.models import PendingDeletion, StoredObject
from core import bulk_rows
from core.value_lists import Among

_MAX_WORKERS = 8
# A copy that was not recorded by then is deleted, and never recorded after. Large ones take a while.
_COPY_LIFE = timedelta(hours=2)


def move(object_ids: Sequence[UUID]) -> None:
    """Copy those of these objects that a URL bound to an md5 leads to, or led to. May run twice, also at once.

    What is missing in the store is left as it is. Raises `StoreUnavailable`.
    """
    rows = StoredObject.objects.filter(Among("pk", object_ids), state=StoredObject.State.UPLOADED, blobs__isnull=False)
    replaceable = list(rows.filter(url_expires_at__isnull=False).distinct())
    if not replaceable:
        return
    keys = {obj.pk: obj.new_key_beside() for obj in replaceable}
    # Owed to the store until it is recorded: a crash leaves nothing behind.
    _owe(keys.values(), 2 * _COPY_LIFE)
    with ThreadPoolExecutor(_MAX_WORKERS) as workers:
        copied = list(workers.map(lambda obj: _copy(obj, keys[obj.pk]), replaceable))
    _record({obj.pk: keys[obj.pk] for obj, is_there in zip(replaceable, copied, strict=True) if is_there})


def _copy(obj: StoredObject, key: str) -> bool:
    """Whether there was something to copy. The copy is compared with nothing: a worker reads all of it."""
    try:
        storage.copy_file(storage.ObjectInfo(obj.key, obj.size or 0, etag=""), key)
    except errors.Missing:
        return False
    return True


@transaction.atomic
def _record(keys: Mapping[UUID, str]) -> None:
    """The bytes are at these keys from now on, but for objects that another worker was faster with."""
    locked = StoredObject.objects.select_for_update(no_key=True).filter(Among("pk", keys)).order_by("pk")
    waiting = {obj.pk: obj for obj in locked if obj.url_expires_at is not None}
    own = PendingDeletion.objects.filter(Among("key", [keys[pk] for pk in waiting]))
    fresh = own.filter(created_at__gt=timezone.now() - _COPY_LIFE)
    if fresh.delete()[0] < len(waiting):
        raise errors.StoreUnavailable("The object store took too long to copy the bytes. Try again in a moment.")
    rows = [(pk, keys[pk], obj.reserved_key or obj.key) for pk, obj in waiting.items()]
    bulk_rows.update(StoredObject, ["key", "reserved_key"], rows, url_expires_at=None)
    # Once no URL is valid any more that reads what is there, or brings other bytes.
    _owe([obj.key for obj in waiting.values()], storage.SIGNED_URL_LIFE + timedelta(minutes=15))


def _owe(keys: Iterable[str], after: timedelta) -> None:
    """Delete these keys then, or when they were due before."""
    keys = list(keys)
    known = set(PendingDeletion.objects.filter(Among("key", keys)).values_list("key", flat=True))
    due_at = timezone.now() + after
    new = ((key,) for key in keys if key not in known)
    bulk_rows.insert(PendingDeletion, ["key"], new, next_attempt_at=due_at)

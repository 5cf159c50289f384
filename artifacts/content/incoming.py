"""Bytes that arrive where a signed URL could replace them, and are copied to where none leads.

A signed URL is good for an hour, so one that is not bound to the bytes by a store that checks them could change a
version after it was verified. Such a URL leads to an incoming key. Each attempt to copy from there has a key of its
own, which counts only once the row names it: a copy that is slow, or made twice, cannot replace what another one made.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from artifacts import errors, storage
from artifacts.content import deletions
from artifacts.models import ArtifactVersion, Blob, PendingDeletion, StoredObject
from artifacts.models.stored_object import INCOMING

_BATCH_SIZE = 64
_MAX_WORKERS = 8
# A key whose copy was not recorded by then is deleted, and never recorded after.
_COPY_LIFE = timedelta(minutes=30)


def prefix_of(version: ArtifactVersion) -> str:
    """Under which the bytes of its unbound uploads arrive."""
    return f"{INCOMING}{version.artifact.project_id}/{version.pk}/"


def new_key(version: ArtifactVersion) -> str:
    return f"{prefix_of(version)}{uuid7()}"


def take_in(arrived: Iterable[tuple[StoredObject, storage.ObjectInfo]]) -> None:
    """Copy what arrived, and record it as uploaded. What was replaced or taken in meanwhile is left as it is."""
    remaining = iter(arrived)
    while batch := list(islice(remaining, _BATCH_SIZE)):
        keys = _reserve([obj for obj, _ in batch])
        copies = [(obj, info, keys[obj.pk]) for obj, info in batch if obj.pk in keys]
        with ThreadPoolExecutor(_MAX_WORKERS) as workers:
            copied = list(workers.map(_copy, copies))
        for (obj, _, key), is_right in zip(copies, copied, strict=True):
            if is_right:
                _record(obj, key)


def _reserve(objects: Sequence[StoredObject]) -> dict[UUID, str]:
    """By object, a key for one attempt to copy it: its own, or one beside it where an attempt has that already.

    It is owed to the store from now on, unless the attempt is recorded: a crash leaves nothing behind.
    """
    due_at = timezone.now() + 2 * _COPY_LIFE
    own = {obj.key: PendingDeletion(key=obj.key, next_attempt_at=due_at) for obj in objects}
    PendingDeletion.objects.bulk_create(own.values(), ignore_conflicts=True)
    reserved = PendingDeletion.objects.filter(pk__in=[row.pk for row in own.values()])
    ours = set(reserved.values_list("key", flat=True))
    # Asked only now: an attempt that is recorded lets go of the key in the same moment.
    waiting = set(
        StoredObject.objects.expected().filter(pk__in=[obj.pk for obj in objects]).values_list("pk", flat=True)
    )
    reserved.filter(key__in=[obj.key for obj in objects if obj.pk not in waiting]).delete()
    keys = {obj.pk: obj.key if obj.key in ours else obj.new_key_beside() for obj in objects if obj.pk in waiting}
    beside = [PendingDeletion(key=key, next_attempt_at=due_at) for key in keys.values() if key not in ours]
    PendingDeletion.objects.bulk_create(beside)
    return keys


def _copy(copy: tuple[StoredObject, storage.ObjectInfo, str]) -> bool:
    """Whether the object of the right size is at the key now."""
    obj, info, key = copy
    try:
        storage.copy_file(info, key)
    except (errors.BytesMismatch, errors.Missing):
        return False
    # A store that does not check what it is sent may not check the ETag of what it copies either.
    made = storage.get_file_info(key)
    return made is not None and made.size == obj.size


@transaction.atomic
def _record(obj: StoredObject, key: str) -> None:
    """The bytes are at the key from now on, if no other attempt was faster."""
    waiting = StoredObject.objects.expected().filter(pk=obj.pk)
    reserved_key = "" if key == obj.key else obj.key
    if not waiting.update(key=key, reserved_key=reserved_key, state=StoredObject.State.UPLOADED):
        return
    fresh = PendingDeletion.objects.filter(key=key, created_at__gt=timezone.now() - _COPY_LIFE)
    if not fresh.delete()[0]:
        raise errors.StoreUnavailable("The object store took too long to copy the bytes. Try again in a moment.")
    deletions.owe_keys([obj.incoming_key])
    Blob.objects.filter(object=obj, state=Blob.State.EXPECTED).update(state=Blob.State.UPLOADED)

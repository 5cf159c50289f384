"""Versions that live for a time alone: a worker deletes them once it is over, unless something holds them."""

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actor import Actor, Channel
from artifacts import errors, versions
from artifacts.aliases import lock
from artifacts.models import ArtifactVersion

_logger = logging.getLogger(__name__)
# Of one sweep; what is left is for the next one.
MAX_DELETED = 1_000
_BATCH_SIZE = 500
REASON = "Its TTL is over."


def delete_expired() -> int:
    """Delete finalized versions whose time is over, with their aliases; returns how many. May run twice.

    One that a protected alias points at, or to which records refer, stays until nothing holds it any more.
    """
    deleted = sum(islice(filter(None, map(_delete, _expired(timezone.now()))), MAX_DELETED))
    if deleted:
        _logger.info("Deleted %d versions whose TTL is over.", deleted)
    return deleted


def _expired(now: datetime) -> Iterator[ArtifactVersion]:
    """Those that expired first come first. Ones that are held are passed over each time."""
    rows = ArtifactVersion.objects.expired(now).order_by("expires_at", "id")
    rows = rows.select_related("artifact__project__team").only("artifact", "number", "expires_at")
    batch: list[ArtifactVersion] = list(rows[:_BATCH_SIZE])
    while batch:
        yield from batch
        last = batch[-1]
        behind = Q(expires_at__gt=last.expires_at) | Q(expires_at=last.expires_at, pk__gt=last.pk)
        batch = list(rows.filter(behind)[:_BATCH_SIZE]) if len(batch) == _BATCH_SIZE else []


def _delete(version: ArtifactVersion) -> bool:
    try:
        return _delete_if_expired(version)
    except (errors.AliasProtected, errors.VersionHeld, errors.Missing):
        return False


@transaction.atomic
def _delete_if_expired(version: ArtifactVersion) -> bool:
    """Under the locks of artifact and version: somebody may have given it more time meanwhile."""
    lock.acquire(version.artifact)
    if not _is_expired(version.pk):
        return False
    versions.delete(Actor(None, Channel.WORKER, reason=REASON, is_staff=True), version, delete_aliases=True)
    return True


def _is_expired(pk: UUID) -> bool:
    rows = ArtifactVersion.objects.expired(timezone.now()).select_for_update(no_key=True)
    return rows.filter(pk=pk).values_list("pk", flat=True).first() is not None

"""One worker at a time sends to a host, whoever its webhooks belong to."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from notifications.models import HostLease

# After so long a worker goes back to the queue, and others have their turn.
TURN_SECONDS = 30
_MAX_NAME = 300


def host_of(url: str) -> str:
    """`host:port`, which URLs of the same receiver have in common."""
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    return f"{(parts.hostname or '').lower()}:{port}"[-_MAX_NAME:]


def longest_turn() -> timedelta:
    """How long a worker is busy at most, with the attempt that it has begun before its turn was over."""
    return timedelta(seconds=TURN_SECONDS + settings.WEBHOOK_TOTAL_TIMEOUT + settings.WEBHOOK_CONNECT_TIMEOUT)


@contextmanager
def alone_with(host: str) -> Iterator[bool]:
    """Whether nobody else sends to the host. It is this worker's until the end, or until the worker must have died."""
    now = timezone.now()
    holder, until = uuid.uuid4(), now + 2 * longest_turn()
    lease = HostLease.objects.filter(name=host)
    if not lease.filter(busy_until__lt=now).update(holder=holder, busy_until=until):
        HostLease.objects.bulk_create([HostLease(name=host, holder=holder, busy_until=until)], ignore_conflicts=True)
    if not lease.filter(holder=holder).exists():
        yield False
        return
    try:
        yield True
    finally:
        lease.filter(holder=holder).delete()

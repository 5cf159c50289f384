"""Request bodies that are too long for a front to hold. A thread waits for each while it is sent.

So they are read only of people who have signed in, and of one person a few at once.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.db import DatabaseError

from core import errors
from core.person_slots import PersonSlots

# Bodies up to this length arrive whole: deploy/caddy/web.caddy holds them until then.
HELD_BYTES = 2**16
# In each process. Of strangers they are read so that these learn why they are refused, and dropped.
MAX_A_PERSON = 4
MAX_OF_STRANGERS = 2

_CHUNK = 2**16

_people = PersonSlots(MAX_A_PERSON)
_strangers = PersonSlots(MAX_OF_STRANGERS)


def is_long(headers: Mapping[str, Any]) -> bool:
    """Whether the body of a request with this `META` is one."""
    length = headers.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and int(length) > HELD_BYTES


@contextmanager
def receive(person: Any) -> Iterator[None]:
    """Within it the body is read, which this user or visitor sends. Raises `PayloadTooLarge`, `Busy`."""
    if not person.is_authenticated:
        raise errors.PayloadTooLarge(f"Sign in to send more than {HELD_BYTES // 2**10} KiB.", max_bytes=HELD_BYTES)
    with _slot(person):
        yield


def drop_unread(stream: IO[bytes], person: Any) -> None:
    """Read what was refused before it was read: who is still sending reads no answer.

    Where others of the same person, or of strangers, are being read, the connection may break instead.
    """
    with suppress(errors.RegistryError, OSError, DatabaseError), _slot(person):
        while stream.read(_CHUNK):
            pass


@contextmanager
def _slot(person: Any) -> Iterator[None]:
    """Strangers share theirs."""
    slots, sender = (_people, str(person.pk)) if person.is_authenticated else (_strangers, "")
    if not slots.take(sender):
        raise errors.Busy("Other long requests of yours are being received: try again when they are through.")
    try:
        yield
    finally:
        slots.release(sender)

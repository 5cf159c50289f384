"""How often the server reads from the object store."""

from collections.abc import Iterator
from contextlib import contextmanager

from artifacts import store_connection


@contextmanager
def counted_reads() -> Iterator[list[int]]:
    """Has an entry for each object, or range of one, that the store is asked for."""
    reads: list[int] = []
    events = store_connection.client().meta.events
    events.register("before-send.s3.GetObject", lambda **_: reads.append(1), "count-reads")
    try:
        yield reads
    finally:
        events.unregister("before-send.s3.GetObject", unique_id="count-reads")

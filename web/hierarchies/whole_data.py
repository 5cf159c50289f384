"""The data of a record for its page: from its row, or where that has only the small members, from the object store."""

from typing import Any, NamedTuple

from core import errors
from hierarchies import payloads
from hierarchies.models import Record

# What a page reads from the store. It shows a part of it only, whatever its size.
MAX_BYTES = 2**20


class PageData(NamedTuple):
    """`is_whole` says whether all of the data is here, and not only its small members."""

    value: Any
    is_whole: bool


def read(record: Record) -> PageData:
    """Never fails: where the store is away, the page shows what the row has."""
    if not record.has_stored_data:
        return PageData(record.data, True)
    if record.data_size > MAX_BYTES:
        return PageData(record.data, False)
    try:
        return PageData(payloads.read_data(record), True)
    except errors.RegistryError:
        return PageData(record.data, False)

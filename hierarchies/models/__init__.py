"""The nouns of hierarchies, one a file."""

from hierarchies.models.hierarchy import Access, Hierarchy, Operation
from hierarchies.models.payload import RecordPayload
from hierarchies.models.record import MAX_LEVEL, Record, RecordTag
from hierarchies.models.reference import RecordReference

__all__ = [
    "MAX_LEVEL",
    "Access",
    "Hierarchy",
    "Operation",
    "Record",
    "RecordPayload",
    "RecordReference",
    "RecordTag",
]

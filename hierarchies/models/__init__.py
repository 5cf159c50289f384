"""The nouns of hierarchies, one a file."""

from hierarchies.models.data_index import DataIndex
from hierarchies.models.hierarchy import Access, Hierarchy, Operation
from hierarchies.models.level_total import LevelTotal
from hierarchies.models.payload import RecordPayload
from hierarchies.models.record import MAX_LEVEL, Record, RecordTag
from hierarchies.models.reference import RecordReference
from hierarchies.models.retention import ArchivedPayload, RecordArchive, RetentionRule

__all__ = [
    "MAX_LEVEL",
    "Access",
    "ArchivedPayload",
    "DataIndex",
    "Hierarchy",
    "LevelTotal",
    "Operation",
    "Record",
    "RecordArchive",
    "RecordPayload",
    "RecordReference",
    "RecordTag",
    "RetentionRule",
]

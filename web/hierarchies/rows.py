"""What lists of records show of each: what it is called, its level by its label, and how many are directly below it."""

from collections.abc import Iterable, Sequence

from django.db.models import OuterRef, QuerySet

from core.bounded_count import BoundedCount, format_count
from hierarchies.models import Hierarchy, Record
from web.hierarchies.titles import title

# Of the children that a row says the number of: to count them is to read their index.
MAX_COUNTED = 1_000


def level_labels(hierarchy: Hierarchy, limit: int) -> tuple[list[str], int]:
    """The first labels from the root down, and how many there are besides."""
    labels = [hierarchy.label_of(level) for level in hierarchy.levels]
    return labels[:limit], max(len(labels) - limit, 0)


def prepare(rows: Iterable[Record], hierarchy: Hierarchy) -> list[Record]:
    """The records, each with its `title`, `level_label` and `hierarchy`. No query."""
    records = list(rows)
    for record in records:
        record.hierarchy = hierarchy
        record.title = title(record.data) or record.pk
        record.level_label = hierarchy.label_of(record.level)
    return records


def prepare_nodes(rows: Iterable[Record], hierarchy: Hierarchy) -> list[Record]:
    """The same, and how many records are directly below each, as far as they are counted. One query more."""
    records = prepare(rows, hierarchy)
    counts = _child_counts(records)
    for record in records:
        record.child_count = counts[record.pk]
        record.child_count_text = format_count(record.child_count, MAX_COUNTED)
    return records


def children(hierarchy: Hierarchy, parent_id: str | None, after: str = "") -> QuerySet[Record]:
    """The records directly below one, or the roots, after that id, by id."""
    rows = Record.objects.filter(hierarchy=hierarchy, parent=parent_id)
    return (rows.filter(pk__gt=after) if after else rows).order_by("pk")


def _child_counts(records: Sequence[Record]) -> dict[str, int]:
    below = Record.objects.filter(hierarchy=OuterRef("hierarchy"), parent=OuterRef("pk"))
    counted = Record.objects.filter(pk__in=[record.pk for record in records])
    return dict(counted.annotate(below=BoundedCount(below, MAX_COUNTED)).values_list("pk", "below"))

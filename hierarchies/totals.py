"""Records and bytes of a hierarchy by level: counted at once where there are few, by workers where there are many."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Min, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from core.bounded_count import COUNT_LIMIT
from hierarchies.models import Hierarchy, LevelTotal, Record, RecordPayload

# What changes without a change of the hierarchy's row, such as the data of a record, counts by then at the latest.
_COUNTED_EVERY = timedelta(days=1)
_HIERARCHIES_A_TURN = 1_000


@dataclass(frozen=True, slots=True)
class Total:
    """Of one level. `size` has data as JSON, and payloads as often as records have them."""

    level: int
    label: str
    record_count: int
    data_size: int
    payload_size: int

    @property
    def size(self) -> int:
        return self.data_size + self.payload_size


@dataclass(frozen=True, slots=True)
class Totals:
    """Without `counted_at` nobody has counted yet, which is done within minutes."""

    levels: list[Total]
    counted_at: datetime | None

    @property
    def size(self) -> int:
        return sum(total.size for total in self.levels)


def of(hierarchy: Hierarchy) -> Totals:
    """At most two queries. Of more than `COUNT_LIMIT` records, what a worker counted last."""
    if hierarchy.record_count <= COUNT_LIMIT:
        return Totals(_count(hierarchy), timezone.now())
    rows = list(hierarchy.level_totals.order_by("level"))
    totals = [
        Total(row.level, hierarchy.label_of(row.level), row.record_count, row.data_size, row.payload_size)
        for row in rows
    ]
    return Totals(totals, rows[0].counted_at if rows else None)


def count_due() -> int:
    """Count hierarchies that were changed since they were counted last, or a day ago; returns how many those were."""
    counted = LevelTotal.objects.filter(hierarchy=OuterRef("pk")).order_by().values("hierarchy")
    rows = Hierarchy.objects.annotate(counted_at=Subquery(counted.annotate(at=Min("counted_at")).values("at")))
    never = Q(counted_at=None) & Q(record_count__gt=0)
    old = Q(counted_at__lt=timezone.now() - _COUNTED_EVERY)
    due = rows.filter(never | old | Q(updated_at__gt=F("counted_at"))).order_by("counted_at", "pk")
    ids = list(due.values_list("pk", flat=True)[:_HIERARCHIES_A_TURN])
    for pk in ids:
        count(pk)
    return len(ids)


def count(hierarchy_id: UUID) -> None:
    """Count one hierarchy. For workers; twice at once comes to the same."""
    hierarchy = Hierarchy.objects.filter(pk=hierarchy_id).first()
    if hierarchy is None:
        return
    now = timezone.now()
    totals = _count(hierarchy)
    with transaction.atomic():
        if not Hierarchy.objects.select_for_update(no_key=True).filter(pk=hierarchy_id).exists():
            return
        LevelTotal.objects.filter(hierarchy=hierarchy_id).delete()
        LevelTotal.objects.bulk_create(
            LevelTotal(
                hierarchy=hierarchy,
                level=total.level,
                record_count=total.record_count,
                data_size=total.data_size,
                payload_size=total.payload_size,
                counted_at=now,
            )
            for total in totals
        )


def _count(hierarchy: Hierarchy) -> list[Total]:
    records = Record.objects.filter(hierarchy=hierarchy).order_by("level").values_list("level")
    payloads = RecordPayload.objects.filter(record__hierarchy=hierarchy).exclude(kind=RecordPayload.Kind.DATA)
    sizes = dict(payloads.order_by().values_list("record__level").annotate(Sum("size")))
    return [
        Total(level, hierarchy.label_of(level), records_of_level, size, sizes.get(level, 0))
        for level, records_of_level, size in records.annotate(Count("pk"), Sum("data_size"))
    ]

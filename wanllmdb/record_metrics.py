"""Records of hierarchies for Prometheus: how many were made and are there, by hierarchy and level.

Each label is a series of its own for ever, so only the largest hierarchies have one, and deep levels share one: at most
`MAX_HIERARCHIES` × 9 series of each metric. All others are in the numbers without labels.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Sum, Window
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hierarchies.models import Hierarchy, LevelTotal

MAX_HIERARCHIES = 50
MAX_LEVEL = 8
_KEY, _SECONDS = "metrics-records", 60
_LABELS = ["hierarchy", "level"]
# By the name of a metric, numbers by hierarchy and level.
_Series = dict[str, Counter[tuple[str, str]]]


def read() -> Iterator[Metric]:
    """Counted every minute; what is there by level is what workers counted last. Two queries."""
    totals, series = cache.get_or_set(_KEY, _read, _SECONDS)
    yield GaugeMetricFamily("wanllmdb_hierarchies", "Hierarchies of all projects.", value=totals["all_hierarchies"])
    yield GaugeMetricFamily("wanllmdb_all_records", "Records of all hierarchies.", value=totals["all_records"])
    for name, kind, description in (
        ("wanllmdb_records", GaugeMetricFamily, "Records of the largest hierarchies, by hierarchy and level."),
        ("wanllmdb_record_bytes", GaugeMetricFamily, "Bytes of their data and payloads."),
        ("wanllmdb_records_created", CounterMetricFamily, "Records made in the largest hierarchies."),
        ("wanllmdb_record_bytes_created", CounterMetricFamily, "Bytes of data that were made with them."),
    ):
        family = kind(name, description, labels=_LABELS)
        for labels, number in series[name].items():
            family.add_metric(list(labels), number)
        yield family


def _read() -> tuple[dict[str, int], _Series]:
    # With each of the largest comes the sum over all.
    columns = {"project_name": F("project__name"), "team": F("project__team__name")}
    sums = {"all_hierarchies": Window(Count("pk")), "all_records": Window(Sum("record_count"))}
    rows = Hierarchy.objects.order_by("-record_count", "pk").values("pk", "name", "created_totals", **columns, **sums)
    largest = list(rows[:MAX_HIERARCHIES])
    totals = {name: largest[0][name] if largest else 0 for name in sums}
    names = {row["pk"]: f"{row['team']}/{row['project_name']}/{row['name']}" for row in largest}
    series: _Series = {
        name: Counter()
        for name in (
            "wanllmdb_records",
            "wanllmdb_record_bytes",
            "wanllmdb_records_created",
            "wanllmdb_record_bytes_created",
        )
    }
    for row in largest:
        for level, made in row["created_totals"].items():
            labels = names[row["pk"]], _label(int(level))
            series["wanllmdb_records_created"][labels] += made["records"]
            series["wanllmdb_record_bytes_created"][labels] += made["bytes"]
    counted: Any = LevelTotal.objects.filter(hierarchy__in=list(names)).order_by()
    for pk, level, count, data_size, payload_size in counted.values_list(
        "hierarchy", "level", "record_count", "data_size", "payload_size"
    ):
        labels = names[pk], _label(level)
        series["wanllmdb_records"][labels] += count
        series["wanllmdb_record_bytes"][labels] += data_size + payload_size
    return totals, series


def _label(level: int) -> str:
    return str(level) if level < MAX_LEVEL else f"{MAX_LEVEL}+"

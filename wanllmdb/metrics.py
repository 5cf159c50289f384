"""`GET /metrics` for Prometheus: what the processes of this machine counted, and what the database knows."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Count, Min, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from artifacts.models import (
    ArtifactFile,
    ArtifactVersion,
    ReferenceCheck,
    ReferenceState,
    StoredObject,
    WorkerHeartbeat,
)
from core.client_ip import comes_from
from events.models import Event
from hierarchies.models import DataIndex
from notifications.models import Delivery, InboxItem, Webhook
from wanllmdb import record_metrics

_SLOW_COUNTS_SECONDS = 300


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """To whom the operator lets in; to all others there is nothing at this URL."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(settings.METRICS_DIR))
    registry.register(DatabaseCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    expected = f"Bearer {settings.METRICS_TOKEN}"
    has_token = constant_time_compare(request.headers.get("Authorization", ""), expected)
    return (bool(settings.METRICS_TOKEN) and has_token) or comes_from(request.META, settings.METRICS_NETWORKS)


class DatabaseCollector:
    """Queues, lag, garbage and failures. The rows are the queues, so that these are right whoever is asked."""

    def collect(self) -> Iterator[Metric]:
        try:
            values = list(_read_database(timezone.now()))
        except DatabaseError:
            values = []
        yield _gauge("wanllmdb_database_up", "Whether the database answers.", int(bool(values)))
        yield from values


def _read_database(now: datetime) -> Iterator[Metric]:
    queued = GaugeMetricFamily("wanllmdb_queue_depth", "Work that waits for a worker.", labels=["queue"])
    ages = GaugeMetricFamily(
        "wanllmdb_queue_age_seconds", "For how long the oldest work in the queue has been due.", labels=["queue"]
    )
    for name, rows, column in queues(now):
        totals = rows.order_by().aggregate(count=Count("pk"), oldest=Min(column))
        queued.add_metric([name], totals["count"])
        ages.add_metric([name], max(0.0, (now - totals["oldest"]).total_seconds()) if totals["oldest"] else 0)
    yield queued
    yield ages
    garbage = cache.get_or_set("metrics-garbage", lambda: _count_garbage(now), _SLOW_COUNTS_SECONDS)
    yield _gauge("wanllmdb_garbage_objects", "Objects that nothing needs, and whose grace is over.", garbage)
    yield _gauge("wanllmdb_drafts", "Versions that are not finalized.", ArtifactVersion.objects.drafts().count())
    references = GaugeMetricFamily(
        "wanllmdb_references", "References by what their last check found.", labels=["state"]
    )
    for state, count in cache.get_or_set("metrics-references", _count_references, _SLOW_COUNTS_SECONDS).items():
        references.add_metric([state], count)
    yield references
    failed = GaugeMetricFamily("wanllmdb_failures", "What failed and waits for somebody to look at.", labels=["what"])
    for name, count in failures().items():
        failed.add_metric([name], count)
    yield failed
    seen = WorkerHeartbeat.objects.aggregate(last=Min("last_seen_at"))["last"]
    age = (now - seen).total_seconds() if seen else float("inf")
    yield _gauge("wanllmdb_worker_heartbeat_age_seconds", "How long ago a worker was last heard of.", age)
    yield from record_metrics.read()


def queues(now: datetime) -> Iterator[tuple[str, QuerySet[Any], str]]:
    """Each with its rows, and the column that says since when they are due."""
    unverified = _with_files_of_its_own(ArtifactVersion.Integrity.PENDING)
    yield "verification", unverified, "finalized_at"
    yield "events", Event.objects.unannounced(), "created_at"
    yield "deliveries", Delivery.objects.due(now), "next_attempt_at"
    yield "reference_checks", ReferenceCheck.objects.all(), "requested_at"
    yield "mails", InboxItem.objects.filter(mail=InboxItem.Mail.PENDING, next_mail_at__lte=now), "next_mail_at"


def failures() -> dict[str, int]:
    """How much of each kind failed and waits for somebody to look at."""
    corrupt = _with_files_of_its_own(ArtifactVersion.Integrity.CORRUPT)
    return {"corrupt_versions": corrupt.count()} | cache.get_or_set(
        "metrics-failures", _count_failures, _SLOW_COUNTS_SECONDS
    )


def _with_files_of_its_own(integrity: ArtifactVersion.Integrity) -> QuerySet[Any]:
    """Finalized versions, without the links in collections, which are as what they link."""
    return ArtifactVersion.objects.finalized().filter(integrity=integrity, linked_version=None)


def _count_failures() -> dict[str, int]:
    """What no index counts, and what need not be right to the minute."""
    failed = {
        "failed_deliveries": Delivery.objects.filter(state=Delivery.State.FAILED),
        "failed_mails": InboxItem.objects.filter(mail=InboxItem.Mail.FAILED),
        "paused_webhooks": Webhook.objects.exclude(paused_at=None),
        "failed_data_indexes": DataIndex.objects.filter(state=DataIndex.State.FAILED),
    }
    first, *others = [rows.order_by().values_list(Value(name)).annotate(Count("pk")) for name, rows in failed.items()]
    return dict(first.union(*others, all=True))


def _count_references() -> dict[str, int]:
    rows = ArtifactFile.objects.filter(reference_uri__isnull=False).order_by().values_list("reference_state")
    return dict.fromkeys(ReferenceState.values, 0) | dict(rows.annotate(Count("pk")))


def _count_garbage(now: datetime) -> int:
    return StoredObject.objects.orphaned(now - settings.ORPHAN_GRACE).count()


def _gauge(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value=value)

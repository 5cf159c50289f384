"""The frame of the Django admin, for unfold: models grouped and named as people say, and how the server is doing."""

from typing import Any, NamedTuple

from django.apps import apps
from django.core.cache import cache
from django.db.models import Count, F, Sum
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone

from artifacts import health
from artifacts.models import ArtifactVersion, StoredObject
from core import bounded_count
from hierarchies.models import Hierarchy
from wanllmdb import metrics
from web import display

# Label of the model, and its name.
_GROUPS = {
    "Registry": {
        "projects.Project": "Projects",
        "projects.Run": "Runs",
        "artifacts.Artifact": "Artifacts",
        "artifacts.ArtifactVersion": "Versions",
        "artifacts.ArtifactFile": "Files",
        "artifacts.ArtifactUsage": "Used by runs",
        "artifacts.VersionSource": "Derived from",
        "artifacts.ArtifactDownload": "Downloads",
    },
    "Records": {
        "hierarchies.Hierarchy": "Hierarchies",
        "hierarchies.Record": "Records",
        "hierarchies.RetentionRule": "Retention rules",
        "hierarchies.RecordArchive": "Archives",
        "hierarchies.DataIndex": "Data indexes",
    },
    "Aliases": {
        "artifacts.ArtifactAlias": "Aliases",
        "artifacts.AliasChange": "History",
        "artifacts.AliasRule": "Protection rules",
        "artifacts.AliasProposal": "Proposals",
    },
    "People": {
        "accounts.User": "Users",
        "accounts.Team": "Teams",
        "accounts.Membership": "Members",
        "accounts.Invitation": "Invitations",
        "accounts.ApiKey": "API keys",
        "accounts.FormerName": "Former names",
    },
    "Notifications": {
        "notifications.Webhook": "Webhooks",
        "notifications.Delivery": "Deliveries",
        "notifications.Watch": "Watching",
        "notifications.InboxItem": "Inboxes",
        "notifications.Digest": "Digests",
        "events.Event": "Events",
    },
    "Storage": {
        "artifacts.StoredObject": "Objects",
        "artifacts.Blob": "File contents",
        "artifacts.PendingDeletion": "Pending deletions",
        "artifacts.Reconciliation": "Reconciliations",
        "artifacts.ExternalStore": "External stores",
        "artifacts.ReferenceCheck": "Reference checks",
    },
}
_PARTS = {
    "database": "Database",
    "store": "Object store",
    "workers": "Workers",
    "cleanup": "Cleanup",
    "notifications": "Notifications",
}
_QUEUES = {
    "verification": "Verification",
    "reference_checks": "Reference checks",
    "events": "Events",
    "deliveries": "Webhook deliveries",
    "mails": "E-mails",
}
# In the order of which the oldest is first, where an index has them so.
_ORDERS = {"verification": "id", "events": "id"}
_FAILURES = {
    "failed_deliveries": ("Failed deliveries", "notifications.Delivery", "state__exact=failed"),
    "failed_mails": ("Failed e-mails", "notifications.InboxItem", "mail__exact=failed"),
    "paused_webhooks": ("Paused webhooks", "notifications.Webhook", "paused_at__isnull=False"),
    "failed_data_indexes": ("Failed data indexes", "hierarchies.DataIndex", "state__exact=failed"),
    "corrupt_versions": ("Corrupt versions", "artifacts.ArtifactVersion", "integrity__exact=corrupt"),
}
_LARGEST_PROJECTS = 10
_LARGEST_HIERARCHIES = 10
_STORAGE_KEY = "storage-by-project"
_STORAGE_SECONDS = 300


_ACTIONS = {"add": "Add", "delete": "Delete", "history": "History"}


class Crumb(NamedTuple):
    title: str
    url: str = ""


class Row(NamedTuple):
    """A line of a table: what it is about, its number or state as text, and where there is more of it."""

    label: str
    value: Any
    url: str = ""
    is_bad: bool = False
    since: Any = None


def theme(request: HttpRequest) -> str | None:
    """What unfold's theme is fixed to; None follows the system."""
    chosen = display.of(request).theme
    return None if chosen == "system" else chosen


def icon(request: HttpRequest) -> str:
    return static("img/favicon.svg")


def tokens_stylesheet(request: HttpRequest) -> str:
    return static("css/tokens.css")


def admin_stylesheet(request: HttpRequest) -> str:
    return static("css/admin.css")


def theme_script(request: HttpRequest) -> str:
    return static("js/admin_theme.js")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The models that the reader may see."""
    overview = [{"title": "Overview", "link": reverse("admin:index"), "icon": "monitoring"}]
    groups = [{"title": group, "items": _items(request, models)} for group, models in _GROUPS.items()]
    return [{"items": overview}, *(group for group in groups if group["items"])]


def breadcrumbs(request: HttpRequest) -> dict[str, Any]:
    """A context processor: the way to a page of a model, by the names of the navigation, and what is done there.

    Nothing for other pages. What object the page is about stands between, and unfold knows it.
    """
    match = request.resolver_match
    if match is None or match.app_name != "admin":
        return {}
    first = Crumb("Administration", reverse("admin:index"))
    if match.url_name == "index":
        return {"crumbs": [first], "crumb_action": "Overview"}
    page, _, action = (match.url_name or "").rpartition("_")
    for group, models in _GROUPS.items():
        for label, name in models.items():
            if label.lower().replace(".", "_") == page:
                crumbs = [first, Crumb(group), Crumb(name, _url(label))]
                is_of_object = action in ("change", "delete", "history")
                return {"crumbs": crumbs, "crumb_action": _ACTIONS.get(action, ""), "has_object_crumb": is_of_object}
    return {}


def index(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page shows. Sums and failures are at most five minutes old; everything else is of now.

    The sum over all objects takes longest: the page asks for it afterwards, unless it is known. It names projects, and
    is for staff who may see all of them.
    """
    now = timezone.now()
    may_view_projects = _may_view(request, "projects.Project")
    storage = (_storage() if "storage" in request.GET else cache.get(_STORAGE_KEY)) if may_view_projects else None
    return context | {
        "title": "Overview",
        "health": [
            Row(_PARTS.get(name, name), text or "OK", is_bad=bool(text)) for name, text in health.parts().items()
        ],
        "queues": [_queue(now, *queue) for queue in metrics.queues(now)],
        "failures": [_failure(request, name, count) for name, count in metrics.failures().items()],
        "drafts": bounded_count.format_count(bounded_count.count(ArtifactVersion.objects.drafts())),
        "drafts_url": _url_for(request, "artifacts.ArtifactVersion", "state__exact=draft"),
        "records": _records() if _may_view(request, "hierarchies.Hierarchy") else None,
        "may_view_projects": may_view_projects,
        "storage": storage,
    }


def _items(request: HttpRequest, models: dict[str, str]) -> list[dict[str, str]]:
    labels = [label for label in models if _may_view(request, label)]
    return [{"title": models[label], "link": _url(label)} for label in labels]


def _may_view(request: HttpRequest, label: str) -> bool:
    app, model = label.lower().split(".")
    return request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}")


def _url(label: str, query: str = "") -> str:
    options = apps.get_model(label)._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return f"{url}?{query}" if query else url


def _url_for(request: HttpRequest, label: str, query: str) -> str:
    """The same for who may see it; empty for others."""
    return _url(label, query) if _may_view(request, label) else ""


def _queue(now: Any, name: str, rows: Any, column: str) -> Row:
    oldest = rows.order_by(_ORDERS.get(name, column)).values_list(column, flat=True).first()
    count = bounded_count.format_count(bounded_count.count(rows))
    return Row(_QUEUES[name], count, since=now - oldest if oldest else None)


def _failure(request: HttpRequest, name: str, count: int) -> Row:
    label, model, query = _FAILURES[name]
    return Row(label, f"{count:,}", _url_for(request, model, query), is_bad=count > 0)


def _records() -> dict[str, Any]:
    """The hierarchies with the most records, and all of them. Bytes are what workers counted last. Two queries."""
    rows = Hierarchy.objects.order_by("-record_count", "pk").annotate(
        bytes=Sum(F("level_totals__data_size") + F("level_totals__payload_size"))
    )
    largest = rows.values(
        "pk", "name", "record_count", "bytes", project_name=F("project__name"), team=F("project__team__name")
    )
    totals = Hierarchy.objects.aggregate(count=Count("pk"), records=Sum("record_count"))
    return {
        "largest": list(largest[:_LARGEST_HIERARCHIES]),
        "records": totals["records"] or 0,
        "count": totals["count"],
    }


def _storage() -> dict[str, Any]:
    return cache.get_or_set(_STORAGE_KEY, _sum_storage, _STORAGE_SECONDS)


def _sum_storage() -> dict[str, Any]:
    """The bytes of all projects, and of those that have the most: a sum over all objects."""
    uploaded = StoredObject.objects.filter(state=StoredObject.State.UPLOADED).order_by()
    columns = {"team": F("project__team__name"), "name": F("project__name")}
    by_project = uploaded.values("project", **columns).annotate(bytes=Sum("size"), objects=Count("pk"))
    return {
        "total": uploaded.aggregate(bytes=Sum("size"))["bytes"] or 0,
        "projects": list(by_project.order_by("-bytes")[:_LARGEST_PROJECTS]),
        "counted_at": timezone.now(),
    }

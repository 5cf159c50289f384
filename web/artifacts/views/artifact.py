"""The page of one artifact, a view for each of its tabs."""

from datetime import date, timedelta

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import artifacts, deletion_preview, storage_usage
from artifacts.models import Artifact, ArtifactDownload, ArtifactVersion
from core import long_values
from hierarchies import referring_records
from web import charts, deletion, rendering, tables
from web.artifacts import tab_contexts
from web.artifacts.forms import ArtifactEditForm
from web.artifacts.lookups import get_artifact, get_artifact_for_display
from web.forms import ConfirmNameForm
from web.lineage import warnings

CHART_DAYS = 30


# Large images of its card come from the object store.
@csp_update({"img-src": [settings.STORE_ORIGIN]})
@login_required
@require_safe
def overview(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact_for_display(request, **url_kwargs)
    context = tab_contexts.overview(request, artifact, request.GET)
    return rendering.render_page(request, "artifacts/overview.html", context)


@login_required
@require_safe
def versions(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact_for_display(request, **url_kwargs)
    context = tab_contexts.versions(request, artifact, request.GET)
    status = 422 if context["query"]["fault"] else 200
    return rendering.render_page(request, "artifacts/versions.html", context, status=status)


@login_required
@require_safe
def version_columns(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Which columns of metadata the table of versions has."""
    artifact = get_artifact(request, **url_kwargs)
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact)
    rows = long_values.defer(visible, "").order_by("-number")[: tab_contexts.PAGE_SIZE]
    view = tab_contexts.versions_view(request.GET)
    url = reverse("artifact-versions", args=artifact.url_args)
    return rendering.render_column_picker(request, tables.keys(list(rows), tab_contexts.VERSION_FIELDS), view, url)


@login_required
@require_safe
def history(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact_for_display(request, **url_kwargs)
    context = tab_contexts.history(request, artifact, request.GET)
    return rendering.render_page(request, "artifacts/history.html", context)


@login_required
@require_safe
def usage(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Storage and downloads: sums over all versions, asked for after the page so that they never hold it up."""
    artifact = get_artifact_for_display(request, **url_kwargs)
    usage = storage_usage.of_artifact(artifact)
    context = {"artifact": artifact, "project": artifact.project, "storage": usage}
    context["chart"] = charts.daily(_downloads(artifact))
    return rendering.render_page(request, "artifacts/usage.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact_for_display(request, **url_kwargs)
    permissions.require(Actor.from_page(request), artifact.project.team, Role.EDITOR)
    form = ArtifactEditForm(request.POST or None, initial=ArtifactEditForm.initial_of(artifact))
    if form.is_valid():
        artifact = artifacts.update(Actor.from_page(request), artifact, **form.changes())
        return rendering.redirect_with_message(request, "Saved.", artifact)
    context = {"artifact": artifact, "form": form}
    return rendering.render_page(request, "artifacts/artifact_edit.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    form = ConfirmNameForm(artifact.name, request.POST or None)
    form.fields["name"].label = "Type the name to confirm"
    if form.is_valid():
        artifacts.delete(Actor.from_page(request), artifact)
        next_url = reverse("project-artifacts", args=artifact.project.url_args)
        what = "Collection" if artifact.is_collection else "Artifact"
        return rendering.redirect_with_message(request, f"{what} {artifact.name} deleted.", next_url)
    preview = deletion_preview.of_artifact(Actor.from_page(request), artifact, Role(artifact.role))
    warning = warnings.of_artifacts(request.user, [artifact], listed=deletion_preview.MAX_LISTED)
    count = artifact.version_count
    if artifact.is_collection:
        what = f"Deletes the collection with its {count:,} link{pluralize(count)} and their aliases. The versions that "
        what += "they link to stay, with their files."
    else:
        what = f"Deletes the artifact with its {count:,} version{pluralize(count)}, all their files and aliases."
    message = f"{what} This action cannot be undone."
    options = {"submit_label": "Delete", "back": artifact, "danger": True}
    references = referring_records.to_artifact(request.user, artifact)
    facts = deletion.facts(preview, warning, references=references)
    options |= {"facts": facts, "refusals": preview.refusals, "warning": warning}
    return rendering.render_form(request, form, f"Delete {artifact.name}?", message, **options)


def _downloads(artifact: Artifact) -> list[tuple[date, int]]:
    """Downloads of versions and files on each of the last days, the oldest first."""
    today = timezone.now().date()
    first = today - timedelta(days=CHART_DAYS - 1)
    downloads = ArtifactDownload.objects.filter(version__artifact=artifact, downloaded_at__date__gte=first)
    by_day = downloads.order_by().values("downloaded_at__date").annotate(count=Count("pk"))
    count = {row["downloaded_at__date"]: row["count"] for row in by_day}
    days = [first + timedelta(days=index) for index in range(CHART_DAYS)]
    return [(day, count.get(day, 0)) for day in days]

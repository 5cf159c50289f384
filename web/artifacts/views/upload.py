"""Uploading in the browser: into a draft, straight to the object store, and from the draft to a version."""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_files, versions
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob
from web import rendering, tables
from web.artifacts import reference_display, tab_contexts
from web.artifacts.forms import FinalizeForm, RemoveForm
from web.artifacts.lookups import get_artifact, get_version_of
from web.artifacts.reference_form import ReferencesForm

FILES_PER_PAGE = 50
MAX_DRAFTS = 5
_COLUMNS = (
    ("path", "Path", ""),
    ("size", "Size", "number tight"),
    ("", "SHA-256 or ETag", "tight medium"),
    ("integrity", "Integrity", "tight"),
)
# (polls, seconds): up to so many polls for hashes, the page waits so long for the next one.
_POLL_DELAYS = ((10, 1), (40, 3), (10**9, 15))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@csp_update({"connect-src": [settings.STORE_ORIGIN]})
def upload(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Files into a draft, and the draft into a version. The first file begins a draft; opening the page does not."""
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    if artifact.is_collection:
        return redirect("collection-link", *artifact.url_args)
    draft = find_draft(request, artifact)
    if request.method != "POST" and draft and draft.is_finalized:
        return redirect(draft)
    form = FinalizeForm(request.POST or None, initial={"description": draft.description if draft else ""})
    if draft and form.is_valid():
        return _finalize(request, draft, form)
    context = page_context(request, artifact, draft) | {"form": form}
    return rendering.render_page(request, "artifacts/upload.html", context, status=422 if form.is_bound else 200)


@login_required
@require_safe
def show_draft_files(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The files of a draft with what workers have found out: hashes, and what references are. It polls until then."""
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    draft = find_draft(request, artifact)
    return rendering.render_page(request, "artifacts/draft_files.html", page_context(request, artifact, draft))


@login_required
@require_POST
def remove_file(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    draft = find_draft(request, artifact)
    if draft is None:
        raise Http404("Draft not found. It may have been finalized or discarded.")
    form = RemoveForm(draft.files.select_related("version__artifact__project__team"), request.POST)
    if form.is_valid():
        draft_files.remove(Actor.from_page(request), form.cleaned_data["file"])
    if not rendering.is_partial(request):
        return redirect(f"{reverse('upload', args=draft.artifact.url_args)}?version={draft.url_name}")
    draft.refresh_from_db(fields=["file_count", "total_size", "reference_count", "referenced_size"])
    return rendering.render_page(request, "artifacts/draft_files.html", page_context(request, artifact, draft))


def find_draft(request: HttpRequest, artifact: Artifact) -> ArtifactVersion | None:
    """The version that the query string names, or the form where the page has begun it meanwhile."""
    version = request.POST.get("version") or request.GET.get("version")
    return get_version_of(request, artifact, version) if version else None


def _finalize(request: HttpRequest, draft: ArtifactVersion, form: FinalizeForm) -> HttpResponse:
    data = form.cleaned_data
    result = versions.finalize(
        Actor.from_page(request), draft, aliases=data["aliases"], description=data["description"]
    )
    return rendering.redirect_with_message(request, f"{result.version} finalized.", result.version)


def page_context(request: HttpRequest, artifact: Artifact, draft: ArtifactVersion | None) -> dict[str, Any]:
    after, query, orders = request.GET.get("after", ""), request.GET.copy(), ()
    rows: list[ArtifactFile] = []
    if draft:
        query["version"], orders = draft.url_name, draft_files.orders(draft)
    sort = tables.chosen(request.GET, (), dict.fromkeys(orders, ""), "path").sort
    if draft:
        options = {"by": sort.removeprefix("-"), "is_descending": sort.startswith("-"), "after": after}
        rows = draft_files.listed(draft, limit=FILES_PER_PAGE + 1, **options)
    files = rows[:FILES_PER_PAGE]
    reference_display.attach(files)
    is_pending = any(file.blob and file.blob.state == Blob.State.UPLOADED for file in files)
    is_identifying = draft is not None and draft.checked_references is not None
    unidentified = draft.files.unidentified().count() if is_identifying else 0
    return {
        "artifact": artifact,
        "project": artifact.project,
        "draft": draft,
        "drafts": _other_drafts(request, artifact, draft),
        "files": files,
        "unidentified": unidentified,
        "reference_form": ReferencesForm(draft),
        "after": after,
        "page_query": query,
        "sort": sort,
        "columns": [(name if name in orders else "", title, style) for name, title, style in _COLUMNS],
        "next_path": files[-1].path if len(rows) > FILES_PER_PAGE else "",
        "active_nav": "artifacts",
    } | (_polling(request) if is_pending or is_identifying else {})


def _other_drafts(request: HttpRequest, artifact: Artifact, draft: ArtifactVersion | None) -> QuerySet[ArtifactVersion]:
    """The reader's own, those that were changed last first."""
    drafts = tab_contexts.drafts(request, artifact).filter(created_by=request.user)
    return (drafts.exclude(pk=draft.pk) if draft else drafts)[:MAX_DRAFTS]


def _polling(request: HttpRequest) -> dict[str, int]:
    """When to poll again, and how often the page has done so."""
    value = request.GET.get("polls", "")
    polls = int(value) if value.isdecimal() and len(value) < 9 else 0
    return {"polls": polls + 1, "poll_delay": next(seconds for limit, seconds in _POLL_DELAYS if polls < limit)}

"""Uploading in the browser: into a draft, straight to the store, and from the draft to a version."""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import drafts, versions
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob
from web import rendering
from web.artifacts.forms import FinalizeForm, RemoveForm
from web.artifacts.lookups import get_artifact, get_version_of

FILES_SHOWN = 50
DRAFTS_SHOWN = 5
# How long until the page asks for hashes again, in seconds, and after how many questions it takes its time.
_PACE = ((10, 1), (40, 3), (10**9, 15))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@csp_update({"connect-src": [settings.STORE_ORIGIN]})
def upload(request: HttpRequest, **place: str) -> HttpResponse:
    """Files into a draft, and the draft into a version. The first file begins a draft; to look at the page does not."""
    artifact = _find_mine(request, **place)
    draft = _find_draft(request, artifact)
    if request.method != "POST" and draft and draft.is_finalized:
        return redirect(draft)
    form = FinalizeForm(request.POST or None, initial={"description": draft.description if draft else ""})
    if draft and form.is_valid():
        return _finalize(request, draft, form)
    context = _context(request, artifact, draft) | {"form": form}
    return rendering.render_page(request, "artifacts/upload.html", context, status=422 if form.is_bound else 200)


@login_required
@require_safe
def draft_files(request: HttpRequest, **place: str) -> HttpResponse:
    """The files of a draft with what the workers have found out of them. It asks again by itself until all is known."""
    artifact = _find_mine(request, **place)
    draft = _find_draft(request, artifact)
    return rendering.render_page(request, "artifacts/draft_files.html", _context(request, artifact, draft))


@login_required
@require_POST
def remove_file(request: HttpRequest, **place: str) -> HttpResponse:
    artifact = _find_mine(request, **place)
    draft = _find_draft(request, artifact)
    if draft is None:
        raise Http404("The URL names no draft.")
    form = RemoveForm(draft.files.select_related("version__artifact__project__team"), request.POST)
    if form.is_valid():
        drafts.remove(Actor.from_page(request), form.cleaned_data["file"])
    if not rendering.is_partial(request):
        return redirect(f"{reverse('upload', args=draft.artifact.url_args)}?version={draft.version}")
    draft.refresh_from_db(fields=["file_count", "total_size"])
    return rendering.render_page(request, "artifacts/draft_files.html", _context(request, artifact, draft))


def _find_mine(request: HttpRequest, **place: str) -> Artifact:
    """An artifact that the reader may add to."""
    artifact = get_artifact(request, **place)
    permissions.require(Actor.from_page(request), artifact.project.team, Role.EDITOR)
    return artifact


def _find_draft(request: HttpRequest, artifact: Artifact) -> ArtifactVersion | None:
    """The version that the address names, or the form where the page has begun it meanwhile."""
    named = request.POST.get("version") or request.GET.get("version")
    return get_version_of(request, artifact, named) if named else None


def _finalize(request: HttpRequest, draft: ArtifactVersion, form: FinalizeForm) -> HttpResponse:
    described = versions.describe(Actor.from_page(request), draft, description=form.cleaned_data["description"])
    done = versions.finalize(Actor.from_page(request), described, names_to_give=form.cleaned_data["aliases"])
    return rendering.redirect_with_message(request, f"{done.version} finalized.", done.version.get_absolute_url())


def _context(request: HttpRequest, artifact: Artifact, draft: ArtifactVersion | None) -> dict[str, Any]:
    after = request.GET.get("after", "")
    found = _after(draft, after) if draft else []
    shown = found[:FILES_SHOWN]
    return {
        "artifact": artifact,
        "project": artifact.project,
        "draft": draft,
        "drafts": artifact.versions.drafts().filter(created_by=request.user).order_by("-number")[:DRAFTS_SHOWN],
        "files": shown,
        "after": after,
        "next": shown[-1].path if len(found) > FILES_SHOWN else "",
        "place": "artifacts",
    } | _pace(request, any(file.blob and file.blob.state == Blob.State.UPLOADED for file in shown))


def _after(draft: ArtifactVersion, path: str) -> list[ArtifactFile]:
    """The next files, and one more that tells whether there are more."""
    rows = draft.files.select_related("blob").filter(path__gt=path)
    return list(rows.order_by("path")[: FILES_SHOWN + 1])


def _pace(request: HttpRequest, waits: bool) -> dict[str, int]:
    """When to ask again, and how often it was asked already; nothing once every hash is known."""
    if not waits:
        return {}
    asked = request.GET.get("asked", "")
    asked = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
    return {"asked": asked + 1, "again_in": next(seconds for limit, seconds in _PACE if asked < limit)}

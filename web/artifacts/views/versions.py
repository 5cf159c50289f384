"""The page of one version: what it holds, folder by folder, and what one can do with it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import directory_listing, validators, versions
from artifacts.aliases import aliases
from artifacts.models import ArtifactVersion, Blob
from projects.models import Run
from web import rendering
from web.aliases import view_models
from web.artifacts.forms import DeleteVersionForm, FinalizeForm, VersionEditForm
from web.artifacts.lookups import get_version

RUNS_SHOWN = 10


@login_required
@require_safe
def version_page(request: HttpRequest, **place: str) -> HttpResponse:
    """Everything about the version; to HTMX only the folder that `path` names."""
    version = get_version(request, **place)
    context = _shown(version) | _folder(request, version)
    if not rendering.is_partial(request):
        context |= _around(request, version)
    return rendering.render_page(request, "artifacts/version.html", context)


@login_required
@require_safe
def version_files(request: HttpRequest, **place: str) -> HttpResponse:
    """More rows of a folder; or, told how many were `pending`, the same ones again once fewer are."""
    version = get_version(request, **place)
    if not rendering.is_partial(request):
        return redirect(f"{version.get_absolute_url()}?{request.GET.urlencode()}")
    context = _shown(version) | _folder(request, version)
    if request.GET.get("pending") == str(context["pending"]):
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/version_files.html", context)


@login_required
@require_safe
def version_integrity(request: HttpRequest, **place: str) -> HttpResponse:
    """What the workers found out, once they have."""
    version = get_version(request, **place)
    if not rendering.is_partial(request):
        return redirect(version)
    if is_settling(version):
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/version_integrity.html", _shown(version))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, **place: str) -> HttpResponse:
    version = _find_mine(request, **place)
    shown = {name: getattr(version, name) for name in ("description", "notes", "metadata")}
    form = VersionEditForm(_posted(request), initial=shown)
    if form.is_valid():
        versions.describe(Actor.from_page(request), version, **form.cleaned_data)
        return rendering.redirect_with_message(request, "Saved.", version.get_absolute_url())
    return rendering.render_form(request, form, f"Edit {version}", verb="Save", back=version.get_absolute_url())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def finalize(request: HttpRequest, **place: str) -> HttpResponse:
    version = _find_mine(request, **place)
    form = FinalizeForm(_posted(request), initial={"description": version.description})
    if form.is_valid():
        data = form.cleaned_data
        versions.describe(Actor.from_page(request), version, description=data["description"])
        done = versions.finalize(Actor.from_page(request), version, names_to_give=data["aliases"])
        return rendering.redirect_with_message(request, f"{done.version} finalized.", done.version.get_absolute_url())
    sentence = "Finalized versions are immutable. This action cannot be undone."
    return rendering.render_form(
        request, form, f"Finalize {version}?", sentence, verb="Finalize", back=version.get_absolute_url()
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, **place: str) -> HttpResponse:
    version = _find_mine(request, **place)
    form = DeleteVersionForm(_own_aliases(version), _posted(request))
    if form.is_valid():
        with_aliases = form.cleaned_data.get("delete_aliases", False)
        versions.delete(Actor.from_page(request), version, delete_aliases=with_aliases)
        return rendering.redirect_with_message(
            request, f"{version} deleted.", reverse("artifact-versions", args=version.artifact.url_args)
        )
    files = f"{version.file_count:,} file{'' if version.file_count == 1 else 's'}"
    sentence = f"Deletes {files}. The version number won't be reused. This action cannot be undone."
    return rendering.render_form(
        request, form, f"Delete {version}?", sentence, verb="Delete", back=version.get_absolute_url(), danger=True
    )


def is_settling(version: ArtifactVersion) -> bool:
    """Whether workers are about to find out if the bytes are what was stated."""
    return version.is_finalized and version.integrity == ArtifactVersion.Integrity.PENDING


def _find_mine(request: HttpRequest, **place: str) -> ArtifactVersion:
    """A version that the reader may change."""
    version = get_version(request, **place)
    permissions.require(Actor.from_page(request), version.artifact.project.team, Role.EDITOR)
    return version


def _posted(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with. It may be nothing: a box that is not ticked is not sent."""
    return request.POST if request.method == "POST" else None


def _own_aliases(version: ArtifactVersion) -> list[str]:
    """Those that would be lost with the version: `latest` falls back by itself where it follows."""
    given = [row.alias for row in version.aliases.all()]
    return [alias for alias in given if not (alias == validators.LATEST and version.artifact.auto_latest)]


def _shown(version: ArtifactVersion) -> dict[str, Any]:
    return {
        "version": version,
        "artifact": version.artifact,
        "project": version.artifact.project,
        "here": version.get_absolute_url(),
        "is_settling": is_settling(version),
        "place": "artifacts",
    }


def _folder(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """The rows of the folder that is asked for, from the name `after` on, that begin with `starts`."""
    folder = directory_listing.clean(request.GET.get("path", ""))
    after, starts = request.GET.get("after", ""), request.GET.get("starts", "")
    page = directory_listing.page(version, folder, after=after, starts=starts)
    if folder and not page.entries and not after and not starts:
        raise Http404(f"There is no folder {folder!r}.")
    waiting = [entry for entry in page.entries if entry.file and _is_waiting(entry.file.blob)]
    return {
        "folder": folder,
        "trail": directory_listing.trail(folder),
        "entries": page.entries,
        "more": page.next_cursor,
        "after": after,
        "starts": starts,
        "pending": len(waiting),
    }


def _is_waiting(blob: Blob | None) -> bool:
    return blob is not None and blob.state == Blob.State.UPLOADED


def _around(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """What else one wants to know of it, and which versions to compare it with."""
    artifact = version.artifact
    before = artifact.versions.finalized().filter(number__lt=version.number).order_by("-number").first()
    production = aliases.find(artifact, "production")
    role = permissions.role_in(request.user, artifact.project.team)
    return permissions.template_flags(role) | {
        "seen": view_models.state_token(artifact),
        "before": before,
        "production": production.version if production and production.version != version else None,
        "users": Run.objects.filter(usages__version=version).order_by("-usages__id")[:RUNS_SHOWN],
    }

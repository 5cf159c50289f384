"""The page of one version: what it holds, folder by folder, and what one can do with it."""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import directory_listing, versions
from artifacts.aliases import aliases
from artifacts.models import ArtifactVersion, Blob
from core import long_values
from projects.models import Run
from web import rendering
from web.aliases.state import state_token
from web.artifacts.forms import DeleteVersionForm, FinalizeForm, VersionEditForm
from web.artifacts.lookups import get_version

MAX_RUNS = 10


# Large images in a folder come from the object store.
@csp_update({"img-src": [settings.STORE_ORIGIN]})
@login_required
@require_safe
def version_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Everything about the version; to HTMX only the folder that `path` names."""
    version = get_version(request, **url_kwargs)
    context = _context(version) | _folder_context(request, version)
    if not rendering.is_partial(request):
        context |= _sidebar_context(request, version)
    return rendering.render_page(request, "artifacts/version.html", context)


@login_required
@require_safe
def version_files(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """More rows of a folder; or the same ones again, once fewer are pending than the `pending` of the query string."""
    version = get_version(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect(f"{version.get_absolute_url()}?{request.GET.urlencode()}")
    context = _context(version) | _folder_context(request, version)
    if request.GET.get("pending") == str(context["pending"]):
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/version_files.html", context)


@login_required
@require_safe
def version_integrity(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The integrity of the version, once the workers know it."""
    version = get_version(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect(version)
    if is_pending(version):
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/version_integrity.html", _context(version))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    version = get_version(request, role=Role.EDITOR, **url_kwargs)
    initial = {name: getattr(version, name) for name in ("description", "notes", "metadata")}
    form = VersionEditForm(rendering.post_data(request), initial=initial)
    if form.is_valid():
        versions.describe(Actor.from_page(request), version, **form.cleaned_data)
        return rendering.redirect_with_message(request, "Saved.", version)
    return rendering.render_form(request, form, f"Edit {version}", submit_label="Save", back=version)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def finalize(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    version = get_version(request, role=Role.EDITOR, **url_kwargs)
    form = FinalizeForm(rendering.post_data(request), initial={"description": version.description})
    if form.is_valid():
        data = form.cleaned_data
        version = versions.finalize(
            Actor.from_page(request), version, aliases=data["aliases"], description=data["description"]
        ).version
        return rendering.redirect_with_message(request, f"{version} finalized.", version)
    message = "Finalized versions are immutable. This action cannot be undone."
    return rendering.render_form(request, form, f"Finalize {version}?", message, submit_label="Finalize", back=version)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    version = get_version(request, role=Role.EDITOR, **url_kwargs)
    form = DeleteVersionForm(version, rendering.post_data(request))
    if form.is_valid():
        with_aliases = form.cleaned_data.get("delete_aliases", False)
        versions.delete(Actor.from_page(request), version, delete_aliases=with_aliases)
        message = f"{version} deleted."
        return rendering.redirect_with_message(request, message, "artifact-versions", *version.artifact.url_args)
    files = f"{version.file_count:,} file{'' if version.file_count == 1 else 's'}"
    message = f"Deletes {files}. The version number won't be reused. This action cannot be undone."
    options = {"submit_label": "Delete", "back": version, "danger": True}
    return rendering.render_form(request, form, f"Delete {version}?", message, **options)


def is_pending(version: ArtifactVersion) -> bool:
    """Whether workers have not verified all of its bytes yet."""
    return version.is_finalized and version.integrity == ArtifactVersion.Integrity.PENDING


def _context(version: ArtifactVersion) -> dict[str, Any]:
    return {
        "version": version,
        "artifact": version.artifact,
        "project": version.artifact.project,
        "version_url": version.get_absolute_url(),
        "is_pending": is_pending(version),
        "active_nav": "artifacts",
    }


def _folder_context(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """The rows of the folder that is asked for, from the name `after` on, that begin with a prefix."""
    folder = directory_listing.clean(request.GET.get("path", ""))
    after, prefix = request.GET.get("after", ""), request.GET.get("starts", "")
    page = directory_listing.page(version, folder, after=after, prefix=prefix)
    if folder and not page.entries and not after and not prefix:
        raise Http404(f"There is no folder {folder!r}.")
    blobs = [entry.file.blob for entry in page.entries if entry.file and entry.file.blob]
    return {
        "folder": folder,
        "trail": directory_listing.trail(folder),
        "entries": page.entries,
        "images": directory_listing.images(page.entries),
        "next_cursor": page.next_cursor,
        "after": after,
        "prefix": prefix,
        "pending": sum(blob.state == Blob.State.UPLOADED for blob in blobs),
    }


def _sidebar_context(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """Runs that used it, and which versions to compare it with."""
    artifact = version.artifact
    before = artifact.versions.finalized().filter(number__lt=version.number).order_by("-number").first()
    production = aliases.find(artifact, "production")
    role = permissions.role_in(request.user, artifact.project.team)
    # Runs of any project may use it, of private ones too.
    runs = Run.objects.visible_to(request.user).filter(usages__version=version).for_display()
    return permissions.template_flags(role) | {
        "state_token": state_token(artifact),
        "previous_version": before,
        "production": production.version if production and production.version != version else None,
        "used_by": long_values.defer(runs, "").order_by("-usages__id")[:MAX_RUNS],
    }

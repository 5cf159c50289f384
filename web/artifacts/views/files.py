"""The page of one file, its bytes, and all of a version's at once."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.actor import Actor
from artifacts import directory_listing
from artifacts.content import archives, downloads
from artifacts.models import ArtifactFile, Blob
from artifacts.previews import registry
from web import rendering
from web.artifacts.lookups import get_file, get_version


@login_required
@require_safe
def file_page(request: HttpRequest, **place: str) -> HttpResponse:
    file = get_file(request, **place)
    context = _shown(file) | {"preview": registry.preview(file)}
    return rendering.render_page(request, "artifacts/file.html", context)


@login_required
@require_safe
def file_facts(request: HttpRequest, **place: str) -> HttpResponse:
    """What the workers found out of the file, once they have."""
    file = get_file(request, **place)
    if not rendering.is_partial(request):
        return redirect("file-page", **place)
    if _is_settling(file):
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/file_details.html", _shown(file))


@login_required
@require_safe
@never_cache
def file_download(request: HttpRequest, **place: str) -> HttpResponse:
    """On to the store, which sends the bytes as an attachment."""
    file = get_file(request, **place)
    return redirect(downloads.presigned_url(Actor.from_page(request), file))


@login_required
@require_safe
def file_image(request: HttpRequest, **place: str) -> HttpResponseBase:
    """The bytes of an image for the page of its file, as the kind that they are: never one that can hold scripts."""
    file = get_file(request, **place)
    response = StreamingHttpResponse(downloads.content(file), content_type=registry.image(file).type)
    response["Content-Length"] = file.size
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, max-age=3600"
    return response


@login_required
@require_safe
@never_cache
def version_zip(request: HttpRequest, **place: str) -> HttpResponseBase:
    version = get_version(request, **place)
    chunks = archives.stream(Actor.from_page(request), version)
    response = StreamingHttpResponse(chunks, content_type="application/zip")
    name = f"{version.artifact.name}-{version.version}.zip"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


def _is_settling(file: ArtifactFile) -> bool:
    return file.blob is not None and file.blob.state == Blob.State.UPLOADED


def _shown(file: ArtifactFile) -> dict[str, object]:
    version = file.version
    return {
        "file": file,
        "version": version,
        "artifact": version.artifact,
        "project": version.artifact.project,
        "here": version.get_absolute_url(),
        "trail": directory_listing.trail(file.path),
        "is_settling": _is_settling(file),
        "place": "artifacts",
    }

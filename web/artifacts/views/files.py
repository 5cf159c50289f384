"""The page of one file, its bytes, and many of a version's at once."""

from collections.abc import Sequence

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import Actor
from artifacts import directory_listing, errors
from artifacts.content import archives, downloads
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from artifacts.previews import registry
from artifacts.previews.results import Markdown, Table
from core import byte_ranges, csp
from core.value_lists import Among
from web import cards, rendering, uploaded_content
from web.artifacts import reference_display, snippets
from web.artifacts.forms import FolderFilter, SelectionForm
from web.artifacts.lookups import get_file, get_version


@login_required
@require_safe
def file_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    file = get_file(request, **url_kwargs)
    preview = registry.preview(file, _person(request), request.GET.get("rows", ""))
    previous_file, next_file = file.version.files.neighbours(file)
    context = _context(file) | {
        "preview": preview,
        "snippets": _snippets(request, file),
        "has_raw": registry.has_raw(file, preview),
        "previous_file": previous_file,
        "next_file": next_file,
    }
    if isinstance(preview, Table):
        context["pictures"] = _pictures(file.version, preview)
    if isinstance(preview, Markdown):
        context["readme"] = cards.view(file, request.GET, _person(request), preview.source)
    render = csp_update(uploaded_content.policy_for(preview.kind))(rendering.render_page)
    return render(request, "artifacts/file.html", context)


@login_required
@require_safe
def file_facts(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The details of the file, once the workers know its hashes."""
    file = get_file(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect("file-page", **url_kwargs)
    if _is_pending(file):
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/file_details.html", _context(file))


@login_required
@require_safe
@never_cache
def file_download(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """On to the object store, which sends the bytes as an attachment."""
    file = get_file(request, **url_kwargs)
    return redirect(downloads.presigned_url(Actor.from_page(request), file))


@csp.sandboxed
@login_required
@require_safe
def file_image(request: HttpRequest, **url_kwargs: str) -> HttpResponseBase:
    """The bytes of an image for the page of its file, with its own media type: never one that can hold scripts."""
    file = get_file(request, **url_kwargs)
    return _inline(request, file, registry.image(file).type)


@csp.sandboxed
@login_required
@require_safe
@xframe_options_sameorigin
def file_raw(request: HttpRequest, **url_kwargs: str) -> HttpResponseBase:
    """The bytes as a browser shows or plays them: an image, audio, video, a PDF, or plain text whatever it is."""
    file = get_file(request, **url_kwargs)
    return _inline(request, file, registry.raw_type(file))


@login_required
@require_safe
@never_cache
def version_zip(request: HttpRequest, **url_kwargs: str) -> HttpResponseBase:
    """All files of the version, or those of the folder `path`."""
    version = get_version(request, **url_kwargs)
    folder = directory_listing.clean(FolderFilter(request.GET).values()["path"])
    return _zip(request, version, [folder] * bool(folder), folder.rstrip("/").rpartition("/")[2])


@login_required
@require_POST
@never_cache
def selection_zip(request: HttpRequest, **url_kwargs: str) -> HttpResponseBase:
    """The files and folders that are ticked. A form, since their paths would not fit into a URL."""
    version = get_version(request, **url_kwargs)
    form = SelectionForm(request.POST)
    if not form.is_valid():
        raise errors.Invalid("Select files or folders to download.")
    return _zip(request, version, form.cleaned_data["select"], "selection")


def _zip(request: HttpRequest, version: ArtifactVersion, selected: Sequence[str], suffix: str) -> HttpResponseBase:
    archive = archives.stream(Actor.from_page(request), version, _person(request), selected)
    response = StreamingHttpResponse(archive.chunks, content_type="application/zip")
    # By which a client sees that a zip is cut short.
    response["Content-Length"] = archive.size
    name = "-".join(filter(None, (version.artifact.name, version.version or "draft", suffix)))
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.zip")
    return response


def _pictures(version: ArtifactVersion, table: Table) -> dict[str, ArtifactFile]:
    """The images in its cells that are files of its version, by path."""
    paths = {path for _, _, path in table.pictures}
    files = version.files.filter(Among("path", paths)).select_related("blob__object")
    return {file.path: file for file in files if file.is_picture}


def _inline(request: HttpRequest, file: ArtifactFile, type: str) -> HttpResponseBase:
    """The bytes for the browser to show, as of this media type; what is large comes from the object store."""
    etag = quote_etag(file.blob.sha256) if file.blob.sha256 else None
    if unchanged := get_conditional_response(request, etag=etag):
        return uploaded_content.with_headers(unchanged)
    if url := downloads.inline_url(file, type):
        return redirect(url)
    # Some players play nothing from a server that has no parts.
    part = byte_ranges.parse(request.headers.get("Range"), file.size)
    response = part.respond(downloads.passed_on(file, _person(request), part.start, part.length), type)
    if etag:
        response["ETag"] = etag
    return uploaded_content.with_headers(response)


def _snippets(request: HttpRequest, file: ArtifactFile) -> list[snippets.Snippet]:
    if not file.version.is_finalized:
        return []
    reference = file.reference if file.is_reference else None
    return snippets.of_file(file, request.build_absolute_uri("/").rstrip("/"), reference)


def _person(request: HttpRequest) -> str:
    return str(request.user.pk)


def _is_pending(file: ArtifactFile) -> bool:
    return file.blob is not None and file.blob.state == Blob.State.UPLOADED


def _context(file: ArtifactFile) -> dict[str, object]:
    version = file.version
    reference_display.attach([file])
    return {
        "file": file,
        "version": version,
        "artifact": version.artifact,
        "project": version.artifact.project,
        "version_url": version.get_absolute_url(),
        "trail": directory_listing.trail(file.path),
        "is_pending": _is_pending(file),
        "active_nav": "artifacts",
    }

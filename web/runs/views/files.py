"""The files of a run: their list, the page of one, and its bytes. They are shown as the files of versions are."""

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts.previews.results import Table
from core import byte_ranges, csp
from projects.models import Run
from tracking import file_previews
from tracking import files as verbs
from tracking.models import RunFile
from web import numbers, rendering, selection, tables, uploaded_content
from web.projects.lookups import get_run
from web.rendering import post_data
from web.runs import tabs
from web.runs.forms import FileFilter

PAGE_SIZE = 50
_ORDERINGS = {"name": "name", "size": "size", "updated": "updated_at"}
_COLUMNS = (
    ("name", "Name", ""),
    ("size", "Size", "number tight"),
    ("", "Type", "wide"),
    ("updated", "Updated", "number tight medium"),
)


@login_required
@require_safe
def file_list(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, **url_kwargs)
    filters = FileFilter(request.GET).values()
    rows = RunFile.objects.arrived().filter(run=run)
    if filters["q"]:
        rows = rows.filter(name__icontains=filters["q"])
    view = tables.chosen(request.GET, (), _ORDERINGS, "name")
    page = rendering.paginate(
        request.GET, tables.sort(rows, view, _ORDERINGS), PAGE_SIZE, is_filtered=bool(filters["q"])
    )
    page.object_list = list(page)
    for file in page.object_list:
        file.run = run
    context = tabs.context(run, "files") | {
        "page": page,
        "filters": filters,
        "sort": view.sort,
        "columns": _COLUMNS,
        "total_size": rows.aggregate(size=Sum("size"))["size"] or 0,
    }
    return rendering.render_page(request, "runs/files.html", context)


@login_required
@require_safe
def file_page(request: HttpRequest, path: str, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, **url_kwargs)
    file = _get_file(run, path)
    preview = file_previews.preview(file, _person(request), request.GET.get("rows", ""))
    context = tabs.context(run, "files") | {
        "file": file,
        "preview": preview,
        "has_raw": file_previews.has_raw(file, preview),
        "has_frame": file_previews.has_frame(file),
        "image_page": "run-file-image",
        "raw_page": "run-file-raw",
    }
    if isinstance(preview, Table):
        context["pictures"] = file_previews.pictures(run, [preview])
    render = csp_update(uploaded_content.policy_for(preview.kind))(rendering.render_page)
    return render(request, "runs/file.html", context)


@login_required
@require_safe
@never_cache
def file_download(request: HttpRequest, path: str, **url_kwargs: str) -> HttpResponse:
    """On to the object store, which sends the bytes as an attachment."""
    return redirect(verbs.download_url(_get_file(get_run(request, **url_kwargs), path)))


@csp.sandboxed
@login_required
@require_safe
def file_image(request: HttpRequest, path: str, **url_kwargs: str) -> HttpResponseBase:
    """The bytes of an image for a page of ours, with its own media type: never one that can hold scripts."""
    file = _get_file(get_run(request, **url_kwargs), path)
    return _inline(request, file, file_previews.image(file).type)


@csp.sandboxed
@login_required
@require_safe
@xframe_options_sameorigin
def file_raw(request: HttpRequest, path: str, **url_kwargs: str) -> HttpResponseBase:
    """The bytes as a browser shows or plays them: an image, audio, video, a PDF, or plain text whatever it is."""
    file = _get_file(get_run(request, **url_kwargs), path)
    return _inline(request, file, file_previews.raw_type(file))


@csp.sandboxed
@login_required
@require_safe
@xframe_options_sameorigin
def file_frame(request: HttpRequest, path: str, **url_kwargs: str) -> HttpResponseBase:
    """HTML for a frame of ours, by the policy of uploaded bytes: without scripts, and with an origin of its own.

    To whom a browser says that it is no frame, it is the text that it is.
    """
    file = _get_file(get_run(request, **url_kwargs), path)
    if request.headers.get("Sec-Fetch-Dest", "iframe") not in ("iframe", "frame"):
        return redirect("run-file-raw", *file.url_args)
    type = file_previews.frame_type(file)
    whole = byte_ranges.parse(None, file.size)
    return uploaded_content.with_headers(whole.respond(file_previews.passed_on(file, _person(request)), type))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_selected(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, role=Role.EDITOR, **url_kwargs)
    back = reverse("run-files", args=run.url_args)
    items = selection.items(request, RunFile.objects.arrived().filter(run=run).order_by("name"))
    if not items:
        return selection.nothing_selected(request, back)
    for item in items:
        item.run = run
    form = selection.NoForm(post_data(request))
    if form.is_valid():
        verbs.delete(Actor.from_page(request), items)
        return rendering.redirect_with_message(request, f"{len(items)} file{pluralize(len(items))} deleted.", back)
    rows = [selection.Row(item, numbers.size(item.size)) for item in items]
    heading = f"Delete {len(items)} file{pluralize(len(items))} of {run.title}?"
    context = {"message": "This action cannot be undone.", "submit_label": "Delete", "danger": True}
    return selection.render_confirmation(request, form, rows, heading, back, **context)


def _get_file(run: Run, path: str) -> RunFile:
    file = get_object_or_404(RunFile.objects.arrived().select_related("object"), run=run, name=path)
    file.run = run
    return file


def _person(request: HttpRequest) -> str:
    return str(request.user.pk)


def _inline(request: HttpRequest, file: RunFile, type: str) -> HttpResponseBase:
    """The bytes for the browser to show, as of this media type; what is large comes from the object store."""
    # A file that is sent again has another object.
    etag = quote_etag(f"{file.object_id}-{file.md5}")
    if unchanged := get_conditional_response(request, etag=etag):
        return uploaded_content.with_headers(unchanged)
    if url := file_previews.inline_url(file, type):
        return redirect(url)
    part = byte_ranges.parse(request.headers.get("Range"), file.size)
    response = part.respond(file_previews.passed_on(file, _person(request), part.start, part.length), type)
    response["ETag"] = etag
    return uploaded_content.with_headers(response)

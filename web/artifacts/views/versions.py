"""The page of one version: what it holds, folder by folder, and what one can do with it."""

from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts import deletion_preview, directory_listing, versions
from artifacts.aliases import suggestions
from artifacts.models import ArtifactUsage, ArtifactVersion, Blob
from core import long_values
from hierarchies import referring_records
from projects.models import Run
from web import deletion, rendering, tables
from web.artifacts import reference_display, tab_contexts
from web.artifacts.forms import DeleteVersionForm, FinalizeForm, FolderFilter, VersionEditForm
from web.artifacts.lookups import get_artifact, get_version, get_version_for_display
from web.lineage import warnings
from web.registry import collections

MAX_RUNS = 10
MAX_SWITCH_VERSIONS = 12
MAX_LINKS = 10
_FILE_COLUMNS = (("name", "Name", ""), ("size", "Size", "number tight"), ("type", "Type", "wide"))


# Large images of its card, and in a folder, come from the object store.
@csp_update({"img-src": [settings.STORE_ORIGIN]})
@login_required
@require_safe
def version_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Everything about the version; to HTMX only the folder that `path` names."""
    if rendering.is_partial(request):
        version = get_version(request, **url_kwargs)
        context = tab_contexts.version_context(version)
    else:
        version = get_version_for_display(request, **url_kwargs)
        if version.url_name != url_kwargs["version"]:
            # It was a draft, and is named by its number by now.
            return redirect(version)
        context = tab_contexts.version(request, version) | {"used_by": _runs_that_used(request, version)}
        context |= _links(request, version)
    context |= _folder_context(request, version)
    return rendering.render_page(request, "artifacts/version.html", context)


@login_required
@require_safe
def version_files(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """More rows of a folder; or the same ones again, once fewer are pending than the `pending` of the query string."""
    version = get_version(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect(f"{version.get_absolute_url()}?{request.GET.urlencode()}")
    context = tab_contexts.version_context(version) | _folder_context(request, version)
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
    context = tab_contexts.version_context(version)
    if context["is_pending"]:
        return HttpResponse(status=204)
    return rendering.render_page(request, "artifacts/version_integrity.html", context)


@login_required
@require_safe
def version_switch(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The versions that one can switch to: those with well-known aliases, and the newest ones."""
    artifact = get_artifact(request, **url_kwargs)
    if not rendering.is_partial(request):
        return redirect("artifact-versions", *artifact.url_args)
    known = artifact.alias_set.for_display().filter(alias__in=suggestions.COMMON)
    context = {
        "artifact": artifact,
        "known": sorted(known, key=lambda row: suggestions.COMMON.index(row.alias)),
        "newest": artifact.versions.finalized().only("number").order_by("-number")[:MAX_SWITCH_VERSIONS],
        "shown": request.GET.get("shown"),
    }
    return rendering.render_page(request, "artifacts/version_switch.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    version = get_version(request, role=Role.EDITOR, **url_kwargs)
    form = VersionEditForm(rendering.post_data(request), initial=VersionEditForm.initial_of(version))
    if form.is_valid():
        versions.describe(Actor.from_page(request), version, **form.changes())
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
    verb, done = _deletion_words(version)
    preview = deletion_preview.of_version(Actor.from_page(request), version)
    form = DeleteVersionForm(preview.aliases, rendering.post_data(request))
    if form.is_valid():
        with_aliases = form.cleaned_data.get("delete_aliases", False)
        versions.delete(Actor.from_page(request), version, delete_aliases=with_aliases)
        message = f"{version} {done}."
        return rendering.redirect_with_message(request, message, "artifact-versions", *version.artifact.url_args)
    number = "The version number won't be reused. " if version.version else ""
    message = f"Deletes {deletion.files_of(version)}. {number}This action cannot be undone."
    if version.is_link:
        message = "The version that it links to stays, with its files. You can link it again, under a new number."
    options = {"submit_label": verb, "back": version, "danger": True, "refusals": preview.refusals}
    warning = warnings.of_versions(request.user, [version], version.artifact, listed=deletion_preview.MAX_LISTED)
    references = referring_records.to_versions(request.user, [version])
    facts = deletion.facts(preview, warning, references=references) + deletion.source_run(version)
    options |= {"facts": facts, "warning": warning}
    return rendering.render_form(request, form, f"{verb} {version}?", message, **options)


def _deletion_words(version: ArtifactVersion) -> tuple[str, str]:
    """What a button says that deletes it, and the page afterwards."""
    if version.is_link:
        return "Unlink", "unlinked"
    return ("Delete", "deleted") if version.is_finalized else ("Discard", "discarded")


def _links(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """The collections that have the version, as far as the reader sees them; a link is in its own alone."""
    if not version.is_linked:
        return {}
    found = list(collections.links_of(version, request.user)[: MAX_LINKS + 1])
    return {"links": found[:MAX_LINKS], "has_more_links": len(found) > MAX_LINKS}


def _folder_context(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """The rows of the folder that is asked for, from the name `after` on; or the files below that match a filter."""
    query = FolderFilter(request.GET).values()
    folder, after = directory_listing.clean(query["path"]), query["after"]
    sort = tables.chosen(request.GET, (), {name: name for name, *_ in _FILE_COLUMNS}, "name").sort
    orders: tuple[str, ...] = ()
    if query["filter"]:
        matches = directory_listing.matches(version, folder, query["filter"], after=after)
        entries, listing = matches.entries, {"matches": matches, "next_cursor": matches.next_cursor}
    else:
        page = _folder_page(version, folder, after, sort)
        entries, listing = page.entries, {"next_cursor": page.next_cursor, "total": page.total}
        orders = ("name", *page.orders)
        if folder and not entries and not after:
            raise Http404(f"There is no folder {folder!r}.")
    reference_display.attach(entry.file for entry in entries if entry.file)
    offset = query["offset"] or 0
    blobs = [entry.file.blob for entry in entries if entry.file and entry.file.blob]
    images = directory_listing.images(entries)
    return listing | {
        "folder": folder,
        "trail": directory_listing.trail(folder),
        "entries": entries,
        "images": images[: directory_listing.MAX_IMAGES],
        "image_count": len(images),
        "offset": offset,
        "next_offset": offset + len(entries),
        "after": after,
        "filter": query["filter"],
        "sort": sort,
        "columns": [(name if name in orders else "", title, style) for name, title, style in _FILE_COLUMNS],
        "pending": sum(blob.state == Blob.State.UPLOADED for blob in blobs),
    }


def _folder_page(version: ArtifactVersion, folder: str, after: str, sort: str) -> directory_listing.Page:
    if sort == "name":
        return directory_listing.page(version, folder, after=after)
    order = {"by": sort.removeprefix("-"), "is_descending": sort.startswith("-")}
    return directory_listing.sorted_page(version, folder, after=after, **order)


def _runs_that_used(request: HttpRequest, version: ArtifactVersion) -> list[Run]:
    """The last ones, of any project, but of private ones only those that the reader sees."""
    # A check of each run: for a join, SQLite begins with all runs that the reader sees.
    visible = Run.objects.visible_to(request.user).filter(pk=OuterRef("run"))
    usages = ArtifactUsage.objects.filter(Exists(visible), version=version)
    usages = usages.select_related("run__project__team", "run__created_by").order_by("-id")
    return [usage.run for usage in long_values.defer(usages, "run", "run__project")[:MAX_RUNS]]

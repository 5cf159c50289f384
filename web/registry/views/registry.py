"""The registry: collections of all projects that the reader sees, and making a new one."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from artifacts import artifacts, current_version, validators
from artifacts.aliases import excerpts
from artifacts.models import Artifact
from core import long_values
from projects.models import Project
from web import rendering, tables
from web.registry import collections
from web.registry.forms import CollectionForm, RegistryFilter

PAGE_SIZE = 50
_ORDERINGS = {
    "name": "name",
    "type": "type",
    "links": "version_count",
    "owner": "project__team__name",
    "updated": "updated_at",
}
_COLUMNS = (
    ("name", "Name", ""),
    ("type", "Type", "tight"),
    ("", "Aliases", "medium"),
    ("", "In use", "medium"),
    ("links", "Links", "number tight"),
    ("owner", "Owner", "wide"),
    ("updated", "Updated", "number tight"),
)


@login_required
@require_safe
def registry(request: HttpRequest) -> HttpResponse:
    form = RegistryFilter(request.GET)
    filters = form.values()
    view = tables.chosen(request.GET, (), _ORDERINGS, "-updated")
    narrowed = {name: value for name, value in filters.items() if name != "q"}
    rows = form.narrow(request.user, "artifacts", collections.visible_to(request.user, **narrowed))
    rows = current_version.annotate(tables.sort(rows, view, _ORDERINGS).with_tags())
    is_filtered = any(filters.values())
    page = rendering.paginate(request.GET, collections.with_excerpt(rows), PAGE_SIZE, is_filtered=is_filtered)
    page.object_list = list(page)
    excerpts.attach(page, sought=filters["alias"])
    collections.attach_current_links(page, request.user)
    teams = list(collections.teams(request.user))
    context = {
        "page": page,
        "filters": filters,
        "query": form.query,
        "sort": view.sort,
        "columns": _COLUMNS,
        "is_filtered": is_filtered,
        "active_nav": "registry",
        "types": list(dict.fromkeys([*validators.TYPES, *sorted({row.type for row in page})])),
        "teams": [team.name for team in teams],
        "may_edit": any(team.may_edit for team in teams),
    }
    status = 422 if form.query["fault"] else 200
    return rendering.render_page(request, "registry/registry.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def collection_new(request: HttpRequest) -> HttpResponse:
    projects = Project.objects.editable_by(request.user).select_related("team").order_by("team__name", "name")
    form = CollectionForm(long_values.defer(projects, ""), rendering.post_data(request), initial=request.GET.dict())
    if form.is_valid():
        data = form.cleaned_data
        fields = {"description": data["description"], "tags": data["tags"], "kind": Artifact.Kind.COLLECTION}
        actor = Actor.from_page(request)
        if collection := form.attempt(artifacts.create, actor, data["project"], data["name"], data["type"], **fields):
            message = f"Collection {collection.name} created. Link a first version."
            return rendering.redirect_with_message(request, message, collection)
    message = "A collection holds links to versions of other artifacts: nothing is copied."
    return rendering.render_form(request, form, "New collection", message, submit_label="Create", back="registry")

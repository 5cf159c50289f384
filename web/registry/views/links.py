"""Forms that link a version into a collection: from the page of the version, and from that of the collection."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts import links, validators
from artifacts.models import Artifact, ArtifactVersion
from core import long_values
from projects.models import Project
from web import rendering
from web.artifacts.lookups import get_artifact, get_version
from web.registry import collections
from web.registry.forms import MAX_NAME_LENGTH, LinkForm, LinkIntoForm


@login_required
@require_safe
def printed_by_client(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """On to the page of a link, from the URL of it that the official `wandb` client prints."""
    full_name, _, name = request.GET.get("selectionPath", "").rpartition("/")
    project = Project.objects.visible_to(request.user).named(full_name)
    collection = project and Artifact.objects.filter(kind=Artifact.Kind.COLLECTION).named(project, name)
    if not project or not collection:
        raise Http404("No collection of that name.")
    version = request.GET.get("version", "")
    has_version = validators.version_number(version) is not None
    args = [*project.url_args, collection.type, collection.name]
    return redirect("version", *args, version) if has_version else redirect("artifact", *args)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def link_version(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """A version into a collection of its type; to HTMX with `choices` only the collections that fit what is typed."""
    version = get_version(request, role=Role.EDITOR, **url_kwargs)
    if _asks_for_choices(request):
        return _render_choices(request, _collections(request, version.artifact.type))
    form = _link_form(request, version)
    if form.is_valid() and (link := _link(request, form, version)):
        return _redirect(request, version, link)
    choices = _collections(request, version.artifact.type)
    is_new = not choices or bool(form["name"].value() or form["project"].value())
    context = {"version": version, "form": form, "choices": choices, "is_new": is_new, "active_nav": "artifacts"}
    return rendering.render_page(request, "registry/link_version.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def link_into(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """A version of another artifact into this collection; with `choices` as above."""
    collection = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    if not collection.is_collection:
        raise Http404(f"{collection} is not a collection.")
    if _asks_for_choices(request):
        return _render_choices(request, _versions(request, collection))
    form = LinkIntoForm(request.user, collection, rendering.post_data(request), initial=request.GET.dict())
    if form.is_valid():
        version, names = form.cleaned_data["version"], form.cleaned_data["aliases"]
        if link := form.attempt(links.link, Actor.from_page(request), version, collection, aliases=names):
            return _redirect(request, version, link)
    choices = _versions(request, collection)
    context = {"artifact": collection, "form": form, "choices": choices, "active_nav": "registry"}
    return rendering.render_page(request, "registry/link_into.html", context, status=422 if form.is_bound else 200)


def _link_form(request: HttpRequest, version: ArtifactVersion) -> LinkForm:
    type = version.artifact.type
    projects = Project.objects.editable_by(request.user).select_related("team").order_by("team__name", "name")
    offered = (collections.editable_by(request.user, type), long_values.defer(projects, ""))
    return LinkForm(type, *offered, rendering.post_data(request), initial=request.GET.dict())


def _link(request: HttpRequest, form: LinkForm, version: ArtifactVersion) -> ArtifactVersion | None:
    """None where the verb refuses: the form says why."""
    data, actor = form.cleaned_data, Actor.from_page(request)
    if data["collection"]:
        return form.attempt(links.link, actor, version, data["collection"], aliases=data["aliases"])
    new = (data["project"], data["name"])
    return form.attempt(links.link_by_name, actor, version, *new, aliases=data["aliases"])


def _collections(request: HttpRequest, type: str) -> list[str]:
    rows = collections.editable_by(request.user, type, _typed(request, "collection"))
    return [row.full_name for row in rows[: collections.MAX_CHOICES]]


def _versions(request: HttpRequest, collection: Artifact) -> list[str]:
    """The latest of each artifact."""
    rows = collections.linkable(request.user, collection.type, _typed(request, "version"))
    return [f"{row.full_name}:{row.latest_version}" for row in rows[: collections.MAX_CHOICES]]


def _typed(request: HttpRequest, field: str) -> str:
    """What choices are asked for, as far as a name can be so."""
    return request.GET.get(field, "")[:MAX_NAME_LENGTH] if _asks_for_choices(request) else ""


def _asks_for_choices(request: HttpRequest) -> bool:
    return "choices" in request.GET and rendering.is_partial(request)


def _render_choices(request: HttpRequest, choices: list[str]) -> HttpResponse:
    return rendering.render_page(request, "registry/choices.html", {"choices": choices})


def _redirect(request: HttpRequest, version: ArtifactVersion, link: ArtifactVersion) -> HttpResponse:
    message = f"{version} is linked as {link.artifact.full_name}:{link.version}."
    return rendering.redirect_with_message(request, message, link)

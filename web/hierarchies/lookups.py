"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db.models import CharField, OuterRef, QuerySet, Subquery, Value
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, resolve_url

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Membership, Role
from hierarchies.models import Hierarchy, Record, RecordPayload
from projects.models import Project, Visibility
from web import rendering

_MAX_POINTER = 1024
View = Callable[..., HttpResponse]


def login_unless_public(view: View) -> View:
    """A view that visitors have of a hierarchy that is public. For all others they are led to sign in, whether there
    is such a hierarchy or not.
    """

    @login_not_required
    @wraps(view)
    def guarded(request: HttpRequest, team: str, project: str, hierarchy: str, **kwargs: Any) -> HttpResponse:
        names = {"team": team, "project": project, "hierarchy": hierarchy}
        if request.user.is_authenticated or _visible(request, **names).exists():
            return view(request, **names, **kwargs)
        login_url = resolve_url(settings.LOGIN_URL)
        if not rendering.is_partial(request):
            return redirect_to_login(request.get_full_path(), login_url)
        back = redirect_to_login(request.htmx.current_url_abs_path or "/", login_url)
        return HttpResponse(status=204, headers={"HX-Redirect": back["Location"]})

    return guarded


def get_hierarchy(request: HttpRequest, team: str, project: str, hierarchy: str, role: Role | None = None) -> Hierarchy:
    """A hierarchy with its project, with the reader's `role` in its team, and whether they see the project as well.

    403 for readers who see it but have not at least the role that is asked for.
    """
    visible = _visible(request, team, project, hierarchy).for_display()
    found = get_object_or_404(visible.annotate(role=_role_of(request)))
    is_internal = request.user.is_authenticated and found.project.visibility == Visibility.INTERNAL
    found.is_project_visible = found.role is not None or is_internal
    if role is not None:
        actual = Role(found.role) if found.role else None
        permissions.require_role(Actor.from_page(request), found.project.team, actual, role)
    return found


def get_payload(request: HttpRequest, record_id: str, **url_kwargs: str) -> RecordPayload:
    """What the store has for the `pointer` of the query string in a record's data, with the record."""
    hierarchy = get_hierarchy(request, **url_kwargs)
    rows = RecordPayload.objects.select_related("record", "blob_hold__blob__object")
    scope = {"record": record_id, "record__hierarchy": hierarchy}
    payload = get_object_or_404(rows, **scope, pointer=request.GET.get("pointer", "")[:_MAX_POINTER])
    payload.record.hierarchy = hierarchy
    return payload


def get_record(request: HttpRequest, record_id: str, role: Role | None = None, **url_kwargs: str) -> Record:
    """A record of a hierarchy, which comes with it; `role` as in `get_hierarchy`."""
    hierarchy = get_hierarchy(request, role=role, **url_kwargs)
    record = get_object_or_404(Record.objects.for_display(), hierarchy=hierarchy, pk=record_id)
    record.hierarchy = hierarchy
    return record


def _visible(request: HttpRequest, team: str, project: str, hierarchy: str) -> QuerySet[Hierarchy]:
    scope = Project.objects.by_full_name(f"{team}/{project}")
    return Hierarchy.objects.visible_to(request.user).filter(project__in=scope, name=hierarchy)


def _role_of(request: HttpRequest) -> Any:
    if not request.user.is_authenticated:
        return Value(None, output_field=CharField())
    memberships = Membership.objects.filter(team=OuterRef("project__team"), user=request.user)
    return Subquery(memberships.values("role")[:1])

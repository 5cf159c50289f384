"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core import long_values
from notifications.models import Watch
from projects.models import Project, Run


def get_project(request: HttpRequest, team: str, project: str, role: Role | None = None) -> Project:
    """A project, with the reader's `role` in its team, and whether the reader watches it.

    403 for readers who see it but have not at least the role that is asked for.
    """
    visible = Project.objects.visible_to(request.user).with_role_of(request.user).select_related("team", "created_by")
    watched = Watch.objects.annotate_watched_projects(visible, request.user)
    object_or_404 = get_object_or_404(watched.by_full_name(f"{team}/{project}"))
    if role is not None:
        permissions.require(Actor.from_page(request), object_or_404.team, role)
    return object_or_404


def get_run(
    request: HttpRequest, team: str, project: str, name: str, role: Role | None = None, *, is_brief: bool = False
) -> Run:
    """A run, with the reader's `role` in its team; `role` as in `get_project`. If brief, without its long values."""
    visible = Run.objects.visible_to(request.user).select_related("project__team", "created_by")
    if is_brief:
        visible = long_values.defer(visible, "", "project")
    scope = Project.objects.by_full_name(f"{team}/{project}")
    run = get_object_or_404(visible.with_role_of(request.user), project__in=scope, name=name)
    if role is not None:
        permissions.require(Actor.from_page(request), run.project.team, role)
    return run

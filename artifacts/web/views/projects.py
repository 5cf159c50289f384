"""A project: its tabs, and making, changing and deleting one."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.models import Role, Team
from accounts.web import pages, roster
from accounts.web.finding import find_team
from artifacts import activity
from artifacts.models import Artifact
from artifacts.web.finding import find_project
from artifacts.web.forms import TypedName
from projects import projects
from projects.models import Project, Run
from projects.web.forms import NewProjectForm, ProjectForm

SHOWN = 8


@login_required
@require_safe
def overview(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = find_project(request, team, project)
    artifacts = Artifact.objects.filter(project=found)
    runs = Run.objects.filter(project=found).select_related("created_by").order_by("-id")
    return _answer(
        request,
        found,
        "overview",
        types=artifacts.order_by("type").values("type").annotate(count=Count("*")),
        recent=activity.newest_versions(artifacts, SHOWN),
        runs=runs[:SHOWN],
    )


@login_required
@require_safe
def members(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """The members of the project's team; others who see the project do not see them."""
    found = find_project(request, team, project)
    return _answer(request, found, "members", **roster.of(request, find_team(request, found.team.name)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = find_project(request, team, project)
    permissions.require(request.user, found.team, Role.EDITOR)
    form = ProjectForm(request.POST or None, initial=ProjectForm.shown(found))
    if form.is_valid():
        changed = projects.update(request.user, found, **form.cleaned_data)
        return pages.done(request, "Saved.", reverse("project-settings", args=changed.url_args))
    return _answer(request, found, "settings", status=422 if form.is_bound else 200, form=form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    teams = Team.objects.editable_by(request.user).order_by("-is_personal", "name")
    form = NewProjectForm(teams, request.POST or None, initial=request.GET.dict())
    if form.is_valid():
        project = projects.create(request.user, **form.cleaned_data)
        sentence = f"Project {project.name} created. Log its first artifact."
        return pages.done(request, sentence, project.get_absolute_url())
    return pages.ask(request, form, "New project", verb="Create", back=reverse("home"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = find_project(request, team, project)
    permissions.require(request.user, found.team, Role.ADMIN)
    form = TypedName(found.full_name, request.POST or None)
    form.fields["name"].label = f"Type {found.full_name} to confirm"
    if form.is_valid():
        projects.delete(request.user, found)
        return pages.done(request, f"Project {found.full_name} deleted.", reverse("home"))
    sentence = "All its artifacts, versions, files and runs will be deleted. This action cannot be undone."
    back = reverse("project-settings", args=found.url_args)
    heading = f"Delete project {found.full_name}?"
    return pages.ask(request, form, heading, sentence, verb="Delete", back=back, danger=True)


def _answer(request: HttpRequest, project: Project, tab: str, status: int = 200, **context: Any) -> HttpResponse:
    context = {"project": project, "tab": tab, "place": "home"} | context | permissions.shown(project.role)
    return pages.answer(request, f"projects/{tab}.html", context, status=status)

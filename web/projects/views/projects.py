"""A project: its tabs, and making, changing and deleting one."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts import activity, deletion_preview
from artifacts.models import Artifact
from core import long_values
from projects import projects
from projects.models import Project, Run, Visibility
from web import deletion, rendering
from web.accounts.lookups import get_team
from web.accounts.members import member_list_context
from web.forms import ConfirmNameForm
from web.projects.forms import NewProjectForm, ProjectForm
from web.projects.lookups import get_project

MAX_RECENT = 8


@login_required
@require_safe
def overview(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project)
    artifacts = Artifact.objects.filter(project=project)
    rows = Run.objects.filter(project=project).with_client().select_related("created_by")
    runs = long_values.defer(rows, "").order_by("-id")
    return _render_tab(
        request,
        project,
        "overview",
        types=activity.counts_by_type(project),
        recent=activity.newest_versions(artifacts, MAX_RECENT),
        runs=runs[:MAX_RECENT],
    )


@login_required
@require_safe
def members(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """The members of the project's team; others who see the project do not see them."""
    project = get_project(request, team, project)
    return _render_tab(
        request, project, "members", **member_list_context(request, get_team(request, project.team.name))
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project, role=Role.EDITOR)
    form = ProjectForm(request.POST or None, initial=ProjectForm.initial_of(project))
    if project.visibility == Visibility.PRIVATE and project.role != Role.ADMIN:
        form.stay_private()
    if form.is_valid():
        project = projects.update(Actor.from_page(request), project, **form.cleaned_data)
        return rendering.redirect_with_message(request, "Saved.", "project-settings", *project.url_args)
    return _render_tab(request, project, "settings", status=422 if form.is_bound else 200, form=form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    teams = Team.objects.editable_by(request.user).order_by("-is_personal", "name")
    form = NewProjectForm(teams, request.POST or None, initial=request.GET.dict())
    if form.is_valid():
        project = projects.create(Actor.from_page(request), **form.cleaned_data)
        return rendering.redirect_with_message(
            request, f"Project {project.name} created. Log its first artifact.", project
        )
    return rendering.render_form(request, form, "New project", submit_label="Create", back="home")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project, role=Role.ADMIN)
    form = ConfirmNameForm(project.full_name, request.POST or None)
    form.fields["name"].label = f"Type {project.full_name} to confirm"
    if form.is_valid():
        projects.delete(Actor.from_page(request), project)
        return rendering.redirect_with_message(request, f"Project {project.full_name} deleted.", "home")
    preview = deletion_preview.of_project(Actor.from_page(request), project)
    count = activity.with_counts([project])[project.pk]
    message = (
        f"Artifacts: {count.artifacts}, runs: {count.runs}. All of them will be deleted, with all versions and files, "
        "including those with protected aliases. This action cannot be undone."
    )
    heading = f"Delete project {project.full_name}?"
    return rendering.render_form(
        request,
        form,
        heading,
        message,
        submit_label="Delete",
        back=reverse("project-settings", args=project.url_args),
        danger=True,
        facts=deletion.facts(preview, aliases_label="Protected aliases"),
        refusals=preview.refusals,
    )


def _render_tab(request: HttpRequest, project: Project, tab: str, status: int = 200, **context: Any) -> HttpResponse:
    context = (
        {"project": project, "tab": tab, "active_nav": "home"} | context | permissions.template_flags(project.role)
    )
    return rendering.render_page(request, f"projects/{tab}.html", context, status=status)

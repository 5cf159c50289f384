"""Rules that protect aliases: of a team, of a project, of one artifact. Members read them, admins of the team write."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Concat, Lower
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts.aliases import protection
from artifacts.models import AliasRule, Artifact
from projects.models import Project
from web import rendering, tables
from web.accounts.lookups import get_team
from web.aliases.forms import RuleForm
from web.aliases.lookups import get_managed_rule
from web.artifacts.lookups import get_artifact
from web.projects.lookups import get_project
from web.rendering import post_data

PAGE_SIZE = 100
# Of the team, of the project, then of its artifacts by name.
_SCOPE = Case(
    When(artifact__isnull=False, then=Concat(Value("2"), Lower("artifact__name"))),
    When(project__isnull=False, then=Value("1")),
    default=Value("0"),
)
_ORDERINGS = {
    "aliases": "pattern",
    "scope": _SCOPE,
    "role": "role",
    "approval": "needs_approval",
    # Ids grow with time.
    "created": "pk",
}
_COLUMNS = (
    ("aliases", "Aliases", ""),
    ("scope", "Scope", "medium"),
    ("role", "Who can move", "medium"),
    ("approval", "Approval", "medium"),
    ("created", "Created", "number tight wide"),
)


@login_required
@require_safe
def project_rules(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """Those of the project, of its artifacts and, for members, of its team."""
    project = get_project(request, team, project)
    of_team = Q(team=project.team_id) if project.role else Q(pk=None)
    rows = AliasRule.objects.filter(Q(project=project) | Q(artifact__project=project) | of_team).for_display()
    view = tables.chosen(request.GET, (), _ORDERINGS, "aliases")
    page = rendering.paginate(request.GET, tables.sort(rows, view, _ORDERINGS), PAGE_SIZE)
    context = {"project": project, "tab": "rules", "page": page, "active_nav": "home"}
    context |= {"sort": view.sort, "columns": _COLUMNS} | permissions.template_flags(project.role)
    return rendering.render_page(request, "aliases/rules.html", context)


@login_required
@require_safe
def team_rules(request: HttpRequest, team: str) -> HttpResponse:
    team = get_team(request, team)
    rows = AliasRule.objects.filter(team=team).for_display().order_by("pattern", "id")
    page = rendering.paginate(request.GET, rows, PAGE_SIZE)
    context = {
        "team": team,
        "page": page,
        "table_url": reverse("team-rules", args=team.url_args),
    } | permissions.template_flags(team.role)
    return rendering.render_page(request, "aliases/team_rules.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_rule_new(request: HttpRequest, team: str) -> HttpResponse:
    scope = get_team(request, team, role=Role.ADMIN)
    return _create(request, scope, f"Protect aliases in team {team}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_rule_new(request: HttpRequest, team: str, project: str) -> HttpResponse:
    scope = get_project(request, team, project, role=Role.ADMIN)
    return _create(request, scope, f"Protect aliases in project {project}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_rule_new(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.ADMIN, **url_kwargs)
    return _create(request, artifact, f"Protect aliases of {artifact.name}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, team: str, rule_id: UUID) -> HttpResponse:
    rule = get_managed_rule(request, team, rule_id)
    back = _return_url(request, rule.team or rule.project or rule.artifact)
    form = RuleForm(post_data(request), initial=RuleForm.initial_of(rule))
    if form.is_valid() and form.attempt(protection.update, Actor.from_page(request), rule, **form.cleaned_data):
        return _close_dialog(request, "Saved.", back)
    return rendering.render_form(request, form, f"Edit rule {rule}", submit_label="Save", back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, team: str, rule_id: UUID) -> HttpResponse:
    rule = get_managed_rule(request, team, rule_id)
    name, back = str(rule), _return_url(request, rule.team or rule.project or rule.artifact)
    if request.method == "POST":
        protection.delete(Actor.from_page(request), rule)
        return _close_dialog(request, f"Rule {name} deleted.", back)
    message = "Every editor of the team can then move these aliases, unless another rule matches them."
    heading = f"Delete rule {name}?"
    return rendering.render_form(request, None, heading, message, submit_label="Delete", back=back, danger=True)


def _create(request: HttpRequest, scope: Team | Project | Artifact, heading: str) -> HttpResponse:
    back = _return_url(request, scope)
    form = RuleForm(post_data(request), initial=request.GET.dict())
    if form.is_valid() and (
        rule := form.attempt(protection.create, Actor.from_page(request), scope, **form.cleaned_data)
    ):
        return _close_dialog(request, f"{rule.pattern} is protected in {rule.scope}.", back)
    return rendering.render_form(request, form, heading, submit_label="Protect", back=back)


def _close_dialog(request: HttpRequest, message: str, back: str) -> HttpResponse:
    """The page that is open asks for its own rules again; without script, on to it."""
    if not rendering.is_partial(request):
        return rendering.redirect_with_message(request, message, back)
    events = {"close-modal": True, "changed": True, "toast": {"text": message}}
    return rendering.add_htmx_trigger(HttpResponse(status=204), **events)


def _return_url(request: HttpRequest, scope: Team | Project | Artifact) -> str:
    """The page that the form was opened from, or where the rules of the scope are listed."""
    if isinstance(scope, Team):
        return rendering.safe_return_url(request, scope.get_absolute_url())
    page = "project-rules" if isinstance(scope, Project) else "artifact-aliases"
    return rendering.safe_return_url(request, reverse(page, args=scope.url_args))

"""Rules that protect aliases: of a team, of a project, of one artifact. Members read them, admins of the team write."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, Team
from artifacts.aliases import protection
from artifacts.models import AliasRule, Artifact
from projects.models import Project
from web import rendering
from web.accounts.lookups import get_team
from web.aliases.forms import RuleForm
from web.aliases.lookups import get_rule
from web.aliases.views.aliases import post_data
from web.artifacts.lookups import get_artifact
from web.projects.lookups import get_project

PAGE_SIZE = 100


@login_required
@require_safe
def project_rules(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """Those of the project, of its artifacts and, for members, of its team."""
    found = get_project(request, team, project)
    of_team = Q(team=found.team_id) if found.role else Q(pk=None)
    rows = AliasRule.objects.filter(Q(project=found) | Q(artifact__project=found) | of_team).for_display()
    page = rendering.paginate(request, rows.order_by("pattern", "id"), PAGE_SIZE)
    context = {"project": found, "tab": "rules", "page": page, "place": "home"} | permissions.template_flags(found.role)
    return rendering.render_page(request, "projects/rules.html", context)


@login_required
@require_safe
def team_rules(request: HttpRequest, team: str) -> HttpResponse:
    found = get_team(request, team)
    rows = AliasRule.objects.filter(team=found).for_display().order_by("pattern", "id")
    context = {"team": found, "page": rendering.paginate(request, rows, PAGE_SIZE)} | permissions.template_flags(
        found.role
    )
    return rendering.render_page(request, "projects/team_rules.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_rule_new(request: HttpRequest, team: str) -> HttpResponse:
    return _new(request, get_team(request, team), f"Protect aliases in team {team}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_rule_new(request: HttpRequest, team: str, project: str) -> HttpResponse:
    return _new(request, get_project(request, team, project), f"Protect aliases in project {project}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_rule_new(request: HttpRequest, **names: str) -> HttpResponse:
    found = get_artifact(request, **names)
    return _new(request, found, f"Protect aliases of {found.name}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, team: str, rule_id: UUID) -> HttpResponse:
    rule = _find_mine(request, team, rule_id)
    form = RuleForm(post_data(request), initial=RuleForm.shown(rule))
    if form.is_valid():
        with form.keeping():
            protection.update(Actor.from_page(request), rule, **form.cleaned_data)
            return _done(request, "Saved.", rule)
    return rendering.render_form(request, form, f"Edit rule {rule}", verb="Save", back=_back(request, rule))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, team: str, rule_id: UUID) -> HttpResponse:
    rule = _find_mine(request, team, rule_id)
    if request.method == "POST":
        name = str(rule)
        back = _back(request, rule)
        protection.delete(Actor.from_page(request), rule)
        return _told(request, f"Rule {name} deleted.", back)
    sentence = "Every editor of the team can then move these aliases, unless another rule covers them."
    heading = f"Delete rule {rule}?"
    return rendering.render_form(
        request, None, heading, sentence, verb="Delete", back=_back(request, rule), danger=True
    )


def _new(request: HttpRequest, place: Team | Project | Artifact, heading: str) -> HttpResponse:
    owner = place if isinstance(place, Team) else place.team if isinstance(place, Project) else place.project.team
    permissions.require(Actor.from_page(request), owner, Role.ADMIN)
    form = RuleForm(post_data(request), initial=request.GET.dict())
    if form.is_valid():
        with form.keeping():
            data = form.cleaned_data
            rule = protection.create(
                Actor.from_page(request),
                place,
                data["pattern"],
                role=data["role"],
                needs_approval=data["needs_approval"],
            )
            return _done(request, f"{rule.pattern} is protected in {rule.scope}.", rule)
    return rendering.render_form(
        request, form, heading, verb="Protect", back=rendering.safe_return_url(request, _home(place))
    )


def _find_mine(request: HttpRequest, team: str, rule_id: UUID) -> AliasRule:
    rule = get_rule(request, team, rule_id)
    permissions.require(Actor.from_page(request), rule.owner, Role.ADMIN)
    return rule


def _done(request: HttpRequest, sentence: str, rule: AliasRule) -> HttpResponse:
    return _told(request, sentence, _back(request, rule))


def _told(request: HttpRequest, sentence: str, back: str) -> HttpResponse:
    """The page that is open asks for its own rules again; without script, on to it."""
    if not rendering.is_partial(request):
        return rendering.redirect_with_message(request, sentence, back)
    events = {"close-modal": True, "changed": True, "toast": {"text": sentence}}
    return rendering.add_htmx_trigger(HttpResponse(status=204), **events)


def _back(request: HttpRequest, rule: AliasRule) -> str:
    return rendering.safe_return_url(request, _home(rule.team or rule.project or rule.artifact))


def _home(place: Team | Project | Artifact) -> str:
    """Where the rules of the place are listed."""
    if isinstance(place, Team):
        return place.get_absolute_url()
    if isinstance(place, Project):
        return reverse("project-rules", args=place.url_args)
    return reverse("artifact-aliases", args=place.url_args)

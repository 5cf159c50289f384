"""Home: the projects that the reader may see, what waits for the reader, and what is new in them."""

from django.contrib.auth.decorators import login_required
from django.db.models import Value
from django.db.models.functions import Concat, Lower
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from accounts import users
from accounts.actor import Actor
from accounts.models import Team
from artifacts import activity, current_version, first_steps
from projects.models import Project
from web import rendering, tables
from web.projects.forms import ProjectFilter

PAGE_SIZE = 50
MAX_RECENT = 10
MAX_PROPOSALS = 5
MAX_IN_PRODUCTION = 8
_ORDERINGS = {"name": Lower(Concat("team__name", Value("/"), "name")), "activity": "active_at"}
_COLUMNS = (
    ("name", "Name", ""),
    ("", "Artifacts", "number"),
    ("", "Runs", "number medium"),
    ("activity", "Last activity", "number tight"),
)


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The part is the list of projects."""
    form = ProjectFilter(request.GET)
    filters = form.values()
    rows = Project.objects.visible_to(request.user).filter_by(team=filters["team"])
    rows = form.narrow(request.user, "projects", rows)
    view = tables.chosen(request.GET, (), _ORDERINGS, "-activity")
    rows = tables.sort(activity.with_last_activity(rows), view, _ORDERINGS)
    rows = rows.select_related("team").with_excerpt()
    page = rendering.paginate(request.GET, rows, PAGE_SIZE, is_filtered=any(filters.values()))
    context = {
        "page": page,
        "filters": filters,
        "query": form.query,
        "sort": view.sort,
        "columns": _COLUMNS,
        "counts": activity.with_counts(page),
        "active_nav": "home",
    }
    if not rendering.is_partial(request):
        context["recent"], context["proposals"] = activity.of_user(request.user, MAX_RECENT, MAX_PROPOSALS)
        teams = Team.objects.visible_to(request.user).order_by("name")
        context["teams"] = list(first_steps.annotate(teams, request.user))
        context["first_steps"] = first_steps.of(request.user, context["teams"])
    status = 422 if form.query["fault"] else 200
    return rendering.render_page(request, "home/home.html", context, status=status)


@login_required
@require_safe
def production(request: HttpRequest) -> HttpResponse:
    """A card of home, which asks for it once it is there."""
    rows = current_version.in_production(request.user, MAX_IN_PRODUCTION)
    return rendering.render_page(request, "home/production.html", {"in_production": rows, "active_nav": "home"})


@login_required
@require_POST
def hide_first_steps(request: HttpRequest) -> HttpResponse:
    users.hide_first_steps(Actor.from_page(request))
    return rendering.redirect_with_message(request, "First steps hidden.", "home")

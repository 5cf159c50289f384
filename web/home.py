"""Home: the projects that the reader may see, and the newest versions in them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.models import Team
from artifacts import activity
from artifacts.models import Artifact
from projects.models import Project
from web import rendering
from web.projects.forms import ProjectFilter

PAGE_SIZE = 50
MAX_RECENT = 10


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The part is the list of projects."""
    form = ProjectFilter(request.GET)
    filters = form.values()
    rows = Project.objects.visible_to(request.user).filter_by(team=filters["team"])
    rows = form.narrow(request.user, "projects", rows)
    rows = activity.with_last_activity(rows).order_by("-active_at", "-id")
    page = rendering.paginate(request.GET, rows.select_related("team").with_excerpt(), PAGE_SIZE)
    context = {
        "page": page,
        "filters": filters,
        "query": form.query,
        "counts": activity.with_counts(page),
        "active_nav": "home",
    }
    if not rendering.is_partial(request):
        artifacts = Artifact.objects.visible_to(request.user)
        context["recent"] = activity.newest_versions(artifacts, MAX_RECENT)
        context["teams"] = Team.objects.visible_to(request.user).order_by("name")
    status = 422 if form.query["fault"] else 200
    return rendering.render_page(request, "home/home.html", context, status=status)

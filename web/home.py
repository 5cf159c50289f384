"""Home: the projects that one sees, and what was logged in them lately."""

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
VERSIONS_SHOWN = 10


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The part is the list of projects."""
    asked = ProjectFilter(request.GET).values()
    found = activity.with_last_activity(Project.objects.visible_to(request.user).matching(**asked)).order_by(
        "-active_at", "-id"
    )
    page = rendering.paginate(request, found.select_related("team"), PAGE_SIZE)
    context = {"page": page, "asked": asked, "counts": activity.with_counts(page), "place": "home"}
    if not rendering.is_partial(request):
        artifacts = Artifact.objects.visible_to(request.user)
        context["recent"] = activity.newest_versions(artifacts, VERSIONS_SHOWN)
        context["teams"] = Team.objects.visible_to(request.user).order_by("name")
    return rendering.render_page(request, "home/home.html", context)

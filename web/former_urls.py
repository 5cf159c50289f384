"""Where the page is now whose URL names a team, a project, an artifact or its type as it was called before."""

from django.http import HttpRequest
from django.urls import ResolverMatch, reverse

from accounts.models import Team
from artifacts.models import Artifact
from projects.models import Project


def find_new_url(request: HttpRequest) -> str | None:
    """The same page by the names of today, if the reader sees what it is about and one of its names is a former one.

    Old clients print URLs in which a name has `+` for each space: those lead to the page as well.
    """
    match = request.resolver_match
    if match is None or "team" not in match.kwargs or not request.user.is_authenticated:
        return None
    kwargs = _current_names(request, match)
    if kwargs is None or kwargs == match.kwargs:
        return None
    query = request.META.get("QUERY_STRING", "")
    return reverse(match.view_name, kwargs=kwargs) + (f"?{query}" if query else "")


def _current_names(request: HttpRequest, match: ResolverMatch) -> dict[str, object] | None:
    kwargs = match.kwargs
    if "project" not in kwargs:
        team = Team.objects.visible_to(request.user).named(kwargs["team"])
        return team and kwargs | {"team": team.name}
    visible = Project.objects.visible_to(request.user)
    project = visible.named(f"{kwargs['team']}/{kwargs['project']}")
    if project is None and "+" in kwargs["project"]:
        project = visible.named(f"{kwargs['team']}/{kwargs['project'].replace('+', ' ')}")
    if project is None:
        return None
    names = {"team": project.team.name, "project": project.name}
    # Of pages about runs, the name is the run's.
    if "type" in kwargs:
        artifact = Artifact.objects.named(project, kwargs["name"])
        return artifact and kwargs | names | {"name": artifact.name, "type": artifact.type}
    return kwargs | names

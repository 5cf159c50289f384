"""How the API finds hierarchies."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request

from accounts.models import Team
from api.lookups import get_or_missing
from hierarchies.models import Hierarchy
from projects.models import Project


def get_hierarchy(request: Request, hierarchy_id: UUID) -> Hierarchy:
    visible = Hierarchy.objects.visible_to(request.user)
    return get_or_missing(visible.for_display(), "Hierarchy", hierarchy_id)


def find_hierarchy(user: Any, team: str, project: str, hierarchy: str) -> Hierarchy | None:
    """The hierarchy by its names, if the user or visitor sees it. Its team and project may have had others before."""
    rows = Hierarchy.objects.visible_to(user).for_display().filter(name=hierarchy)
    found = rows.filter(project__team__in=Team.objects.by_name(team), project__name=project).first()
    if found is None and (renamed := Project.objects.named(f"{team}/{project}")):
        found = rows.filter(project=renamed).first()
    return found

"""The versions, artifacts and runs that nodes stand for."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from artifacts.lineage.neighbours import ARTIFACT, RUN, VERSION, Ref
from artifacts.models import Artifact, ArtifactVersion
from core import long_values
from projects.models import Project, Run

Thing = ArtifactVersion | Artifact | Run


def load(refs: Iterable[Ref], *related: str) -> dict[Ref, Thing]:
    """Whoever may see them, with what is `related`; versions with artifact and aliases. A query for each kind.

    Projects are not joined: thousands of nodes are of few of them.
    """
    ids: dict[str, list[UUID]] = {}
    for ref in refs:
        ids.setdefault(ref.kind, []).append(ref.pk)
    versions = ArtifactVersion.objects.select_related("artifact").with_alias_names()
    rows: dict[str, QuerySet[Any]] = {
        VERSION: long_values.defer(versions, "artifact"), ARTIFACT: Artifact.objects.all(), RUN: Run.objects.all(),
    }  # fmt: skip
    return {
        Ref(kind, row.pk): row
        for kind, pks in ids.items()
        for row in long_values.defer(rows[kind], "").select_related(*related).filter(pk__in=pks).order_by()
    }


def visible(user: Any, things: dict[Ref, Thing]) -> dict[Ref, Thing]:
    """Those that the user may see, each with its project and team. One query."""
    return in_projects(things, visible_projects(user, map(_project_id, things.values())))


def in_projects(things: dict[Ref, Thing], projects: Mapping[UUID, Project]) -> dict[Ref, Thing]:
    """Those in one of these projects, each with it."""
    found = {ref: thing for ref, thing in things.items() if _project_id(thing) in projects}
    for thing in found.values():
        owned = thing.artifact if isinstance(thing, ArtifactVersion) else thing
        owned.project = projects[owned.project_id]
    return found


def visible_projects(user: Any, ids: Iterable[UUID], **annotations: Any) -> dict[UUID, Project]:
    """Those of the projects that the user sees, with their teams. One query."""
    rows = Project.objects.visible_to(user).filter(pk__in=set(ids)).select_related("team").annotate(**annotations)
    return {project.pk: project for project in long_values.defer(rows, "")}


def project_of(thing: Thing) -> Project:
    return thing.artifact.project if isinstance(thing, ArtifactVersion) else thing.project


def _project_id(thing: Thing) -> UUID:
    return thing.artifact.project_id if isinstance(thing, ArtifactVersion) else thing.project_id

"""The versions, artifacts and runs that nodes stand for."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from artifacts.lineage.walk import ARTIFACT, RUN, VERSION, Ref
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from core import long_values
from projects.models import Project, Run

Thing = ArtifactVersion | Artifact | Run


def load(refs: Iterable[Ref]) -> dict[Ref, Thing]:
    """Whoever may see them, each with its project and team and who made it; versions with artifact and aliases.

    Three queries, or fewer where a kind is not there.
    """
    ids: dict[str, list[UUID]] = {}
    for ref in refs:
        ids.setdefault(ref.kind, []).append(ref.pk)
    aliases = Prefetch("aliases", ArtifactAlias.objects.only("version", "alias", "sort_key"))
    versions = ArtifactVersion.objects.select_related("artifact__project__team", "created_by").prefetch_related(aliases)
    rows = {
        VERSION: long_values.defer(versions, "", "artifact", "artifact__project"),
        ARTIFACT: long_values.defer(Artifact.objects.select_related("project__team", "created_by"), "", "project"),
        RUN: long_values.defer(Run.objects.select_related("project__team", "created_by"), "", "project"),
    }
    return {Ref(kind, row.pk): row for kind, pks in ids.items() for row in rows[kind].filter(pk__in=pks).order_by()}


def project_of(thing: Thing) -> Project:
    return thing.artifact.project if isinstance(thing, ArtifactVersion) else thing.project


def visible_projects(user: Any, ids: Iterable[UUID]) -> dict[UUID, Project]:
    """Those of the projects that the user sees, with their teams."""
    rows = Project.objects.visible_to(user).filter(pk__in=set(ids)).select_related("team")
    return {project.pk: project for project in long_values.defer(rows, "")}

"""The two queries of the fast path: an alias by its artifact's id, and by its artifact's name."""

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import ApiKey, Team, User
from artifacts import validators
from artifacts.models import Artifact, ArtifactAlias, ArtifactTag
from artifacts.models.version_tag import tag_lines
from artifacts.name_resolution import Resolved
from core.compiled_queries import CompiledQuery, StringAgg, all_but
from projects.models import Project, Run


def get_alias(key: ApiKey, artifact_id: UUID, alias: str) -> ArtifactAlias | None:
    """What `aliases.get` finds in an artifact that the key's user may see, if the key is active."""
    row = _BY_ID.first(key.pk, key.user.pk, artifact_id, alias)
    if row:
        _fill(row)
    return row


def resolve(key: ApiKey, full_name: str, suffix: str) -> Resolved | None:
    """What `name_resolution.resolve` finds for an alias of `team/project/name`; None where it may be a version."""
    parts = full_name.split("/")
    if len(parts) != 3 or validators.version_number(suffix) is not None:
        return None
    team, project, name = parts
    row = _BY_NAME.first(key.pk, key.user.pk, team.lower(), project, name, suffix)
    if row is None:
        return None
    _fill(row)
    row.artifact.tags = _lines(row.tags)
    row.artifact.newest_names = _lines(row.newest_names)
    return Resolved(row.artifact, row.version, suffix)


def _fill(row: ArtifactAlias) -> None:
    row.version.artifact = row.artifact
    row.version.alias_names, row.version.tag_lines = _lines(row.names), row.version_tags


def _lines(text: str) -> list[str]:
    """Of a `StringAgg`: an alias may have spaces, and what `splitlines` takes for the end of a line."""
    return text.split("\n") if text else []


def _visible(key: UUID, user: UUID) -> QuerySet[ArtifactAlias]:
    """Aliases of what the user sees, with all that is shown of their versions, if the key is active."""
    return (
        ArtifactAlias.objects.filter(
            Exists(ApiKey.objects.active().filter(pk=key, user=user)),
            artifact__project__in=Project.objects.visible_to(User(pk=user)),
        )
        .select_related("version__run", "version__created_by", "artifact__project__team")
        .defer(
            "version__touched_at",
            *all_but("version__run", Run, "name"),
            *all_but("version__created_by", User, "username"),
            *all_but("artifact__project", Project, "name", "team"),
            *all_but("artifact__project__team", Team, "name"),
        )
        .annotate(
            names=StringAgg(ArtifactAlias.objects.filter(version=OuterRef("version")).order_by("sort_key"), "alias"),
            version_tags=tag_lines(OuterRef("version")),
        )
    )


def _by_id(key: UUID, user: UUID, artifact_id: UUID, alias: str) -> QuerySet[ArtifactAlias]:
    rows = _visible(key, user).filter(artifact=artifact_id, alias=alias).select_related("created_by")
    return rows.defer(
        *all_but("created_by", User, "username"), *all_but("artifact", Artifact, "project", "name", "type")
    )


def _by_name(key: UUID, user: UUID, team: str, project: str, name: str, alias: str) -> QuerySet[ArtifactAlias]:
    newest = ArtifactAlias.objects.filter(
        version__artifact=OuterRef("artifact"), version__number=OuterRef("artifact__latest_version_number")
    )
    tags = ArtifactTag.objects.filter(artifact=OuterRef("artifact")).order_by("id")
    # As `Project.objects.by_full_name` has it, without joining the project a second time.
    scope = {"artifact__project__team__in": Team.objects.by_name(team), "artifact__project__name": project}
    rows = _visible(key, user).filter(**scope, artifact__name=name, alias=alias)
    return (
        rows.select_related("artifact__created_by")
        .defer("created_at", "updated_at", "artifact__first_number", "artifact__last_assigned_number")
        .defer(*all_but("artifact__created_by", User, "username"))
        .annotate(newest_names=StringAgg(newest.order_by("sort_key"), "alias"), tags=StringAgg(tags, "tag"))
    )


_BY_ID = CompiledQuery(_by_id, UUID, UUID, UUID, str)
_BY_NAME = CompiledQuery(_by_name, UUID, UUID, str, str, str, str)

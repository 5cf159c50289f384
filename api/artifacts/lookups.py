"""Get-or-404 of the API: each finds an object among those that the user may see."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import FilteredRelation, Q, QuerySet
from rest_framework.request import Request

from accounts.models import Team, User
from api.accounts.views import get_team
from api.lookups import get_or_missing, missing
from artifacts import errors, link_sources, validators
from artifacts.aliases import aliases
from artifacts.models import AliasProposal, AliasRule, Artifact, ArtifactAlias, ArtifactFile, ArtifactVersion
from core.compiled_queries import CompiledQuery, all_but
from core.errors import Missing
from projects.models import Project, Run
from projects.models.project import as_uuid

_ARTIFACT = CompiledQuery(
    lambda user, pk: Artifact.objects.visible_to(User(pk=user)).filter(pk=pk).select_related("project__team"),
    UUID, UUID,
)  # fmt: skip
_VERSION = CompiledQuery(lambda user, pk: ArtifactVersion.objects.visible_to(User(pk=user)).filter(pk=pk), UUID, UUID)
# The official `wandb` client reads every file of a version by a request.
_FILE = CompiledQuery(lambda pk: ArtifactFile.objects.select_related("blob__object").filter(pk=pk), UUID)


def _with_target(user: UUID, pk: UUID, version: UUID) -> QuerySet[Artifact]:
    is_target = Q(versions__pk=version, versions__state=ArtifactVersion.State.FINALIZED)
    rows = Artifact.objects.visible_to(User(pk=user)).filter(pk=pk)
    rows = rows.annotate(target=FilteredRelation("versions", condition=is_target))
    # The verb asks for more, under its lock.
    return rows.select_related("project__team", "target").defer(
        *all_but("", Artifact, "project", "name"),
        *all_but("project", Project, "team", "name"),
        *all_but("project__team", Team, "name"),
        *all_but("target", ArtifactVersion, "artifact", "number", "state"),
    )


_ARTIFACT_AND_TARGET = CompiledQuery(_with_target, UUID, UUID, UUID)


def get_artifact(request: Request, pk: UUID) -> Artifact:
    artifact = _ARTIFACT.first(request.user.pk, pk)
    if artifact is None:
        raise missing("Artifact")
    return artifact


def get_version(request: Request, pk: UUID) -> ArtifactVersion:
    """Any version that the user may see; nobody sees a deleted one. One query, and one more for a link."""
    version = ArtifactVersion.objects.visible_to(request.user).for_display().filter(pk=pk).first()
    if version is None:
        raise _no_version(request, pk)
    link_sources.attach(request.user, [version])
    return version


def get_signed_file(pk: UUID) -> ArtifactFile:
    """The file whose signed URL somebody has, with where its bytes are."""
    file = _FILE.first(pk)
    if file is None:
        raise missing("File")
    return file


def get_file(request: Request, pk: UUID) -> ArtifactFile:
    """With its version, or the link by which the user sees it."""
    file = link_sources.find_file(request.user, pk)
    if file is None:
        raise missing("File")
    return file


def get_run(request: Request, pk: UUID) -> Run:
    return get_or_missing(Run.objects.visible_to(request.user).select_related("project__team"), "Run", pk)


def get_target(request: Request, pk: UUID) -> ArtifactVersion:
    """The version to which an alias is to move. Includes drafts: the verb raises the error for them."""
    version = _VERSION.first(request.user.pk, pk)
    if version is None:
        raise _no_version(request, pk)
    return version


def get_artifact_and_target(request: Request, pk: UUID) -> tuple[Artifact, ArtifactVersion | None]:
    """The artifact of an alias and, of its finalized versions, the one that the body names. One query for both.

    The body may be invalid: whether there is such an artifact comes first.
    """
    named = request.data.get("version_id") if isinstance(request.data, Mapping) else None
    version_id = as_uuid(named) if isinstance(named, str) else None
    if version_id is None:
        return get_artifact(request, pk), None
    artifact = _ARTIFACT_AND_TARGET.first(request.user.pk, pk, version_id)
    if artifact is None:
        raise missing("Artifact")
    # Django does not set it where there is none.
    return artifact, getattr(artifact, "target", None)


def get_alias(request: Request, artifact_id: UUID, alias: str) -> ArtifactAlias:
    """The alias with its version, both ready to be shown."""
    return aliases.get(get_artifact(request, artifact_id), alias)


def get_proposal(request: Request, pk: UUID) -> AliasProposal:
    return get_or_missing(AliasProposal.objects.visible_to(request.user).for_display(), "Proposal", pk)


def get_rule(request: Request, pk: UUID) -> AliasRule:
    return get_or_missing(AliasRule.objects.visible_to(request.user).for_display(), "Rule", pk)


def get_scope(request: Request, params: Mapping[str, Any]) -> Team | Project | Artifact:
    """The scope of a rule: a team (name or id), a project (id or `team/project`) or an artifact (id)."""
    if "artifact" in params:
        return get_artifact(request, params["artifact"])
    if "project" in params:
        return Project.objects.visible_to(request.user).find(params["project"])
    team_id = as_uuid(params["team"])
    if team_id:
        return get_or_missing(Team.objects.visible_to(request.user), "Team", team_id)
    return get_team(request, params["team"])


def get_targets(
    request: Request, artifact: Artifact, targets: Mapping[str, str | None]
) -> dict[str, ArtifactVersion | None]:
    """By alias the version that it should point to; `targets` has ids or `v3`, None for none. One query."""
    keys = {text: as_uuid(text) or validators.version_number(text) for text in targets.values() if text is not None}
    ids = [key for key in keys.values() if isinstance(key, UUID)]
    numbers = [key for key in keys.values() if isinstance(key, int)]
    rows = ArtifactVersion.objects.visible_to(request.user).filter(
        Q(pk__in=ids) | Q(artifact=artifact, number__in=numbers)
    )
    versions = {row.pk: row for row in rows} | {row.number: row for row in rows if row.artifact_id == artifact.pk}
    for text, key in keys.items():
        if key not in versions:
            deleted = _deleted_version(request, key) if isinstance(key, UUID) else None
            raise deleted or errors.VersionNotFound(f"Artifact {artifact.name!r} has no version {text!r}.")
    return {alias: None if text is None else versions[keys[text]] for alias, text in targets.items()}


def _no_version(request: Request, pk: UUID) -> Missing:
    """Why the user finds no version of that id."""
    return _deleted_version(request, pk) or missing("Version")


def _deleted_version(request: Request, pk: UUID) -> errors.VersionNotFound | None:
    """The error that names the version, if it was deleted, and the user sees its artifact."""
    deleted = ArtifactVersion.objects.filter(pk=pk, state=ArtifactVersion.State.DELETED)
    version = deleted.filter(artifact__in=Artifact.objects.visible_to(request.user)).select_related("artifact").first()
    return errors.VersionNotFound.deleted(version.title, version.artifact.name) if version else None

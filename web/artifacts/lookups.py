"""What a page is about, found by the names in its URL among what the reader may see; 404 otherwise."""

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Membership, Role
from artifacts import current_version, link_sources, validators
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, VersionHold
from artifacts.references import checks, external_stores
from notifications.models import Watch
from projects.models import Project
from projects.models.project import as_uuid
from web.aliases.state import annotate_alias_state


def get_artifact_for_display(request: HttpRequest, team: str, project: str, type: str, name: str) -> Artifact:
    """An artifact with all that its page shows of it, and the reader's `role` in its team."""
    visible = Artifact.objects.visible_to(request.user).with_tags()
    return _get_for_head(request, visible, team, project, type, name)


def _get_for_head(
    request: HttpRequest, visible: QuerySet[Artifact], team: str, project: str, type: str, name: str
) -> Artifact:
    memberships = Membership.objects.filter(team=OuterRef("project__team"), user=request.user)
    visible = annotate_alias_state(visible)
    visible = current_version.annotate(Watch.objects.annotate_watched_artifacts(visible, request.user))
    visible = visible.annotate(role=Subquery(memberships.values("role")[:1]))
    scope = Project.objects.by_full_name(f"{team}/{project}")
    return get_object_or_404(visible, project__in=scope, type=type, name=name)


def get_artifact_for_head(request: HttpRequest, **url_kwargs: str) -> Artifact:
    """The same without its tags."""
    return _get_for_head(request, Artifact.objects.visible_to(request.user).for_head(), **url_kwargs)


def get_artifact(
    request: HttpRequest, team: str, project: str, type: str, name: str, role: Role | None = None
) -> Artifact:
    """The same without tags and aliases, for pages that do not show them.

    403 for readers who see it but have not at least the role that is asked for.
    """
    visible = Artifact.objects.visible_to(request.user).with_role_of(request.user).select_related("project__team")
    scope = Project.objects.by_full_name(f"{team}/{project}")
    artifact = get_object_or_404(annotate_alias_state(visible), project__in=scope, type=type, name=name)
    if role is not None:
        _require_role(request, artifact, role)
    return artifact


def get_version_of(request: HttpRequest, artifact: Artifact, version: str) -> ArtifactVersion:
    """`v3`, finalized, or a draft that the reader may write; any by its id."""
    number, pk = validators.version_number(version), as_uuid(version)
    if number is None and pk is None:
        raise Http404(f"{version} is not a version.")
    visible = checks.annotate(ArtifactVersion.objects.visible_to(request.user).for_head().with_previous())
    # For the pages of its lineage, which ask then for the records.
    holds = VersionHold.objects.filter(version=OuterRef("pk"))
    links = ArtifactVersion.objects.filter(linked_version=OuterRef("pk"))
    visible = external_stores.annotate(visible).annotate(is_referred_to=Exists(holds), is_linked=Exists(links))
    found = get_object_or_404(visible, artifact=artifact, **({"pk": pk} if pk else {"number": number}))
    link_sources.attach(request.user, [found])
    return found


def get_version_for_display(request: HttpRequest, version: str, **url_kwargs: str) -> ArtifactVersion:
    """The version with all that the head of its artifact shows."""
    artifact = get_artifact_for_head(request, **url_kwargs)
    version = get_version_of(request, artifact, version)
    version.artifact = artifact
    return version


def get_version(request: HttpRequest, version: str, role: Role | None = None, **url_kwargs: str) -> ArtifactVersion:
    """The same by all the names of its URL, with its artifact and project; `role` as in `get_artifact`."""
    # One after the other: as one question, a database may begin with the first versions of all artifacts.
    artifact = get_artifact(request, **url_kwargs)
    version = get_version_of(request, artifact, version)
    version.artifact = artifact
    if role is not None:
        _require_role(request, artifact, role)
    return version


def get_file(request: HttpRequest, path: str, **url_kwargs: str) -> ArtifactFile:
    """A file of a version, which comes with it."""
    version = get_version(request, **url_kwargs)
    file = get_object_or_404(version.files.select_related("blob__object"), path=path)
    file.version = version
    return file


def _require_role(request: HttpRequest, artifact: Artifact, needed: Role) -> None:
    role = Role(artifact.role) if artifact.role else None
    permissions.require_role(Actor.from_page(request), artifact.project.team, role, needed)

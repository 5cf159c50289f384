"""What a page is about, found by the names in its address among what the reader may see; 404 otherwise."""

from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import Membership, Team
from artifacts import names
from artifacts.models import AliasProposal, AliasRule, Artifact, ArtifactFile, ArtifactVersion
from artifacts.web import board
from notifications.models import Watch

# Found the same way for all pages of a project.
from notifications.web.finding import find_project as find_project
from projects.models import Project, Run


def find_artifact(request: HttpRequest, team: str, project: str, type: str, name: str) -> Artifact:
    """An artifact with all that its head shows, and the reader's `role` in its team."""
    mine = Membership.objects.filter(team=OuterRef("project__team"), user=request.user)
    visible = board.with_news(Artifact.objects.visible_to(request.user).for_display())
    visible = Watch.objects.noted_on_artifacts(visible, request.user)
    visible = visible.annotate(role=Subquery(mine.values("role")[:1]))
    return get_object_or_404(visible, project__in=Project.objects.named(f"{team}/{project}"), type=type, name=name)


def find_bare_artifact(request: HttpRequest, team: str, project: str, type: str, name: str) -> Artifact:
    """The same without tags and aliases, for pages that do not show them."""
    visible = board.with_news(Artifact.objects.visible_to(request.user).select_related("project__team"))
    return get_object_or_404(visible, project__in=Project.objects.named(f"{team}/{project}"), type=type, name=name)


def find_version(request: HttpRequest, artifact: Artifact, version: str) -> ArtifactVersion:
    """`v3`, finalized, or a draft that the reader may write."""
    number = names.version_number(version)
    if number is None:
        raise Http404(f"{version} is not a version.")
    visible = ArtifactVersion.objects.visible_to(request.user).for_display()
    return get_object_or_404(visible, artifact=artifact, number=number)


def find_named_version(request: HttpRequest, version: str, **names: str) -> ArtifactVersion:
    """The same by all the names of its address, with its artifact and project."""
    # One after the other: as one question, a database may begin with the first versions of all artifacts.
    artifact = find_bare_artifact(request, **names)
    found = find_version(request, artifact, version)
    found.artifact = artifact
    return found


def find_file(request: HttpRequest, path: str, **names: str) -> ArtifactFile:
    """A file of a version, which comes with it."""
    version = find_named_version(request, **names)
    file = get_object_or_404(version.files.select_related("blob__object"), path=path)
    file.version = version
    return file


def find_run(request: HttpRequest, team: str, project: str, name: str) -> Run:
    visible = Run.objects.visible_to(request.user).select_related("project__team", "created_by")
    return get_object_or_404(visible, project__in=Project.objects.named(f"{team}/{project}"), name=name)


def find_proposal(request: HttpRequest, artifact: Artifact, pk: UUID) -> AliasProposal:
    """A proposal of that artifact, in whatever state."""
    return get_object_or_404(AliasProposal.objects.for_display(), artifact=artifact, pk=pk)


def find_rule(request: HttpRequest, team: str, pk: UUID) -> AliasRule:
    """A rule of the team, or of what it owns."""
    rule = get_object_or_404(AliasRule.objects.visible_to(request.user).for_display(), pk=pk)
    if rule.owner != Team.objects.named(team).first():
        raise Http404("Rule not found.")
    return rule

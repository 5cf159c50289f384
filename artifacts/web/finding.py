"""What a page is about, found by the names in its address among what the reader may see; 404 otherwise."""

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from artifacts import names
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion
from projects.models import Project, Run


def find_project(request: HttpRequest, team: str, project: str) -> Project:
    """A project, with the reader's `role` in its team."""
    visible = Project.objects.visible_to(request.user).with_role_of(request.user).select_related("team", "created_by")
    return get_object_or_404(visible.named(f"{team}/{project}"))


def find_artifact(request: HttpRequest, team: str, project: str, type: str, name: str) -> Artifact:
    """An artifact with all that its head shows."""
    visible = Artifact.objects.visible_to(request.user).for_display()
    return get_object_or_404(visible, project__in=Project.objects.named(f"{team}/{project}"), type=type, name=name)


def find_bare_artifact(request: HttpRequest, team: str, project: str, type: str, name: str) -> Artifact:
    """The same without tags and aliases, for pages that do not show them."""
    visible = Artifact.objects.visible_to(request.user).select_related("project__team")
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
    return find_version(request, find_bare_artifact(request, **names), version)


def find_file(request: HttpRequest, path: str, **names: str) -> ArtifactFile:
    """A file of a version, which comes with it."""
    version = find_named_version(request, **names)
    file = get_object_or_404(version.files.select_related("blob__object"), path=path)
    file.version = version
    return file


def find_run(request: HttpRequest, team: str, project: str, name: str) -> Run:
    visible = Run.objects.visible_to(request.user).select_related("project__team", "created_by")
    return get_object_or_404(visible, project__in=Project.objects.named(f"{team}/{project}"), name=name)

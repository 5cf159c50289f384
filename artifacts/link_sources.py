"""What a reader may know of the version that a link leads to: all of it where they see its project, else its files."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from artifacts.models import ArtifactFile, ArtifactVersion
from core import long_values


def attach(user: Any, versions: Iterable[ArtifactVersion]) -> None:
    """Let each link know as `visible_source` the version that it leads to, with its artifact and project.

    It is None where the user does not see that one. One query, or none where there is no link.
    """
    links = [version for version in versions if version.is_link]
    if not links:
        return
    rows = ArtifactVersion.objects.visible_to(user).filter(pk__in={link.linked_version_id for link in links})
    rows = rows.select_related("artifact__project__team")
    found = {row.pk: row for row in long_values.defer(rows, "", "artifact", "artifact__project")}
    for link in links:
        link.visible_source = found.get(link.linked_version_id)


def sees_contents(user: Any, version: ArtifactVersion) -> bool:
    """Whether the user, who sees the version, sees the one that has its files as well. One query, of a link alone."""
    return not version.is_link or ArtifactVersion.objects.visible_to(user).filter(pk=version.contents_id).exists()


def find_file(user: Any, pk: UUID) -> ArtifactFile | None:
    """The file, with its version and project, where the user sees the version or a link to it; else None.

    Where they see links alone, it is the file of the newest of these: what is said of it then names no other. One
    query, and two more where they do not see its version.
    """
    files = ArtifactFile.objects.filter(pk=pk).select_related("blob__object")
    visible = ArtifactVersion.objects.visible_to(user).select_related("artifact__project__team")
    file = files.filter(version__in=visible.select_related(None)).select_related("version__artifact__project__team")
    if own := file.first():
        return own
    through = files.first()
    link = through and visible.filter(linked_version=through.version_id).order_by("-pk").first()
    if not through or not link:
        return None
    through.version = link
    return through

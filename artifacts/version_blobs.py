"""Which blobs a version needs: conditions on blobs, asked of each by its id.

With a join in their place SQLite begins with all files of the version, or does so again for each object: in a draft of
150,000 files that is a quarter of a second each time, some of it while everybody waits for its lock.
"""

from django.db.models import Exists, OuterRef

from artifacts.models import ArtifactFile, ArtifactVersion, Extent


def is_file_of(version: ArtifactVersion) -> Exists:
    """That a file of the version has it."""
    return Exists(ArtifactFile.objects.filter(version=version, blob=OuterRef("pk")))


def is_piece_of(version: ArtifactVersion) -> Exists:
    """That a composed file of the version consists of it, and of others."""
    return Exists(Extent.objects.filter(is_whole_of(version), piece=OuterRef("pk")))


def is_whole_of(version: ArtifactVersion) -> Exists:
    """The same as `is_file_of`, of the `whole` of an extent."""
    return Exists(ArtifactFile.objects.filter(version=version, blob=OuterRef("whole")))

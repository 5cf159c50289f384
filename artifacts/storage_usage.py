"""How many bytes something keeps in the object store, and how many its versions would have without sharing any."""

from dataclasses import dataclass

from django.db.models import F, Sum

from artifacts.models import Artifact, ArtifactVersion, StoredObject


@dataclass(frozen=True, slots=True)
class StorageUsage:
    """In bytes: `stored` is what its versions brought, `logical` the sizes of their files, without references."""

    stored: int
    logical: int

    @property
    def saved(self) -> int:
        """What was not stored again; 0 while what was deleted is still in the store."""
        return max(0, self.logical - self.stored)


def of_artifact(artifact: Artifact) -> StorageUsage:
    """Of its finalized versions. What they share with other artifacts is stored with the one that brought it."""
    objects = StoredObject.objects.filter(version__artifact=artifact, state=StoredObject.State.UPLOADED)
    versions = ArtifactVersion.objects.finalized().filter(artifact=artifact)
    stored = objects.aggregate(sum=Sum("size"))["sum"] or 0
    logical = versions.aggregate(sum=Sum(F("total_size") - F("referenced_size")))["sum"] or 0
    return StorageUsage(stored, logical)

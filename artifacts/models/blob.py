"""The bytes of one file: in an object of its own, at an offset of a pack, or composed of other blobs."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from artifacts import validators
from artifacts.models.version_state import VersionState
from projects.models.project import Project


class BlobQuerySet(models.QuerySet["Blob"]):
    def shareable(self, project: Project, user: Any) -> Self:
        """Bytes of this project that were verified or that this user uploaded: to know a hash gives no access."""
        mine = Q(state=Blob.State.UPLOADED, created_by=user)
        return self.filter(Q(state=Blob.State.VERIFIED) | mine, project=project)

    def verified(self, project: UUID, sha256: str, size: int) -> Self:
        """The one verified blob of these bytes in the project of that id, if there is one."""
        return self.filter(project=project, sha256=sha256, size=size, state=Blob.State.VERIFIED)

    def touch(self) -> None:
        """Begin the grace of these bytes anew, so that garbage collection leaves them for now.

        They are locked in one order, so that two who touch the same bytes wait for each other instead of failing.
        """
        locked = Blob.objects.filter(pk__in=self.values("pk")).select_for_update(no_key=True)
        list(locked.order_by("pk").values_list("pk", flat=True))
        self.update(claimed_at=timezone.now())

    def unverified(self) -> Self:
        """Bytes in the store that a worker has yet to read: their hashes are a claim, or incomplete."""
        without_md5 = Q(state=Blob.State.VERIFIED, md5__isnull=True)
        return self.filter(Q(state=Blob.State.UPLOADED) | without_md5)

    def needless(self, before: datetime) -> Self:
        """Bytes that no file, no hold and no composed blob needs, and that nobody has claimed since `before`.

        Those in the objects of a draft stay: an upload that goes on there is registered later.
        """
        unused = self.filter(files__isnull=True, holds__isnull=True, uses__isnull=True)
        return unused.filter(claimed_at__lt=before).exclude(object__version__state=VersionState.DRAFT)


class Blob(models.Model):
    class State(models.TextChoices):
        EXPECTED = "expected", "Expected"
        UPLOADED = "uploaded", "Uploaded"
        VERIFIED = "verified", "Verified"
        CORRUPT = "corrupt", "Corrupt"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, null=True)
    md5 = models.CharField(max_length=32, null=True)
    object = models.ForeignKey("artifacts.StoredObject", on_delete=models.CASCADE, null=True, related_name="blobs")
    offset = models.BigIntegerField(default=0)
    extent_count = models.PositiveSmallIntegerField(
        default=0, help_text="Of a composed blob, which is in no object itself: of how many pieces. 0 of all others."
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.EXPECTED)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(default=timezone.now, help_text="When a file last asked for these bytes.")

    objects = BlobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "sha256", "size"], condition=Q(state="verified"), name="blob_verified_unique"
            ),
            models.CheckConstraint(condition=Q(size__gte=0), name="blob_size_is_natural"),
            models.CheckConstraint(condition=Q(offset__gte=0), name="blob_offset_is_natural"),
            models.CheckConstraint(
                condition=Q(sha256__isnull=True) | Q(sha256__regex=validators.SHA256), name="blob_sha256_is_hex"
            ),
            models.CheckConstraint(
                condition=Q(md5__isnull=True) | Q(md5__regex=validators.MD5), name="blob_md5_is_hex"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["expected", "uploaded", "verified", "corrupt"]), name="blob_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(extent_count=0) & (Q(state="expected") | Q(object__isnull=False))
                | Q(extent_count__gt=0, object__isnull=True),
                name="blob_bytes_have_a_place",
            ),
            models.CheckConstraint(
                condition=~Q(state="verified") | Q(sha256__isnull=False), name="blob_verified_is_hashed"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "sha256"], name="blob_by_sha256"),
            models.Index(fields=["project", "md5"], condition=Q(md5__isnull=False), name="blob_by_md5"),
            models.Index(fields=["claimed_at"], name="blob_by_claim"),
            models.Index(
                fields=["object"],
                condition=Q(state="uploaded") | Q(state="verified", md5__isnull=True),
                name="blob_unread",
            ),
            models.Index(fields=["state"], condition=Q(extent_count__gt=0), name="blob_composed"),
        ]

    def __str__(self) -> str:
        return self.sha256 or str(self.pk)

    @property
    def is_composed(self) -> bool:
        """Whether its bytes are those of its extents."""
        return self.extent_count > 0

    @property
    def is_expected(self) -> bool:
        """Whether a draft names bytes that are not there yet."""
        return self.state == self.State.EXPECTED

    @property
    def has_arrived(self) -> bool:
        """Whether its bytes can be read: they are in the store and not known to be corrupt."""
        return self.state in (self.State.UPLOADED, self.State.VERIFIED)

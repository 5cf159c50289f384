"""One object in the bucket: a single file, a pack of small ones, or something that a run streamed or saved."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Self
from uuid import uuid4

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from artifacts import validators
from artifacts.models.version_state import VersionState
from projects.models.project import Project

INCOMING = "incoming/"


class StoredObjectQuerySet(models.QuerySet["StoredObject"]):
    def expected(self) -> Self:
        return self.filter(state=StoredObject.State.EXPECTED)

    def by_storage_key(self, storage_key: str) -> Self:
        """The object that clients know by this key, wherever its bytes came to lie."""
        return self.filter(Q(key=storage_key) | Q(reserved_key=storage_key) & ~Q(reserved_key=""))

    def holding(self, keys: Iterable[str]) -> Self:
        """Those whose bytes are, or arrive, at one of these keys itself."""
        return self.filter(key__in=keys).exclude(Q(state=StoredObject.State.EXPECTED) & ~Q(incoming_key=""))

    def single_uploads(self) -> Self:
        """Objects that are one file, sent in one PUT, or in parts whose signed URLs are bound to their sizes alone."""
        return self.filter(kind=StoredObject.Kind.FILE, part_hashes=[])

    def collectable(self, before: datetime) -> Self:
        """Those from before `before` that are there for blobs. What runs need, `tracking` knows."""
        return self.filter(created_at__lt=before).exclude(kind=StoredObject.Kind.RUN)

    def orphaned(self, before: datetime) -> Self:
        """Objects that no file of any version, no hold and no composed blob needs, and nobody claimed since `before`.

        Those of a draft stay: while it lives, their rows keep their keys from being used a second time.
        """
        old = self.collectable(before).exclude(version__state=VersionState.DRAFT)
        needless = old.exclude(blobs__files__isnull=False).exclude(blobs__holds__isnull=False)
        needless = needless.exclude(blobs__uses__isnull=False)
        return needless.exclude(blobs__claimed_at__gte=before)

    def finished_packs(self, before: datetime) -> Self:
        """Packs from before `before` that have arrived, without those of drafts."""
        packs = self.filter(kind=StoredObject.Kind.PACK, state=StoredObject.State.UPLOADED, created_at__lt=before)
        return packs.exclude(version__state=VersionState.DRAFT)

    def empty(self, before: datetime) -> Self:
        """Objects from before `before` that have no blobs. Those of a draft stay, as in `orphaned`."""
        return self.collectable(before).filter(blobs__isnull=True).exclude(version__state=VersionState.DRAFT)


class StoredObject(models.Model):
    class Kind(models.TextChoices):
        FILE = "file", "File"
        PACK = "pack", "Pack"
        RUN = "run", "Of a run"

    class State(models.TextChoices):
        EXPECTED = "expected", "Expected"
        UPLOADED = "uploaded", "Uploaded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    # The version that brings the bytes; others may share them, so the object outlives it.
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.SET_NULL, null=True, related_name="objects_brought"
    )
    key = models.CharField(max_length=1400)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    size = models.BigIntegerField(null=True, help_text="Null while bytes are expected of which only the md5 is known.")
    sha256 = models.CharField(max_length=64, null=True, help_text="What a single PUT is bound to.")
    md5 = models.CharField(max_length=32, null=True, help_text="The same, for clients that state no size and sha256.")
    # An md5 can be forged, so what a URL that is bound to one could still replace is read once more.
    url_expires_at = models.DateTimeField(
        null=True, help_text="Until when a signed URL can replace the bytes; null once they were read after it."
    )
    is_bound = models.BooleanField(default=False, help_text="The store refuses other bytes than the stated sha256's.")
    # Copies of the bytes that arrived elsewhere never share a key, so that a slow one cannot replace a verified one.
    reserved_key = models.CharField(
        max_length=1400, blank=True, default="", help_text="The key that clients know it by, where it is another."
    )
    part_size = models.BigIntegerField(null=True, help_text="Bytes of each part but the last, when sent in parts.")
    part_hashes = models.JSONField(default=list, help_text="sha256 of each part, when sent in parts.")
    upload_id = models.CharField(max_length=1024, blank=True, default="")
    # A signed URL that is not bound to the bytes could replace them after the version is final, so it leads elsewhere.
    incoming_key = models.CharField(max_length=200, blank=True, default="", help_text="Where the bytes arrive first.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.EXPECTED)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StoredObjectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="object_key_unique"),
            models.UniqueConstraint(
                fields=["reserved_key"], condition=~Q(reserved_key=""), name="object_reserved_key_unique"
            ),
            models.CheckConstraint(condition=Q(size__gte=0), name="object_size_is_natural"),
            models.CheckConstraint(condition=Q(kind__in=["file", "pack", "run"]), name="object_kind_is_known"),
            models.CheckConstraint(
                condition=Q(size__isnull=False) | Q(state="expected", md5__isnull=False), name="object_size_is_known"
            ),
            models.CheckConstraint(
                condition=Q(md5__isnull=True) | Q(md5__regex=validators.MD5), name="object_md5_is_hex"
            ),
            models.CheckConstraint(condition=Q(state__in=["expected", "uploaded"]), name="object_state_is_known"),
            models.CheckConstraint(
                condition=Q(sha256__isnull=True) | Q(sha256__regex=validators.SHA256), name="object_sha256_is_hex"
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="object_by_age"),
            models.Index(fields=["created_at"], condition=Q(kind="run"), name="object_of_run_by_age"),
            models.Index(fields=["project", "md5"], condition=Q(md5__isnull=False), name="object_by_md5"),
            models.Index(
                fields=["url_expires_at"], condition=Q(url_expires_at__isnull=False), name="object_by_url_expiry"
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def part_count(self) -> int:
        """How many PUTs bring the bytes."""
        return max(1, math.ceil(self.size / self.part_size)) if self.part_size and self.size is not None else 1

    @property
    def is_multipart(self) -> bool:
        return self.part_size is not None

    @property
    def is_incoming(self) -> bool:
        """Whether the bytes are still where a signed URL leads, and not yet where nobody can replace them."""
        return bool(self.incoming_key) and self.state == self.State.EXPECTED

    def new_key_beside(self) -> str:
        """A key that nobody has used, for another attempt to bring the same bytes."""
        return f"{self.reserved_key or self.key}~{uuid4().hex[:16]}"

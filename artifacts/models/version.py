"""A version of an artifact: a draft until it is finalized, immutable from then on."""

from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Left
from django.urls import reverse
from django.utils.functional import cached_property
from uuid_utils.compat import uuid7

from accounts.models.team import Membership
from artifacts import validators
from artifacts.models.reference_state import ReferenceState
from artifacts.models.version_state import VersionState
from artifacts.models.version_tag import tag_lines
from core import long_values
from core.bounded_count import COUNT_LIMIT
from core.compiled_queries import StringAgg
from projects.models.project import Project


class VersionQuerySet(models.QuerySet["ArtifactVersion"]):
    def visible_to(self, user: Any) -> Self:
        """Finalized versions of the projects that the user sees, and drafts of those where the user may write."""
        finalized = Q(state=ArtifactVersion.State.FINALIZED, artifact__project__in=Project.objects.visible_to(user))
        drafts = Q(state=ArtifactVersion.State.DRAFT, artifact__project__in=Project.objects.editable_by(user))
        return self.filter(finalized | drafts)

    def finalized(self) -> Self:
        return self.filter(state=ArtifactVersion.State.FINALIZED)

    def drafts(self) -> Self:
        return self.filter(state=ArtifactVersion.State.DRAFT)

    def with_contents_of(self, pk: UUID) -> Self:
        """The version of that id, which is no link, and all links to it: what is found out of its contents is of all.

        Two conditions, each of which an index answers.
        """
        return self.filter(Q(pk=pk) | Q(linked_version=pk))

    def update_contents(self, pk: UUID, **columns: Any) -> None:
        """Write what was found out of the contents of a version, which is no link: to it, then to all links to it.

        Whoever links it meanwhile has its row lock until the link is there: then the link is found, or begins with it.
        """
        self.filter(pk=pk).update(**columns)
        self.filter(linked_version=pk).update(**columns)

    def with_role_of(self, user: Any) -> Self:
        """Each with the user's role in its team as `role`; None for who is not in it."""
        memberships = Membership.objects.filter(team=OuterRef("artifact__project__team"), user=user)
        return self.annotate(role=Subquery(memberships.values("role")[:1]))

    def for_display(self) -> Self:
        """With everything that a row of a list shows, in a fixed number of queries."""
        rows = self.with_details().select_related("artifact__project__team")
        return long_values.defer(rows, "artifact", "artifact__project")

    def for_head(self) -> Self:
        """One, with all that its page shows above its tabs, in one query."""
        rows = self.select_related("run", "created_by", "artifact__project__team").with_alias_names().with_tag_lines()
        return long_values.defer(rows, "run", "artifact", "artifact__project")

    def with_alias_names(self) -> Self:
        """Each with its `alias_names`, in the same query; of very many the first ones."""
        aliases = (
            apps.get_model("artifacts", "ArtifactAlias").objects.filter(version=OuterRef("pk")).order_by("sort_key")
        )
        # Without a bound the order would be dropped.
        return self.annotate(alias_lines=StringAgg(aliases[: COUNT_LIMIT + 1], "alias"))

    def with_tag_lines(self) -> Self:
        """Each with its `tags`, in the same query."""
        return self.annotate(tag_lines=tag_lines(OuterRef("pk")))

    def with_tag(self, tag: str) -> Self:
        return self.filter(tag_set__tag=tag)

    def expired(self, now: datetime) -> Self:
        """Finalized ones whose time is over."""
        return self.finalized().filter(expires_at__lte=now)

    def with_previous(self) -> Self:
        """Each with the number of the finalized version before it as `previous_number`; None for the first."""
        before = self.model.objects.finalized().filter(artifact=OuterRef("artifact"), number__lt=OuterRef("number"))
        return self.annotate(previous_number=Subquery(before.order_by("-number").values("number")[:1]))

    def with_excerpt(self) -> Self:
        """Each with the beginning of its description as `excerpt`, instead of all of it and other long values."""
        return long_values.defer(self.annotate(excerpt=Left("description", long_values.EXCERPT_LENGTH)), "")

    def with_details(self) -> Self:
        """`for_display` where the artifact is loaded already, as it is for `artifact.versions`."""
        rows = long_values.defer(self.select_related("run", "created_by"), "run")
        return rows.with_tag_lines().prefetch_related("aliases")


class ArtifactVersion(models.Model):
    State = VersionState

    class Integrity(models.TextChoices):
        PENDING = "pending", "Pending"
        VERIFIED = "verified", "Verified"
        CORRUPT = "corrupt", "Corrupt"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    artifact = models.ForeignKey(
        "artifacts.Artifact", on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField(
        null=True, editable=False, help_text="Some drafts have none: they get it when they are finalized."
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT, editable=False)
    integrity = models.CharField(max_length=16, choices=Integrity.choices, default=Integrity.PENDING, editable=False)
    description = models.TextField(blank=True, default="")
    notes = models.TextField(blank=True, default="")
    metadata = models.JSONField(blank=True, default=dict)
    digest = models.CharField(
        max_length=64, null=True, editable=False, help_text="sha256 of the sorted file list; stated in a draft."
    )
    executable_digest = models.CharField(
        max_length=64, blank=True, default="", editable=False, help_text="sha256 of the paths of executable files."
    )
    wire_digest = models.CharField(
        max_length=32, null=True, editable=False,
        help_text="md5 of the file list, as the wandb client computes it; stated in a draft.",
    )  # fmt: skip
    file_count = models.PositiveIntegerField(default=0, editable=False)
    total_size = models.BigIntegerField(default=0, editable=False, help_text="Bytes of all files, references included.")
    reference_count = models.PositiveIntegerField(
        default=0, editable=False, help_text="How many of its files are references."
    )
    referenced_size = models.BigIntegerField(default=0, editable=False, help_text="Bytes of its references.")
    reference_state = models.CharField(
        max_length=16, choices=ReferenceState.choices, null=True, editable=False,
        help_text="The worst state of its references; null where it has none.",
    )  # fmt: skip
    references_checked_at = models.DateTimeField(null=True, editable=False)
    storage_path = models.CharField(max_length=300, editable=False, help_text="The prefix of its keys in the store.")
    run = models.ForeignKey(
        "projects.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="logged_versions", db_index=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True, help_text="A draft untouched for long is given up.")
    finalized_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    history_step = models.BigIntegerField(null=True, editable=False, help_text="The step of the run that logged it.")
    distributed_id = models.CharField(
        max_length=128, blank=True, default="", editable=False,
        help_text="What several writers of one draft call it; empty of others.",
    )  # fmt: skip
    requested_aliases = models.JSONField(
        default=list, blank=True, editable=False, help_text="Of a draft: what it is called once it is finalized."
    )
    superseded_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="+", editable=False,
        help_text="Of a draft that gave way: the version that had the same contents.",
    )  # fmt: skip
    linked_version = models.ForeignKey(
        "self", on_delete=models.RESTRICT, null=True, related_name="links", editable=False, db_index=False,
        help_text="Of a link in a collection: the version whose files it has, which is never a link itself.",
    )  # fmt: skip

    objects = VersionQuerySet.as_manager()
    LONG_VALUES = ("description", "notes", "metadata")

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "number"], name="version_number_unique"),
            models.CheckConstraint(condition=Q(number__gte=0), name="version_number_is_positive"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "finalized", "deleted"]), name="version_state_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="finalized") | Q(finalized_at__isnull=False), name="version_final_has_time"
            ),
            models.CheckConstraint(
                condition=~Q(state="finalized") | Q(number__isnull=False), name="version_final_has_number"
            ),
            models.CheckConstraint(
                condition=Q(integrity__in=["pending", "verified", "corrupt"]), name="version_integrity_is_known"
            ),
            models.CheckConstraint(
                condition=Q(wire_digest__isnull=True) | Q(wire_digest__regex=validators.MD5),
                name="version_wire_digest_is_hex",
            ),
            models.UniqueConstraint(
                fields=["artifact", "linked_version"],
                condition=Q(linked_version__isnull=False),
                name="version_link_unique",
            ),
            models.CheckConstraint(
                condition=Q(linked_version__isnull=True) | (Q(state="finalized") & ~Q(linked_version=F("id"))),
                name="version_link_is_final",
            ),
        ]
        indexes = [
            models.Index(fields=["artifact", "state", "-number"], name="version_by_state"),
            # For the table of versions, by each of its columns.
            models.Index(fields=["artifact", "file_count", "id"], name="version_by_file_count"),
            models.Index(fields=["artifact", "total_size", "id"], name="version_by_total_size"),
            # What a run logged, the newest first.
            models.Index(fields=["run", "id"], name="version_by_run"),
            models.Index(fields=["state", "touched_at"], name="version_untouched"),
            models.Index(fields=["state", "integrity", "id"], name="version_unverified"),
            models.Index(
                fields=["expires_at", "id"],
                condition=Q(state=VersionState.FINALIZED, expires_at__isnull=False),
                name="version_expiring",
            ),
            models.Index(
                fields=["linked_version", "id"],
                condition=Q(linked_version__isnull=False),
                name="version_by_linked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.artifact.name}:{self.version}" if self.version else f"{self.artifact.name} ({self.label})"

    def get_absolute_url(self) -> str:
        return reverse("version", args=self.url_args)

    @property
    def url_args(self) -> list[str]:
        """What its pages' URLs name, of a version whose artifact, project and team are loaded."""
        return [*self.artifact.url_args, self.url_name]

    @property
    def url_name(self) -> str:
        """`v3`, or the id of a draft that has no number yet."""
        return self.version or str(self.pk)

    @cached_property
    def alias_names(self) -> list[str]:
        """The aliases that point at it, by name. One query, unless they came along, or were set by who has them."""
        if "alias_lines" in self.__dict__:
            return self.alias_lines.split("\n") if self.alias_lines else []
        return [row.alias for row in self.aliases.all()]

    @cached_property
    def tags(self) -> list[str]:
        """Its tags, in the order in which it got them. One query, unless they came along."""
        if "tag_lines" in self.__dict__:
            return self.tag_lines.split("\n") if self.tag_lines else []
        return [row.tag for row in self.tag_set.all()]

    @property
    def ttl(self) -> timedelta | None:
        """How long it lives from when it was made; None for ever."""
        return self.expires_at - self.created_at if self.expires_at else None

    @property
    def version(self) -> str | None:
        return None if self.number is None else f"v{self.number}"

    @property
    def label(self) -> str:
        """`v3`, or of a draft without a number what tells it from others: `draft 5c0ffee1`."""
        return self.version or f"draft {self.pk.hex[-8:]}"

    @property
    def title(self) -> str:
        """The same as a sentence begins with it: `Version v3`, `Draft 5c0ffee1`."""
        return f"Version {self.version}" if self.version else self.label.capitalize()

    @property
    def previous_version(self) -> str | None:
        """The finalized version before it, such as `v2`, of one that was loaded `with_previous`."""
        return None if self.previous_number is None else f"v{self.previous_number}"

    @property
    def is_link(self) -> bool:
        """Whether it is one of a collection, and has the files of another version."""
        return self.linked_version_id is not None

    @property
    def contents_id(self) -> UUID:
        """The id of the version that has its files: its own, or that of the version that it links."""
        return self.linked_version_id or self.pk

    @property
    def contents(self) -> "ArtifactVersion":
        """That version. One query for a link, unless it came along. Not for the eyes of whoever sees the link alone."""
        return self.linked_version or self

    @property
    def files(self) -> Any:
        """The files of its contents, each with this version as its own, also where this is a link."""
        return self.own_files.model.objects.of(self) if self.is_link else self.own_files

    @property
    def has_references_alone(self) -> bool:
        """Whether it has files, and none of them has its bytes here, so that nothing of it can be verified."""
        return bool(self.reference_count) and not self.stored_count

    @property
    def stored_count(self) -> int:
        """How many of its files have their bytes here."""
        return self.file_count - self.reference_count

    @property
    def stored_size(self) -> int:
        """Bytes of those."""
        return self.total_size - self.referenced_size

    @property
    def is_finalized(self) -> bool:
        return self.state == self.State.FINALIZED

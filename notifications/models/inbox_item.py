"""An item in somebody's inbox, which may go by mail too."""

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from core import long_values
from events.models import Event
from projects.models.project import Project

if TYPE_CHECKING:
    from artifacts.models import AliasProposal


class InboxReason(models.TextChoices):
    WATCHING = "watching", "You watch it"
    CONCERNED = "concerned", "It concerns you"


class InboxItemQuerySet(models.QuerySet["InboxItem"]):
    def visible_to(self, user: Any) -> Self:
        """The user's own, of projects that the user may still see."""
        return self.filter(user=user, event__project__in=Project.objects.visible_to(user))

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def for_display(self) -> Self:
        return long_values.defer(self.select_related("event__project__team", "event__actor"), "event__project")


class InboxItem(models.Model):
    class Mail(models.TextChoices):
        NONE = "none", "None"
        PENDING = "pending", "Pending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        DROPPED = "dropped", "Dropped"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="inbox_items", db_index=False
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="inbox_items")
    reason = models.CharField(max_length=16, choices=InboxReason)
    read_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=10, choices=Mail, default=Mail.NONE)
    mail_attempts = models.PositiveIntegerField(default=0)
    next_mail_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    # Of an item that `proposal_notices.attach` has seen.
    proposal: "AliasProposal | None"

    objects = InboxItemQuerySet.as_manager()

    class Meta:
        db_table = "notifications_notice"
        verbose_name = "notification"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "event"], name="notice_unique"),
            models.CheckConstraint(
                condition=Q(mail="pending", next_mail_at__isnull=False) | (~Q(mail="pending") & Q(next_mail_at=None)),
                name="notice_mail_waits_or_is_over",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_newest"),
            models.Index(fields=["user"], condition=Q(read_at=None), name="notice_unread"),
            models.Index(fields=["next_mail_at"], condition=Q(mail="pending"), name="notice_mail_due"),
        ]

    def __str__(self) -> str:
        return f"{self.event} for {self.user}"

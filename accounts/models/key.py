"""API keys. Only a hash is kept; the value is shown once, when the key is made."""

from contextlib import suppress
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import DatabaseError, models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from knox.models import AbstractAuthToken
from knox.settings import CONSTANTS
from uuid_utils.compat import uuid7

from core import database_errors

USE_RECORDED_EVERY = timedelta(minutes=1)


class Scope(models.TextChoices):
    READ = "read", "Read"
    WRITE = "write", "Read and write"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def active(self) -> Self:
        """Keys that have not expired, of users who may sign in. Whatever else a key has to be is to be said here."""
        return self.filter(Q(expiry=None) | Q(expiry__gt=Now()), user__is_active=True)


class ApiKey(AbstractAuthToken):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, editable=False)
    token_key = models.CharField(
        max_length=CONSTANTS.MAXIMUM_TOKEN_PREFIX_LENGTH + CONSTANTS.TOKEN_KEY_LENGTH, editable=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.WRITE)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="key_digest_unique"),
            models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="key_scope_known"),
        ]
        indexes = [models.Index(fields=["token_key"], name="key_token_key")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def prefix(self) -> str:
        """The first characters of the value, to tell keys apart by."""
        return self.token_key[:12]

    @property
    def is_expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()

    def record_use(self) -> None:
        """Record that the key was used just now: at most one write a minute, however many requests there are.

        No request waits for it, or fails by it: where something else is writing, it is left for the next minute.
        """
        now = timezone.now()
        if self.last_used_at is None or self.last_used_at <= now - USE_RECORDED_EVERY:
            self.last_used_at = now
            with suppress(DatabaseError), database_errors.without_waiting():
                ApiKey.objects.filter(pk=self.pk).update(last_used_at=now)

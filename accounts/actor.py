"""The actor of a verb: created by the channel, passed first to every verb, and recorded by histories."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.db import models

from core.client_ip import client_ip

if TYPE_CHECKING:
    from accounts.models import ApiKey, User


class Channel(models.TextChoices):
    SDK = "sdk", "SDK"
    API = "api", "API"
    WANDB = "wandb", "wandb client"
    WEB = "web", "Web"
    ADMIN = "admin", "Admin"
    WORKER = "worker", "Worker"


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, with the channel, API key, IP address and reason of one request.

    `user` is None where a worker acts by itself. `is_staff` means that they act in Django admin, which has
    checked Django's own permission: it replaces a role in the team.
    """

    user: "User | None"
    channel: Channel = Channel.WORKER
    key: "ApiKey | None" = None
    ip: str | None = None
    user_agent: str = ""
    reason: str = ""
    is_staff: bool = False

    @property
    def is_wandb(self) -> bool:
        """Whether it acts through the official `wandb` client, whose names may be what ours may not."""
        return self.channel == Channel.WANDB

    @classmethod
    def from_api(cls, request: Any, reason: str = "") -> Self:
        """The caller of the API. The SDK is known by its User-Agent."""
        agent = request.META.get("HTTP_USER_AGENT", "")[:300]
        channel = Channel.SDK if agent.startswith("wanllmdb-sdk/") else Channel.API
        return cls(request.user, channel, request.auth, client_ip(request.META), agent, reason)

    @classmethod
    def from_wandb(cls, request: Any, key: "ApiKey") -> Self:
        """The official `wandb` client, by its API key."""
        agent = request.META.get("HTTP_USER_AGENT", "")[:300]
        return cls(key.user, Channel.WANDB, key, client_ip(request.META), agent)

    @classmethod
    def from_page(cls, request: Any, reason: str = "") -> Self:
        """The user of a page."""
        agent = request.headers.get("User-Agent", "")[:300]
        return cls(request.user, Channel.WEB, None, client_ip(request.META), agent, reason)

    @classmethod
    def from_admin(cls, request: Any, reason: str = "") -> Self:
        """Staff in Django admin, who have Django's own permission for the act."""
        agent = request.headers.get("User-Agent", "")[:300]
        ip = client_ip(request.META)
        return cls(request.user, Channel.ADMIN, None, ip, agent, reason, is_staff=True)

"""Where an act came from: by which face of the product, with which key. History keeps it beside who and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from accounts.models import ApiKey


class Channel(models.TextChoices):
    SDK = "sdk", "SDK"
    API = "api", "API"
    WEB = "web", "Web"
    ADMIN = "admin", "Admin"
    WORKER = "worker", "Worker"


@dataclass(frozen=True)
class Origin:
    face: Channel = Channel.WORKER
    key: "ApiKey | None" = None
    reason: str = ""
    ip_address: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, request: Any, reason: str = "") -> "Origin":
        """The origin of a request to the API."""
        return cls.of_call(request.META, request.auth, reason)

    @classmethod
    def of_call(cls, meta: Mapping[str, Any], key: "ApiKey | None", reason: str = "") -> "Origin":
        """The same by what WSGI tells of the request. The SDK is told from other callers by its User-Agent."""
        agent = meta.get("HTTP_USER_AGENT", "")[:300]
        face = Channel.SDK if agent.startswith("wanllmdb-sdk/") else Channel.API
        return cls(face, key, reason, meta.get("REMOTE_ADDR") or None, agent)

    @classmethod
    def of_page(cls, request: Any, reason: str = "") -> "Origin":
        """The origin of an act on a page."""
        agent = request.headers.get("User-Agent", "")[:300]
        return cls(Channel.WEB, None, reason, request.META.get("REMOTE_ADDR") or None, agent)

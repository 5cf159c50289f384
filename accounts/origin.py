"""Where an act came from: by which face of the product, with which key. History keeps it beside who and why."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    from accounts.models import ApiKey


class Face(models.TextChoices):
    SDK = "sdk", "SDK"
    API = "api", "API"
    WEB = "web", "Web"
    ADMIN = "admin", "Admin"
    WORKER = "worker", "Worker"


@dataclass(frozen=True)
class Origin:
    face: Face = Face.WORKER
    key: "ApiKey | None" = None
    reason: str = ""
    ip_address: str | None = None
    user_agent: str = ""

    @classmethod
    def of(cls, request: Any, reason: str = "", key: "ApiKey | None" = None) -> "Origin":
        """The origin of a request to the API: its key, and the SDK told from other callers by its User-Agent."""
        agent = request.headers.get("User-Agent", "")[:300]
        sdk = agent.startswith("wanllmdb-sdk/")
        return cls(
            face=Face.SDK if sdk else Face.API,
            key=key or request.auth,
            reason=reason,
            ip_address=request.META.get("REMOTE_ADDR") or None,
            user_agent=agent,
        )

    @classmethod
    def of_page(cls, request: Any, reason: str = "") -> "Origin":
        """The origin of an act on a page."""
        agent = request.headers.get("User-Agent", "")[:300]
        return cls(Face.WEB, None, reason, request.META.get("REMOTE_ADDR") or None, agent)

"""What the page of an artifact shows under each of its tabs; the page asks for it, and so do the parts that change."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from accounts import permissions
from accounts.web import pages
from artifacts import histories
from artifacts.models import Artifact, ArtifactVersion
from artifacts.web import board

PAGE_SIZE = 50
ALIASES_ABOUT = 12


def shown(request: HttpRequest, artifact: Artifact, tab: str) -> dict[str, Any]:
    """The whole context of a tab of an artifact that `find_artifact` found."""
    own = _OWN[tab](request, artifact)
    return around(artifact, tab) | own


def around(artifact: Artifact, tab: str) -> dict[str, Any]:
    """What stands around every tab."""
    return {
        "artifact": artifact,
        "project": artifact.project,
        "tab": tab,
        # Asked for only where nothing on the tab knows it.
        "alias_count": lambda: pages.total(artifact.alias_set.all()),
        "seen": board.stamp(artifact),
        "place": "artifacts",
    } | permissions.shown(artifact.role)


def _overview(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    aliases = artifact.alias_set.select_related("version").order_by("alias")[:ALIASES_ABOUT]
    return {"newest": _versions(request, artifact).finalized().first(), "aliases": aliases}


def _version_list(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    return {"page": pages.numbered(request, _versions(request, artifact), PAGE_SIZE)}


def _aliases(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    reader = board.Reader(request.user, artifact, artifact.role)
    page = pages.numbered(request, artifact.alias_set.select_related("version"), PAGE_SIZE)
    waiting = board.waiting(reader)
    rows = board.lines(reader, page, waiting) if page.paginator.count else []
    return {"page": page, "lines": rows, "waiting": waiting, "rules": reader.rules, "alias_count": page.paginator.total}


def _history(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    events, older = histories.of_artifact(artifact, request.GET.get("before", ""), PAGE_SIZE)
    return {"events": events, "older": older}


def _versions(request: HttpRequest, artifact: Artifact) -> Any:
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact)
    return visible.for_display().order_by("-number")


_OWN: dict[str, Callable[[HttpRequest, Artifact], dict[str, Any]]] = {
    "overview": _overview,
    "versions": _version_list,
    "aliases": _aliases,
    "history": _history,
}

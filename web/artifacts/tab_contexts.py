"""What the page of an artifact shows under each of its tabs; the page asks for it, and so do the parts that change."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from accounts import permissions
from accounts.actor import Actor
from artifacts import timeline
from artifacts.models import Artifact, ArtifactVersion
from web import rendering
from web.aliases import view_models

PAGE_SIZE = 50
ALIASES_ABOUT = 12


def tab_context(request: HttpRequest, artifact: Artifact, tab: str) -> dict[str, Any]:
    """The whole context of a tab of an artifact that `find_artifact` found."""
    own = _OWN[tab](request, artifact)
    return base_context(artifact, tab) | own


def base_context(artifact: Artifact, tab: str) -> dict[str, Any]:
    """What stands around every tab."""
    return {
        "artifact": artifact,
        "project": artifact.project,
        "tab": tab,
        # Asked for only where nothing on the tab knows it.
        "alias_count": lambda: rendering.total(artifact.alias_set.all()),
        "seen": view_models.state_token(artifact),
        "place": "artifacts",
    } | permissions.template_flags(artifact.role)


def _overview(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    aliases = artifact.alias_set.select_related("version").order_by("alias")[:ALIASES_ABOUT]
    return {"newest": _versions(request, artifact).finalized().first(), "aliases": aliases}


def _version_list(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    return {"page": rendering.paginate(request, _versions(request, artifact), PAGE_SIZE)}


def _aliases(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    reader = view_models.Viewer(Actor.from_page(request), artifact, artifact.role)
    page = rendering.paginate(request, artifact.alias_set.select_related("version"), PAGE_SIZE)
    waiting = view_models.pending_proposals(reader)
    rows = view_models.alias_rows(reader, page, waiting) if page.paginator.count else []
    return {"page": page, "lines": rows, "waiting": waiting, "rules": reader.rules, "alias_count": page.paginator.total}


def _history(request: HttpRequest, artifact: Artifact) -> dict[str, Any]:
    events, older = timeline.of_artifact(artifact, request.GET.get("before", ""), PAGE_SIZE)
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

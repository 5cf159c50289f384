"""What the page of an artifact shows around its tabs, and under those that are about all of the artifact.

The context of the tab Aliases is in `web.aliases.tab_contexts`. Each is a function of the reader's request, an artifact
of `get_artifact_for_display`, and the query string of the page: the page asks for it, and so do its live updates.
"""

from typing import Any

from django.http import HttpRequest, QueryDict

from accounts import permissions
from artifacts import timeline
from artifacts.aliases import excerpts
from artifacts.models import AliasRule, Artifact, ArtifactVersion
from core.bounded_count import format_count
from web import rendering
from web.aliases.state import state_token

PAGE_SIZE = 50


def base_context(artifact: Artifact, tab: str, rules: list[AliasRule] | None = None) -> dict[str, Any]:
    """What stands around every tab; `rules` are those that cover the artifact, where the tab has read them."""
    if rules is None:
        excerpts.attach([artifact])
    else:
        excerpts.attach_to_one(artifact, rules)
    return {
        "artifact": artifact,
        "project": artifact.project,
        "tab": tab,
        "alias_count": format_count(artifact.alias_excerpt.count),
        "state_token": state_token(artifact),
        "active_nav": "artifacts",
    } | permissions.template_flags(artifact.role)


def overview(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    newest = _visible_versions(request, artifact).finalized().first()
    return base_context(artifact, "overview") | {"newest": newest}


def versions(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    page = rendering.paginate(query, _visible_versions(request, artifact).with_excerpt(), PAGE_SIZE)
    return base_context(artifact, "versions") | {"page": page}


def history(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    events, older = timeline.of_artifact(artifact, query.get("before", ""), PAGE_SIZE)
    return base_context(artifact, "history") | {"events": events, "older": older}


def _visible_versions(request: HttpRequest, artifact: Artifact) -> Any:
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact)
    return visible.for_display().order_by("-number")

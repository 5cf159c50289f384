"""What the page of an artifact shows around its tabs, and under those that are about all of the artifact.

The context of the tab Aliases is in `web.aliases.tab_contexts`. Each is a function of the reader's request, an artifact
of `get_artifact_for_display`, and the query string of the page: the page asks for it, and so do its live updates.
"""

from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts import permissions
from artifacts import timeline
from artifacts.models import Artifact, ArtifactVersion
from web import rendering, tables
from web.aliases.state import state_token
from web.artifacts.forms import VersionFilter

PAGE_SIZE = 50
MAX_OVERVIEW_ALIASES = 12
VERSION_FIELDS = ("metadata",)
# Numbers and times of versions have one order.
VERSION_ORDERINGS = {"number": "number", "files": "file_count", "size": "total_size", "created": "number"}


def base_context(artifact: Artifact, tab: str) -> dict[str, Any]:
    """What stands around every tab."""
    return {
        "artifact": artifact,
        "project": artifact.project,
        "tab": tab,
        # Asked for only where nothing on the tab knows it.
        "alias_count": lambda: rendering.total(artifact.alias_set.all()),
        "state_token": state_token(artifact),
        "active_nav": "artifacts",
    } | permissions.template_flags(artifact.role)


def overview(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    aliases = artifact.alias_set.for_display().order_by("alias")[:MAX_OVERVIEW_ALIASES]
    newest = _visible_versions(request, artifact).finalized().first()
    return base_context(artifact, "overview") | {"newest": newest, "aliases": aliases}


def versions(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    form, view = VersionFilter(query), versions_view(query)
    form.is_valid()
    rows = form.narrow(request.user, "versions", _visible_versions(request, artifact))
    page = rendering.paginate(query, tables.sort(rows, view, VERSION_ORDERINGS).with_excerpt(), PAGE_SIZE)
    page.object_list = list(page)
    tables.fill(page.object_list, view)
    return base_context(artifact, "versions") | {
        "page": page,
        "query": form.query,
        "view": view,
        "sort": view.sort,
        "headers": tables.headers(view, query),
        "picker_url": f"{reverse('version-columns', args=artifact.url_args)}?{query.urlencode()}",
    }


def versions_view(query: QueryDict) -> tables.View:
    return tables.chosen(query, VERSION_FIELDS, VERSION_ORDERINGS, "-number")


def history(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    events, older = timeline.of_artifact(artifact, query.get("before", ""), PAGE_SIZE)
    return base_context(artifact, "history") | {"events": events, "older": older}


def _visible_versions(request: HttpRequest, artifact: Artifact) -> Any:
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact)
    return visible.for_display().order_by("-number")

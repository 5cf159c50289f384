"""What the page of an artifact shows around its tabs, and under those that are about all of the artifact.

The context of the tab Aliases is in `web.aliases.tab_contexts`. Each is a function of the reader's request, an artifact
of `get_artifact_for_display`, and the query string of the page: the page asks for it, and so do its live updates.
"""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts import permissions
from artifacts import current_version, highlights, link_sources, timeline
from artifacts.aliases import excerpts
from artifacts.models import AliasRule, Artifact, ArtifactVersion
from artifacts.references import checks
from core.bounded_count import format_count
from web import cards, rendering, tables
from web.aliases.state import state_token
from web.artifacts import snippets
from web.artifacts.forms import VersionFilter

PAGE_SIZE = 50
MAX_DRAFTS = 20
VERSION_FIELDS = ("metadata",)
# Numbers and times of versions have one order.
VERSION_ORDERINGS = {"number": "number", "files": "file_count", "size": "total_size", "created": "number"}


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
        "current": current_version.of(artifact),
        "state_token": state_token(artifact),
        "active_nav": active_nav(artifact),
    } | permissions.template_flags(artifact.role)


def active_nav(artifact: Artifact) -> str:
    """The part of the main navigation that its pages belong to."""
    return "registry" if artifact.is_collection else "artifacts"


def overview(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    """The artifact, and the version that people use; None before the first one is finalized."""
    context = base_context(artifact, "overview")
    version = None
    if current := context["current"]:
        visible = checks.annotate(_visible_versions(request, artifact).with_previous())
        version = visible.finalized().filter(number=current.number).first()
    if version:
        version.artifact = artifact
        link_sources.attach(request.user, [version])
        context |= _version_bar(artifact, version)
        context |= _inside(request, version, current.alias or version.version, query)
    return context | {"version": version, "drafts": _drafts_for_editors(request, context)}


def version_head(artifact: Artifact, version: ArtifactVersion, tab: str = "files") -> dict[str, Any]:
    """What stands around the pages of a version of `get_version_for_display`."""
    return base_context(artifact, tab) | _version_bar(artifact, version) | {"is_of_version": True}


def version(request: HttpRequest, version: ArtifactVersion) -> dict[str, Any]:
    """The page of a version of `get_version_for_display`, without its list of files."""
    inside = _inside(request, version, version.version, request.GET)
    return version_head(version.artifact, version) | inside


def version_context(version: ArtifactVersion) -> dict[str, Any]:
    """What every part of the page of a version shows of it."""
    return {
        "version": version,
        "artifact": version.artifact,
        "project": version.artifact.project,
        "version_url": version.get_absolute_url(),
        "is_pending": version.is_finalized and version.integrity == ArtifactVersion.Integrity.PENDING,
        "active_nav": active_nav(version.artifact),
    }


def _inside(request: HttpRequest, version: ArtifactVersion, suffix: str, query: QueryDict) -> dict[str, Any]:
    """The card of a version, and how one gets at what it holds as `name:suffix`."""
    found = highlights.of(version)
    # A page asks no external store for anything, unless it is about one file that is there.
    card = found.card if found.card and not found.card.is_reference else None
    base_url = request.build_absolute_uri("/").rstrip("/")
    return {
        "readme": cards.view(card, query, str(request.user.pk)) if card else None,
        "snippets": snippets.of_version(version, suffix, found.paths, base_url) if version.is_finalized else [],
    }


def _version_bar(artifact: Artifact, version: ArtifactVersion) -> dict[str, Any]:
    number = artifact.production_number
    return version_context(version) | {"production": f"v{number}" if number not in (None, version.number) else None}


def versions(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    form, view = VersionFilter(query), versions_view(query)
    form.is_valid()
    rows = _visible_versions(request, artifact).finalized()
    rows = form.narrow(request.user, "versions", rows, artifact=artifact)
    rows = tables.sort(rows, view, VERSION_ORDERINGS, at_most=artifact.version_count).with_excerpt()
    is_filtered = bool(form.query["text"]) and not view.is_partial
    page = rendering.paginate(query, rows, PAGE_SIZE, is_filtered=is_filtered)
    page.object_list = list(page)
    tables.fill(page.object_list, view)
    link_sources.attach(request.user, page.object_list)
    context = base_context(artifact, "versions")
    return context | {
        "noun": "links" if artifact.is_collection else "versions",
        "page": page,
        "drafts": _drafts_for_editors(request, context),
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
    link_sources.attach(request.user, [event.link for event in events if event.link])
    return base_context(artifact, "history") | {"events": events, "older": older}


def drafts(request: HttpRequest, artifact: Artifact) -> QuerySet[ArtifactVersion]:
    """The drafts that the reader may write, whoever began them, those that were changed last first."""
    return _visible_versions(request, artifact).drafts().with_excerpt().order_by("-touched_at", "-id")


def _drafts_for_editors(request: HttpRequest, context: dict[str, Any]) -> QuerySet[ArtifactVersion] | None:
    artifact = context["artifact"]
    return drafts(request, artifact)[:MAX_DRAFTS] if context["may_edit"] and not artifact.is_collection else None


def _visible_versions(request: HttpRequest, artifact: Artifact) -> Any:
    visible = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact)
    return visible.for_display().order_by("-number")

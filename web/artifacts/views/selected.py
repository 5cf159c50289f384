"""What is done with several artifacts or versions that were ticked in their table."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts import deletion_preview
from artifacts import selection as verbs
from artifacts.models import Artifact, ArtifactVersion
from core import long_values
from web import deletion, selection
from web.artifacts.lookups import get_artifact
from web.lineage import warnings
from web.rendering import post_data


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_versions(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, role=Role.EDITOR, **url_kwargs)
    back = reverse("artifact-versions", args=artifact.url_args)
    items = selection.items(request, _versions(request, artifact))
    if not items:
        return selection.nothing_selected(request, back)
    form = selection.DeleteVersionsForm(post_data(request))
    if form.is_valid():
        outcomes = verbs.delete_versions(Actor.from_page(request), items, **form.cleaned_data)
        return selection.respond(request, outcomes, "unlinked" if artifact.is_collection else "deleted", back)
    refusals = deletion_preview.refusals_of_versions(Actor.from_page(request), artifact, items)
    rows = [
        selection.Row(item, f"{deletion.files_of(item)}{_aliases(item)}", refusals.get(item.pk, "")) for item in items
    ]
    message = "The version numbers won't be reused. This action cannot be undone."
    if artifact.is_collection:
        message = "The versions that they link to stay, with their files. You can link them again, under new numbers."
    context: dict[str, Any] = {"message": message}
    verb, noun = "Unlink" if artifact.is_collection else "Delete", _noun(artifact)
    deleted = [item for item in items if item.pk not in refusals]
    context |= {
        "submit_label": verb,
        "danger": True,
        "warning": warnings.of_versions(request.user, deleted, artifact),
    }
    count = len(deleted) or len(items)
    heading = f"{verb} {count} {noun}{pluralize(count)} of {artifact.name}?"
    return selection.render_confirmation(request, form, rows, heading, back, **context)


@login_required
@require_safe
def download_versions(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """A link to the zip of each."""
    artifact = get_artifact(request, **url_kwargs)
    back = reverse("artifact-versions", args=artifact.url_args)
    items = selection.items(request, _versions(request, artifact).finalized())
    if not items:
        return selection.nothing_selected(request, back)
    return _render_downloads(request, items, back)


@login_required
@require_safe
def compare_versions(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """To the comparison of the older with the newer."""
    artifact = get_artifact(request, **url_kwargs)
    items = selection.items(request, _versions(request, artifact).finalized())
    if len(items) != 2:
        back = reverse("artifact-versions", args=artifact.url_args)
        return selection.nothing_selected(request, back, "Select two versions to compare.")
    query = urlencode({"base": items[1].version, "head": items[0].version})
    return redirect(f"{reverse('compare', args=artifact.url_args)}?{query}")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_artifacts(request: HttpRequest) -> HttpResponse:
    items = selection.items(request, _artifacts(request))
    if not items:
        return selection.nothing_selected(request, reverse("artifacts"))
    form = selection.NoForm(post_data(request))
    if form.is_valid():
        outcomes = verbs.delete_artifacts(Actor.from_page(request), items)
        return selection.respond(request, outcomes, "deleted", reverse("artifacts"))
    refusals = deletion_preview.refusals_of_artifacts(Actor.from_page(request), items)
    rows = [
        selection.Row(
            item,
            f"{item.project.full_name} · {item.version_count:,} {_noun(item)}{pluralize(item.version_count)}",
            refusals.get(item.pk, ""),
        )
        for item in items
    ]
    kept = " What collections link to stays." if any(item.is_collection for item in items) else ""
    message = f"All their versions, files and aliases will be deleted.{kept} This action cannot be undone."
    context: dict[str, Any] = {"message": message}
    deleted = [item for item in items if item.pk not in refusals]
    context |= {"submit_label": "Delete", "danger": True, "warning": warnings.of_artifacts(request.user, deleted)}
    count = len(deleted) or len(items)
    heading = f"Delete {count} artifact{pluralize(count)}?"
    return selection.render_confirmation(request, form, rows, heading, reverse("artifacts"), **context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tag_artifacts(request: HttpRequest) -> HttpResponse:
    items = selection.items(request, _artifacts(request))
    if not items:
        return selection.nothing_selected(request, reverse("artifacts"))
    form = selection.TagsForm(post_data(request))
    if form.is_valid():
        outcomes = verbs.tag_artifacts(Actor.from_page(request), items, **form.cleaned_data)
        return selection.respond(request, outcomes, "tagged", reverse("artifacts"))
    rows = [selection.Row(item, ", ".join(item.tags) or "no tags") for item in items]
    heading = f"Tag {len(items)} artifact{pluralize(len(items))}"
    return selection.render_confirmation(
        request, form, rows, heading, reverse("artifacts"), message="Tags now:", submit_label="Save"
    )


@login_required
@require_safe
def download_artifacts(request: HttpRequest) -> HttpResponse:
    """A link to the zip of the latest version of each."""
    chosen = selection.items(request, _artifacts(request))
    latest = ArtifactVersion.objects.finalized().filter(number=F("artifact__latest_version_number"))
    latest = long_values.defer(latest.filter(artifact__in=chosen).for_display(), "")
    items = list(latest.order_by("artifact__name", "artifact"))
    if not items:
        return selection.nothing_selected(request, reverse("artifacts"))
    return _render_downloads(request, items, reverse("artifacts"))


def _noun(artifact: Artifact) -> str:
    """What its versions are called."""
    return "link" if artifact.is_collection else "version"


def _versions(request: HttpRequest, artifact: Artifact) -> QuerySet[ArtifactVersion]:
    return ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact).for_display().order_by("-number")


def _artifacts(request: HttpRequest) -> QuerySet[Artifact]:
    return Artifact.objects.visible_to(request.user).with_tags().order_by("name", "pk")


def _aliases(version: ArtifactVersion) -> str:
    return f" · aliases: {', '.join(version.alias_names)}" if version.alias_names else ""


def _render_downloads(request: HttpRequest, items: list[ArtifactVersion], back: str) -> HttpResponse:
    heading = "Download" if len(items) == 1 else f"Download {len(items)} versions"
    return selection.render_confirmation(request, None, list(map(selection.Row, items)), heading, back)

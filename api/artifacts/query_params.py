"""Query strings of the registry: their serializers, and the querysets of its lists."""

import unicodedata
from typing import Any

from django.db.models import F, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from api.aliases.serializers import MomentField, ReasonField, scope_of
from api.pagination import CURSOR, CursorQuery, PageQuery, parse
from api.search_filter import QueryField, narrow
from artifacts.content import manifests
from artifacts.models import AliasProposal, Artifact, ArtifactFile, ArtifactVersion
from core.cursors import decode_cursor
from projects.models import Project

_ORDERINGS = ("name", "type", "version_count", "created_at", "updated_at")


class ArtifactQuery(PageQuery):
    q = QueryField()
    project = serializers.CharField(required=False, max_length=200, help_text="An id, or `team/project`.")
    type = serializers.CharField(required=False, max_length=128)
    kind = serializers.ChoiceField(Artifact.Kind.choices, required=False)
    name = serializers.CharField(required=False, max_length=128, help_text="The exact name, or a former one.")
    search = serializers.CharField(
        required=False, max_length=200, help_text="Part of a name, former name, description or tag."
    )
    tag = serializers.CharField(required=False, max_length=128)
    alias = serializers.CharField(required=False, max_length=128)
    ordering = serializers.ChoiceField(
        [*_ORDERINGS, *(f"-{column}" for column in _ORDERINGS)], required=False, default="-updated_at"
    )


class VersionQuery(PageQuery):
    q = QueryField()
    state = serializers.ChoiceField(["draft", "finalized"], required=False)
    ordering = serializers.ChoiceField(["number", "-number"], required=False, default="-number")


class FileQuery(CursorQuery):
    prefix = serializers.CharField(
        required=False, max_length=1024, trim_whitespace=False, help_text="`train/` for the files of a folder."
    )

    def validate_prefix(self, prefix: str) -> str:
        """As the paths are that it is compared with."""
        return unicodedata.normalize("NFC", prefix).removeprefix("./")


class FirstFiles(CursorQuery):
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=1000)


class ManifestQuery(FileQuery):
    format = serializers.ChoiceField(
        ["entries", "columns"],
        default="entries",
        help_text="An object for each file, or a list for each property: the same in a fraction of the time.",
    )
    cursor = serializers.RegexField(
        CURSOR,
        required=False,
        allow_blank=True,
        max_length=2048,
        help_text="`next_cursor` of the previous response. A request without it counts as a download; to get URLs of "
        "the first page anew, leave it empty.",
    )
    after = serializers.CharField(
        required=False, max_length=1024, trim_whitespace=False, help_text="The path to begin after."
    )
    limit = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=manifests.MAX_ROWS,
        help_text=f"At most {manifests.MAX_ENTRIES:,}, in columns {manifests.MAX_ROWS:,}: which is also the default.",
    )

    def validate_cursor(self, cursor: str) -> str:
        """The last path of the page before."""
        return decode_cursor(cursor, ArtifactFile, "path") if cursor else ""

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        most = manifests.MAX_ROWS if data["format"] == "columns" else manifests.MAX_ENTRIES
        if data.setdefault("limit", most) > most:
            raise serializers.ValidationError({"limit": [f"Ensure this value is less than or equal to {most}."]})
        if "after" in data and "cursor" in data:
            raise serializers.ValidationError("Give `cursor` or `after`, not both.")
        return data


class ResolveQuery(serializers.Serializer):
    name = serializers.CharField(
        max_length=400, help_text="`team/project/name:x`, where x is a version, else an alias."
    )
    type = serializers.CharField(required=False, max_length=128)
    at = MomentField(required=False, help_text="The time at which to resolve the alias.")


class AliasQuery(serializers.Serializer):
    at = MomentField(required=False, help_text="The time at which to look the alias up.")


class AliasDeleteQuery(serializers.Serializer):
    reason = ReasonField()


class SuggestionQuery(serializers.Serializer):
    q = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="The text typed so far.")


class ProposalQuery(CursorQuery):
    state = serializers.ChoiceField(AliasProposal.State.choices, required=False)


class RuleQuery(PageQuery):
    team = serializers.CharField(required=False, max_length=100, help_text="A name or id: the team's own rules.")
    project = serializers.CharField(
        required=False, max_length=200, help_text="An id, or `team/project`: the project's own rules."
    )
    artifact = serializers.UUIDField(
        required=False, help_text="All rules that apply to it, including its project's and team's."
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if len(scope_of(data)) > 1:
            raise serializers.ValidationError("Give exactly one of team, project and artifact.")
        return data


class DeleteArtifactQuery(serializers.Serializer):
    delete_aliases = serializers.BooleanField(default=True, help_text="If false, refuse where there are aliases.")


class DeleteVersionQuery(serializers.Serializer):
    delete_aliases = serializers.BooleanField(default=False, help_text="Also delete the aliases that point to it.")
    with_artifact = serializers.BooleanField(
        default=False, help_text="Also delete the artifact, if it has nothing but this draft."
    )


class SignatureQuery(serializers.Serializer):
    signature = serializers.CharField(default="", max_length=1000)


def artifacts(request: Request) -> QuerySet[Artifact]:
    """The artifacts that match the query string, in its order."""
    query = parse(request, ArtifactQuery)
    filters = {name: query[name] for name in ("type", "kind", "name", "tag", "alias") if name in query}
    if "project" in query:
        filters["project"] = Project.objects.visible_to(request.user).find(query["project"])
    rows = Artifact.objects.visible_to(request.user).filter_by(**filters)
    within = {"project": filters["project"]} if "project" in filters else {}
    rows = narrow(request, "artifacts", rows, query, **within)
    return rows.for_display().sorted_by(query["ordering"])


def versions(request: Request, artifact: Artifact) -> tuple[QuerySet[ArtifactVersion], str]:
    """The versions that match the query string, in its order, and what of them never changes."""
    query = parse(request, VersionQuery)
    rows = ArtifactVersion.objects.visible_to(request.user).filter(artifact=artifact)
    if "state" in query:
        rows = rows.filter(state=query["state"])
    rows = narrow(request, "versions", rows, query, artifact=artifact)
    if query.get("state") == ArtifactVersion.State.FINALIZED:
        return rows.for_display().order_by(query["ordering"]), query["ordering"]
    # A draft without a number comes after those that have one.
    number, is_descending = F("number"), query["ordering"].startswith("-")
    order = (number.desc(nulls_first=True), "-id") if is_descending else (number.asc(nulls_last=True), "id")
    return rows.for_display().order_by(*order), "-id"

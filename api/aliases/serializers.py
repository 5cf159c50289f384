"""Serializers of aliases, their history, protection rules and proposals."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from accounts.actor import Channel
from accounts.models import Role
from api.artifacts.serializers import VersionSerializer
from api.fields import BoundedDictField, EnumField, ProseField
from api.pagination import CursorQuery
from api.serialization import serialize
from artifacts import validators
from artifacts.aliases.suggestions import SuggestionReason
from artifacts.models import AliasChange, AliasProposal, AliasRule, ArtifactAlias
from artifacts.models.rule import SCOPES

MAX_ALIASES_A_CALL = 100
# About 1 MiB.
MAX_ALIASES_A_PAGE = 2000
MAX_CLOCK_SKEW = timedelta(minutes=1)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


class AliasNameField(serializers.CharField):
    """An alias as somebody writes it; whether it can be one is for `validators.check_alias` to say."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=validators.MAX_LABEL_LENGTH, trim_whitespace=False, **kwargs)


class ReasonField(ProseField):
    """The reason of a change, stored in the history."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=validators.MAX_REASON_LENGTH, required=False, **kwargs)


class TextOrNullField(serializers.CharField):
    """A text; null if it is empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, read_only=True, **kwargs)

    def to_representation(self, value: str) -> str | None:
        return value or None


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field):
    """A time in the past: RFC 3339, with a time zone.

    One that is not more than `MAX_CLOCK_SKEW` ahead is taken as the present: it is `now` on a clock that is fast.
    """

    default_error_messages = {
        "invalid": "Write date, time and zone, such as 2026-05-03T12:00:00Z or 2026-05-03T14:00:00+02:00.",
        "future": "That is in the future, which is not known yet: pass a time in the past.",
    }

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        # An empty value is an error, not the present: a script may have an empty variable by mistake.
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> datetime:
        # In a query string, a + that was not encoded as %2B arrives as a space.
        text = data.upper().replace(" ", "+") if isinstance(data, str) else ""
        if not _RFC3339.fullmatch(text):
            self.fail("invalid")
        try:
            moment = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")
        now = timezone.now()
        if moment > now + MAX_CLOCK_SKEW:
            self.fail("future")
        return min(moment, now)

    def to_representation(self, value: datetime) -> str:
        return serializers.DateTimeField().to_representation(value)


# --- Aliases ----------------------------------------------------------------------------------------------------------


class AliasSerializer(serializers.ModelSerializer):
    artifact_id = serializers.UUIDField()
    version_id = serializers.UUIDField()
    version = serializers.CharField(source="version.version")
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = ArtifactAlias
        fields = ("id", "artifact_id", "version_id", "version", "alias", "created_by", "created_at", "updated_at")


class AliasDetailSerializer(AliasSerializer):
    """An alias that was loaded `with_version`."""

    version_detail = serializers.SerializerMethodField()

    class Meta(AliasSerializer.Meta):
        fields = (*AliasSerializer.Meta.fields, "version_detail")

    def get_version_detail(self, alias: ArtifactAlias) -> VersionSerializer:
        return serialize(VersionSerializer, alias.version)


class AliasAtSerializer(serializers.Serializer):
    """The version of an alias at a time, from the `change` that had moved it there."""

    artifact_id = serializers.UUIDField(source="change.artifact_id")
    alias = serializers.CharField(source="change.alias")
    at = serializers.DateTimeField()
    version_id = serializers.UUIDField(source="change.to_version_id")
    version = serializers.CharField(source="change.after")
    since = serializers.DateTimeField(source="change.created_at", help_text="When the alias moved to this version.")
    changed_by = TextOrNullField(source="change.changed_by_name")
    reason = serializers.CharField(source="change.reason")
    version_detail = VersionSerializer(allow_null=True, help_text="Null if the version was deleted later.")


ALIAS_NOW_OR_THEN = PolymorphicProxySerializer(
    "AliasNowOrThen", [AliasDetailSerializer, AliasAtSerializer], resource_type_field_name=None
)


class AliasItemSerializer(AliasSerializer):
    """Needs the rules of the artifact as `rules` in the context."""

    protected = serializers.SerializerMethodField(help_text="Whether a rule matches it.")

    class Meta(AliasSerializer.Meta):
        fields = (*AliasSerializer.Meta.fields, "protected")

    def get_protected(self, alias: ArtifactAlias) -> bool:
        return any(rule.covers(alias.alias) for rule in self.context["rules"])


class AliasListQuery(CursorQuery):
    limit = serializers.IntegerField(min_value=1, max_value=MAX_ALIASES_A_PAGE, default=MAX_ALIASES_A_PAGE)


class AliasListSerializer(serializers.Serializer):
    items = AliasItemSerializer(many=True)
    total = serializers.IntegerField(help_text="On all pages.")
    next_cursor = serializers.CharField(allow_null=True)


class AliasesSerializer(serializers.Serializer):
    items = AliasSerializer(many=True)


class AliasesSetSerializer(AliasesSerializer):
    removed = serializers.ListField(child=serializers.CharField())


class AliasMove(serializers.Serializer):
    alias = AliasNameField()
    version_id = serializers.UUIDField()
    expected_version_id = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="Only if the alias is at this version; null: only if it does not exist.",
    )
    reason = ReasonField()
    artifact_id = serializers.UUIDField(required=False)


class UseArtifact(serializers.Serializer):
    name = serializers.CharField(
        max_length=400, required=False, help_text="`name:x` in the run's project, or `team/project/name:x`."
    )
    version_id = serializers.UUIDField(required=False, help_text="A version by its id, instead of a name.")
    alias = serializers.CharField(max_length=128, required=False, allow_null=True)
    version = serializers.CharField(max_length=20, required=False, allow_null=True)
    type = serializers.CharField(max_length=128, required=False, allow_null=True)
    at = MomentField(required=False, allow_null=True, help_text="Resolve the alias as of this time.")
    requested_as = AliasNameField(
        required=False,
        allow_null=True,
        help_text="The alias or version by which the program had found it, if that was before.",
    )
    run_id = serializers.UUIDField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if ("name" in data) == ("version_id" in data):
            raise serializers.ValidationError("Give a name or a version_id, and not both.")
        if "version_id" in data and any(data.get(field) for field in ("alias", "version", "at")):
            raise serializers.ValidationError("A version_id means one version: leave out alias, version and at.")
        return data


class AliasesSet(serializers.Serializer):
    aliases = BoundedDictField(
        max_length=MAX_ALIASES_A_CALL,
        child=serializers.CharField(max_length=36, allow_null=True),
        allow_empty=False,
        help_text="For each alias the id of a version, or a version such as `v3`; null removes the alias.",
    )
    expected = BoundedDictField(
        max_length=MAX_ALIASES_A_CALL,
        child=serializers.UUIDField(allow_null=True),
        required=False,
        help_text="For some of them: only if the alias is at this version; null: only if it does not exist.",
    )
    reason = ReasonField()
    artifact_id = serializers.UUIDField(required=False)

    def validate_aliases(self, targets: dict[str, str | None]) -> dict[str, str | None]:
        for alias in targets:
            validators.check_alias(alias)
        return targets

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if beyond := data.get("expected", {}).keys() - data["aliases"].keys():
            raise serializers.ValidationError({"expected": f"{min(beyond)!r} is not among the aliases to set."})
        return data


class AliasesSwapRequest(serializers.Serializer):
    one = AliasNameField()
    other = AliasNameField()
    reason = ReasonField()
    artifact_id = serializers.UUIDField(required=False)


class AliasRollbackRequest(serializers.Serializer):
    expected_version_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Only if the alias is at this version; null: only if it was removed."
    )
    reason = ReasonField()
    artifact_id = serializers.UUIDField(required=False)
    alias = AliasNameField(required=False)


class ChangeSerializer(serializers.ModelSerializer):
    """A row of the history, from its own columns only: the versions it names may be deleted."""

    from_version_id = serializers.UUIDField(allow_null=True)
    from_version = serializers.CharField(source="before", allow_null=True)
    to_version_id = serializers.UUIDField(allow_null=True)
    to_version = serializers.CharField(source="after", allow_null=True)
    changed_by = TextOrNullField(source="changed_by_name")
    face = serializers.ChoiceField(Channel.choices, source="channel")
    key = TextOrNullField(source="key_name", help_text="The name of the API key.")
    proposal_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = AliasChange
        fields = (
            "id", "alias", "number", "from_version_id", "from_version", "to_version_id", "to_version", "changed_by",
            "face", "key", "reason", "is_rollback", "proposal_id", "created_at",
        )  # fmt: skip


class SuggestionSerializer(serializers.Serializer):
    alias = serializers.CharField()
    why = serializers.ChoiceField(SuggestionReason.choices)


class SuggestionsSerializer(serializers.Serializer):
    items = SuggestionSerializer(many=True)


# --- Rules and proposals ----------------------------------------------------------------------------------------------


class RuleSerializer(serializers.ModelSerializer):
    """A rule of a `for_display` queryset."""

    team = serializers.CharField(source="team.name", allow_null=True, default=None)
    project = serializers.CharField(source="project.full_name", allow_null=True, default=None)
    artifact = serializers.UUIDField(source="artifact_id", allow_null=True)
    place = serializers.CharField(
        source="scope", help_text="The scope as text: `team acme`, `project acme/demo`, `artifact acme/demo/data`."
    )
    created_by = serializers.CharField(source="created_by.username", allow_null=True, default=None)

    class Meta:
        model = AliasRule
        fields = (
            "id", "team", "project", "artifact", "place", "pattern", "role", "needs_approval", "created_by",
            "created_at", "updated_at",
        )  # fmt: skip


class RuleUpdate(serializers.Serializer):
    pattern = AliasNameField(required=False, help_text="An alias, or a pattern: `*` matches any characters, `?` one.")
    role = EnumField(
        Role, some=(Role.EDITOR, Role.ADMIN), required=False, help_text="The minimum role to move a matching alias."
    )
    needs_approval = serializers.BooleanField(required=False, help_text="Whether a second person must approve a move.")


class RuleCreate(RuleUpdate):
    team = serializers.CharField(required=False, max_length=100, help_text="Its name or id.")
    project = serializers.CharField(required=False, max_length=200, help_text="Its id, or `team/project`.")
    artifact = serializers.UUIDField(required=False)
    pattern = AliasNameField(help_text="An alias, or a pattern: `*` matches any characters, `?` one.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if sum(scope in data for scope in SCOPES) != 1:
            raise serializers.ValidationError("Give the rule exactly one scope: a team, a project or an artifact.")
        return data


class ProposalSerializer(serializers.ModelSerializer):
    """A proposal of a `for_display` queryset."""

    artifact_id = serializers.UUIDField()
    artifact_name = serializers.CharField(source="artifact.full_name")
    from_version_id = serializers.UUIDField(allow_null=True)
    from_version = serializers.CharField(source="before", allow_null=True)
    to_version_id = serializers.UUIDField(allow_null=True)
    to_version = serializers.CharField(source="after", allow_null=True)
    proposed_by = serializers.CharField(source="proposed_by.username")
    decided_by = serializers.CharField(source="decided_by.username", allow_null=True, default=None)

    class Meta:
        model = AliasProposal
        fields = (
            "id", "artifact_id", "artifact_name", "alias", "from_version_id", "from_version", "to_version_id",
            "to_version", "is_rollback", "reason", "proposed_by", "state", "decided_by", "comment", "created_at",
            "decided_at",
        )  # fmt: skip


class ProposalCreate(serializers.Serializer):
    alias = AliasNameField()
    version_id = serializers.UUIDField(
        required=False, allow_null=True, help_text="Null to remove the alias. Left out of a rollback."
    )
    is_rollback = serializers.BooleanField(
        default=False, help_text="Back to the previous version, as a rollback would move it."
    )
    reason = ReasonField()
    artifact_id = serializers.UUIDField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["is_rollback"] and "version_id" in data:
            raise serializers.ValidationError({"version_id": "Leave it out: a rollback leads to the previous version."})
        if not data["is_rollback"] and "version_id" not in data:
            raise serializers.ValidationError({"version_id": "This field is required."})
        return data


class ProposalDecision(serializers.Serializer):
    comment = ReasonField()


def scope_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The entry for team, project or artifact, if there is one."""
    return {scope: data[scope] for scope in SCOPES if scope in data}

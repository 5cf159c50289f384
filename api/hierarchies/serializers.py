"""Serializers of hierarchies, and of what is around their records."""

from typing import Any
from urllib.parse import quote

from django.conf import settings
from rest_framework import serializers

from api.fields import EnumField, JSONObjectField, ProseField
from api.pagination import PageQuery
from hierarchies.models import Access, Hierarchy, Operation
from hierarchies.validators import NAME, NAME_RULE


class NameField(serializers.RegexField):
    """The name of a hierarchy."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(NAME, max_length=128, trim_whitespace=False, **kwargs)
        self.error_messages["invalid"] = NAME_RULE


class HierarchySerializer(serializers.ModelSerializer):
    """A hierarchy with its project, team and creator loaded."""

    project = serializers.UUIDField(source="project_id", read_only=True)
    project_name = serializers.CharField(source="project.full_name", read_only=True)
    full_name = serializers.CharField(read_only=True)
    level_labels = JSONObjectField(read_only=True)
    permissions = serializers.SerializerMethodField(help_text="Which operations are on.")
    created_by = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField(help_text="The base of its own API.")

    class Meta:
        model = Hierarchy
        fields = [
            "id", "project", "project_name", "name", "full_name", "description", "level_labels", "enforce_levels",
            "access", "permissions", "record_count", "url", "created_by", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_permissions(self, hierarchy: Hierarchy) -> dict[str, bool]:
        return {operation: hierarchy.is_on(operation) for operation in Operation.values}

    def get_created_by(self, hierarchy: Hierarchy) -> str | None:
        return hierarchy.created_by.username if hierarchy.created_by else None

    def get_url(self, hierarchy: Hierarchy) -> str:
        return f"{settings.BASE_URL}/h/{quote(hierarchy.full_name)}"


class HierarchyFields(serializers.Serializer):
    description = ProseField(required=False)
    level_labels = JSONObjectField(required=False, help_text='What records are called: `{"0": "experiment"}`.')
    enforce_levels = serializers.BooleanField(required=False, help_text="Refuse records on levels without a label.")
    access = EnumField(
        Access,
        required=False,
        help_text="Who reads it: who sees the project, or everyone. `open` is for demos: anyone on the server's own "
        "machine may write too, as long as the server is for that machine alone.",
    )
    permissions = JSONObjectField(required=False, help_text='Operations that are switched off: `{"delete": false}`.')


class HierarchyCreate(HierarchyFields):
    project = serializers.CharField(max_length=200, help_text="An id, or `team/name`.")
    name = NameField()


class HierarchyUpdate(HierarchyFields):
    name = NameField(required=False)


class HierarchyQuery(PageQuery):
    project = serializers.CharField(required=False, max_length=200, help_text="An id, or `team/name`.")
    name = serializers.CharField(required=False, max_length=128, help_text="The exact name.")


class HealthSerializer(serializers.Serializer):
    status = serializers.ChoiceField(["healthy", "unhealthy"])
    checks = serializers.DictField(child=JSONObjectField(), help_text="`state` and `message` of each part.")


class InfoSerializer(serializers.Serializer):
    """A hierarchy as a service describes itself."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()
    version = serializers.CharField(help_text="Of the server.")
    summary = serializers.CharField(allow_blank=True)
    hierarchy = HierarchySerializer()


def health_body(problems: dict[str, str | None]) -> dict[str, Any]:
    """The parts with what is wrong with them, as a service reports them."""
    checks = {
        name: {"state": "unhealthy" if problem else "healthy", "message": problem} for name, problem in problems.items()
    }
    return {"status": "unhealthy" if any(problems.values()) else "healthy", "checks": checks}

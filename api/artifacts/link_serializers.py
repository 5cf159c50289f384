"""Serializers of links."""

from rest_framework import serializers

from api.aliases.serializers import MAX_ALIASES_A_CALL, ReasonField
from api.artifacts.fields import AliasField
from api.fields import BoundedListField


class LinkCreate(serializers.Serializer):
    collection = serializers.CharField(
        max_length=400, help_text="`team/project/name`, which is made if there is none of that name, or an id."
    )
    aliases = BoundedListField(child=AliasField(), required=False, max_length=MAX_ALIASES_A_CALL)
    reason = ReasonField()
    version_id = serializers.UUIDField(required=False)

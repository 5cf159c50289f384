"""Serializers of users, API keys, teams and members."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.models import ApiKey, Invitation, Membership, Role, Scope, Team, User
from accounts.validators import OWNER_NAME, OWNER_NAME_RULE
from api.fields import EnumField, LineField

TEN_YEARS = timedelta(days=3653)


class OwnerNameField(serializers.RegexField):
    """The name of a user or team."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(OWNER_NAME, max_length=64, trim_whitespace=False, **kwargs)
        self.error_messages["invalid"] = OWNER_NAME_RULE


class KeySerializer(serializers.ModelSerializer):
    prefix = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields = ["id", "name", "prefix", "scope", "created_at", "expires_at", "last_used_at"]
        read_only_fields = fields


class NewKeySerializer(KeySerializer):
    """The only response with the value of a key."""

    value = serializers.CharField(read_only=True)

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "value"]
        read_only_fields = fields


class KeyCreate(serializers.Serializer):
    name = LineField(max_length=100)
    scope = EnumField(Scope, default=Scope.WRITE)
    expires_in = serializers.IntegerField(
        required=False, min_value=1, max_value=int(TEN_YEARS.total_seconds()), help_text="Seconds from now."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        seconds = data.pop("expires_in", None)
        if seconds is not None and data.get("expires_at") is not None:
            raise serializers.ValidationError("Send expires_in or expires_at, not both.")
        if seconds is not None:
            data["expires_at"] = timezone.now() + timedelta(seconds=seconds)
        return data


class TeamSerializer(serializers.ModelSerializer):
    """A team of a `visible_to` queryset, which has the user's role in it."""

    role = EnumField(Role, read_only=True, help_text="Your role.")

    class Meta:
        model = Team
        fields = ["id", "name", "display_name", "is_personal", "role", "created_at"]
        read_only_fields = fields


class TeamCreate(serializers.Serializer):
    name = OwnerNameField()
    display_name = LineField(required=False, allow_blank=True)


class TeamUpdate(serializers.Serializer):
    name = OwnerNameField(required=False)
    display_name = LineField(required=False, allow_blank=True)


class MemberSerializer(serializers.ModelSerializer):
    username = serializers.CharField(source="user.username", read_only=True)
    is_service_account = serializers.BooleanField(source="user.is_service_account", read_only=True)

    class Meta:
        model = Membership
        fields = ["username", "role", "is_service_account", "created_at"]
        read_only_fields = fields


class MemberCreate(serializers.Serializer):
    username = OwnerNameField()
    role = EnumField(Role)


class ServiceAccountCreate(serializers.Serializer):
    username = OwnerNameField()
    role = EnumField(Role, default=Role.EDITOR, help_text="`viewer` or `editor`.")
    description = LineField(required=False, allow_blank=True, max_length=150)


class InvitationSerializer(serializers.ModelSerializer):
    """An invitation of a user by name."""

    team = serializers.CharField(source="team.name", read_only=True)
    invited_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "team", "username", "role", "invited_by", "created_at", "expires_at"]
        read_only_fields = fields


class MemberUpdate(serializers.Serializer):
    username = serializers.CharField(max_length=64, required=False)
    role = EnumField(Role)


class MyTeamSerializer(serializers.ModelSerializer):
    class Meta:
        model = Team
        fields = ["id", "name", "display_name", "role", "is_personal"]
        read_only_fields = fields

    role = EnumField(Role, read_only=True)


class MyKeySerializer(serializers.ModelSerializer):
    expires_at = serializers.DateTimeField(source="expiry", read_only=True, allow_null=True)

    class Meta:
        model = ApiKey
        fields = ["id", "name", "scope", "expires_at"]
        read_only_fields = fields


class MeSerializer(serializers.ModelSerializer):
    """The current user, with `teams` and `key` set by the view."""

    # Not an EmailField, whose schema would not allow an empty address.
    email = serializers.CharField(help_text="May be empty.")
    default_team = serializers.CharField(
        source="default_team_name", allow_null=True, help_text="The default team for new projects."
    )
    teams = MyTeamSerializer(many=True)
    key = MyKeySerializer(allow_null=True, help_text="The API key of this request; null for a session.")

    class Meta:
        model = User
        fields = ["id", "username", "email", "is_staff", "default_team", "teams", "key"]
        read_only_fields = fields

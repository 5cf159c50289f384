"""How long a version lives, in seconds."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from artifacts import validators


class TtlField(serializers.IntegerField):
    """A timedelta in seconds."""

    def __init__(self, **kwargs: Any) -> None:
        limits = (
            {} if kwargs.get("read_only") else {"min_value": 1, "max_value": int(validators.MAX_TTL.total_seconds())}
        )
        super().__init__(**limits, **kwargs)

    def to_internal_value(self, data: Any) -> timedelta:
        return timedelta(seconds=super().to_internal_value(data))

    def run_validators(self, value: Any) -> None:
        super().run_validators(int(value.total_seconds()))

    def to_representation(self, value: timedelta) -> int:
        return int(value.total_seconds())

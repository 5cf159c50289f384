"""What a request says, read by the serializers that also document it."""

from functools import cache
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer


@cache
def lasting(serializer: type[Serializer]) -> Serializer:
    """One of the class that holds no data, for all: making a serializer's fields takes longer than what they do.

    Its `run_validation` and `to_representation` may be called by several threads at once.
    """
    return serializer()


def shown(serializer: type[Serializer], thing: Any) -> dict[str, Any]:
    """What `serializer(thing).data` is, of a serializer that looks at no context."""
    return lasting(serializer).to_representation(thing)


def checked(form: type[Serializer], data: Any) -> dict[str, Any]:
    """What the form makes of the data. Raises DRF's `ValidationError`."""
    try:
        return lasting(form).run_validation(data)
    except ValidationError:
        pass
    # Once more, for the sentences as DRF arranges them.
    slow = form(data=data)
    slow.is_valid(raise_exception=True)
    return slow.validated_data


def read(form: type[Serializer], request: Request, *, partial: bool = False, **of_path: Any) -> dict[str, Any]:
    """The body, checked; with `partial`, only the fields that were sent.

    It may repeat what the address names; 400 where they differ.
    """
    if partial:
        body = form(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        data = dict(body.validated_data)
    else:
        data = dict(checked(form, request.data))
    for field, value in of_path.items():
        if data.pop(field, value) != value:
            raise ValidationError({field: ["This is another one than the address names."]})
    return data

"""What a request says, read by the serializers that also document it."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer


def read(form: type[Serializer], request: Request, *, partial: bool = False, **of_path: Any) -> dict[str, Any]:
    """The body, checked; with `partial`, only the fields that were sent.

    It may repeat what the address names; 400 where they differ.
    """
    body = form(data=request.data, partial=partial)
    body.is_valid(raise_exception=True)
    data = dict(body.validated_data)
    for field, value in of_path.items():
        if data.pop(field, value) != value:
            raise ValidationError({field: ["This is another one than the address names."]})
    return data

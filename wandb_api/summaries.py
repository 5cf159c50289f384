"""Objects that runs send as lines, such as their summary, as a column holds them."""

import json
from typing import Any

from django.core.exceptions import ValidationError

from core.validators import MAX_JSON_BYTES, validate_json_value
from wandb_api.scalars import without_nan


def read(line: str) -> dict[str, Any] | None:
    """The object that a line holds; None for what is none. What is too much for a column is left out of it."""
    try:
        value = without_nan(json.loads(line))
    except (ValueError, RecursionError):
        return None
    return fit(value) if isinstance(value, dict) else None


def fit(value: dict[str, Any]) -> dict[str, Any]:
    """The object without values that no column takes, and without the largest ones where they are too much together."""
    sizes = {key: size for key, one in value.items() if (size := _size(key, one)) is not None}
    left = MAX_JSON_BYTES - 2
    kept = set()
    for key in sorted(sizes, key=lambda one: sizes[one]):
        left -= sizes[key]
        if left < 0:
            break
        kept.add(key)
    return {key: one for key, one in value.items() if key in kept}


def _size(key: str, value: Any) -> int | None:
    """How many bytes it takes; None where no database takes it."""
    try:
        return len(validate_json_value({key: value}))
    except ValidationError:
        return None

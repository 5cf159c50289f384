"""Rules for hierarchies and their records. Pure functions, no database; each raises Django's `ValidationError`."""

import re
from typing import Any

from django.core.exceptions import ValidationError

from core.validators import validate_single_line

# A base URL of its own begins with it. Anchored so that Python and PostgreSQL read it alike.
NAME = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"
NAME_RULE = "Use 1 to 128 letters, digits, dots, dashes or underscores, and begin with a letter or digit."
# Of 64 levels, the deepest.
MAX_LEVEL = 63
MAX_LABEL_LENGTH = 64
MAX_TYPE_LENGTH = 64
OPERATIONS = ("create", "update", "delete", "list", "read", "tree", "expand", "download", "import", "export")


def validate_name(name: str) -> None:
    if not re.match(NAME, name):
        raise ValidationError(NAME_RULE, code="invalid")


def validate_level_labels(labels: Any) -> None:
    """Refuse what is not short distinct texts by the numbers of levels, as JSON has them: as texts."""
    if not isinstance(labels, dict):
        raise ValidationError('Give labels by level, such as {"0": "experiment", "1": "model"}.')
    for level, label in labels.items():
        if not (isinstance(level, str) and level.isascii() and level.isdigit() and str(int(level)) == level):
            raise ValidationError(f"{level!r} is not a level: levels are 0, 1, 2 … {MAX_LEVEL}.")
        if int(level) > MAX_LEVEL:
            raise ValidationError(f"There is no level {level}: the deepest is {MAX_LEVEL}.")
        if not isinstance(label, str) or not label.strip() or len(label) > MAX_LABEL_LENGTH:
            raise ValidationError(f"The label of level {level} must be a text of 1 to {MAX_LABEL_LENGTH} characters.")
        validate_single_line(label)


def validate_permissions(permissions: Any) -> None:
    """Refuse what is not true or false by operation."""
    if not isinstance(permissions, dict):
        raise ValidationError('Give true or false by operation, such as {"delete": false}.')
    for operation, is_on in permissions.items():
        if operation not in OPERATIONS:
            raise ValidationError(f"{operation!r} is not an operation: use {', '.join(OPERATIONS)}.")
        if not isinstance(is_on, bool):
            raise ValidationError(f"The operation {operation!r} is true or false.")


def validate_type(type: Any) -> None:
    """Refuse what is not a short text on one line; empty for no type."""
    if not isinstance(type, str) or len(type) > MAX_TYPE_LENGTH:
        raise ValidationError(f"A type is a text of at most {MAX_TYPE_LENGTH} characters.")
    validate_single_line(type)

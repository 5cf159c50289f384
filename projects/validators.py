"""Rules for the names of projects and runs."""

import re

from django.core.exceptions import ValidationError

# Anchored so that Python and PostgreSQL read it alike: `$` would let a trailing newline pass in Python.
NAME = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"
NAME_RULE = "Use 1 to 128 letters, digits, dots, dashes or underscores, and begin with a letter or digit."


def validate_name(name: str) -> None:
    if not re.match(NAME, name):
        raise ValidationError(NAME_RULE, code="invalid")

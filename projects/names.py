"""What a project or a run may be called."""

from django.core.validators import RegexValidator

# Anchored so that Python and PostgreSQL read it alike: `$` would let a trailing newline pass in Python.
NAME = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"

has_name_form = RegexValidator(
    NAME,
    "Use 1 to 128 letters, digits, dots, dashes or underscores, and begin with a letter or digit.",
    code="invalid",
)

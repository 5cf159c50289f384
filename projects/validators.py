"""Rules for the names of projects and runs."""

import re

from django.core.exceptions import ValidationError

from core.validators import validate_single_line

# Anchored so that Python and PostgreSQL read it alike: `$` would let a trailing newline pass in Python.
NAME = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z"
NAME_RULE = "Use 1 to 128 letters, digits, dots, dashes or underscores, and begin with a letter or digit."


MAX_PACKAGES = 1000
MAX_PACKAGE_LENGTH = 128


def validate_packages(packages: object) -> None:
    """Refuse what are not at most `MAX_PACKAGES` short texts by name."""
    if not isinstance(packages, dict) or len(packages) > MAX_PACKAGES:
        raise ValidationError(f"Give the versions of at most {MAX_PACKAGES:,} packages by their names.")
    for name, version in packages.items():
        if not isinstance(version, str) or max(len(name), len(version)) > MAX_PACKAGE_LENGTH:
            raise ValidationError(f"Names and versions of packages have at most {MAX_PACKAGE_LENGTH} characters.")
        validate_single_line(name + version)


def validate_name(name: str) -> None:
    if not re.match(NAME, name):
        raise ValidationError(NAME_RULE, code="invalid")

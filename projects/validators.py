"""Rules for the names of projects and runs."""

import re

from django.core.exceptions import ValidationError

from core.validators import validate_single_line

# What clients accept: no character that means something in a URL, none that is invisible or turns text around, and
# no space at either end. Anchored and escaped so that Python and PostgreSQL read it alike: `$` would let a trailing
# newline pass in Python.
_CONTROL = r"\u0001-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
# `\u0025` is the percent sign, which drivers of databases read as the place of a parameter.
_INSIDE = rf"[^/\\#?\u0025:{_CONTROL}]"
_AT_ENDS = rf"[^/\\#?\u0025: {_CONTROL}]"
NAME = rf"\A(?![.]{{1,2}}\Z)(?={_AT_ENDS}){_INSIDE}{{0,127}}{_AT_ENDS}\Z"
NAME_RULE = r"Use 1 to 128 characters on one line, none of / \ # ? % : and no space at the ends."
# What is not seen, or is seen as a space: two names would look alike. Signs that join emoji are for these alone.
_INVISIBLE = re.compile(
    r"[\u00a0\u00ad\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200c\u202f\u205f-\u2065\u206a-\u206f\u2800"
    r"\u3000\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
    r"|(?<![\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200d\ufe0f]|\u200d\Z"
)

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
    if not re.match(NAME, name) or not _is_storable(name):
        raise ValidationError(NAME_RULE, code="invalid")
    if _INVISIBLE.search(name):
        raise ValidationError("Invisible characters, and spaces but the plain one, are not allowed.", code="invisible")


def _is_storable(name: str) -> bool:
    return not re.search("[\0\ud800-\udfff]", name)

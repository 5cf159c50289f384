"""Rules for the names of users and teams: the same for both, since a user's personal team has the user's name."""

import re

from django.core.exceptions import ValidationError

# Anchored so that Python and PostgreSQL read it alike: `$` would let a trailing newline pass in Python.
OWNER_NAME = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
OWNER_NAME_RULE = "Use 1 to 64 letters, digits, dots, dashes or underscores, and begin with a letter or digit."

# The first segment of our own URLs: a team of such a name would hide a page, or be hidden by one.
_RESERVED_NAMES = """
    about account accounts admin alias aliases all anonymous api apikeys artifact artifacts artifactsv2 assets auth
    authorize blog dashboard docs download downloads explore favicon.ico files graphql h health healthz help home
    hooks inbox index internal invite invites keys latest legal lineage livez login logout me media metrics my new
    none notifications null oauth oidc openapi orgs password ping prefs privacy profile project projects public ready
    readyz register registry reports reset resolve robots.txt root run runs schema sdk search security service
    services session sessions settings signin signout signup site static status storage support sweeps system team
    teams terms token tokens undefined upload uploads user users v1 v2 version versions watches webhooks well-known
"""
RESERVED = frozenset(_RESERVED_NAMES.split())


def validate_owner_name(name: str) -> None:
    if not re.match(OWNER_NAME, name):
        raise ValidationError(OWNER_NAME_RULE, code="invalid")


def validate_not_reserved(name: str) -> None:
    if name.lower() in RESERVED:
        raise ValidationError(f"The name '{name}' is reserved. Choose another one.", code="reserved")

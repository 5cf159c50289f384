"""What an upgrade has to say of the data that it finds."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.core import checks
from django.db import connections
from django.db.models.functions import Lower

from accounts.models import Team
from accounts.validators import RESERVED

_MAX_NAMED = 20


@checks.register(checks.Tags.database)
def check_reserved_names(databases: Sequence[str] | None = None, **_: Any) -> Iterable[checks.CheckMessage]:
    """Name the teams whose names have become words of our own URLs: `migrate` says so, and the server starts."""
    found = []
    for database in databases or ():
        if Team._meta.db_table not in connections[database].introspection.table_names():
            continue
        teams = Team.objects.using(database).annotate(lower_name=Lower("name")).filter(lower_name__in=RESERVED)
        found += [_warning(name) for name in teams.order_by("name").values_list("name", flat=True)[:_MAX_NAMED]]
    return found


def _warning(name: str) -> checks.Warning:
    return checks.Warning(
        f"The team {name!r} has a name that pages of this server need, which hide those of the team.",
        hint="Rename it as staff at /admin/accounts/team/; the name of a personal team is that of its user. Its old "
        "names lead nowhere, so tell its members the new one.",
        id="accounts.W001",
    )

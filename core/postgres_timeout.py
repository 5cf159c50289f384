"""How long a web process waits for PostgreSQL to answer.

Its own limits (`statement_timeout`) end what takes too long, and the network's (`tcp_user_timeout`) a machine that is
gone. Neither helps where the server itself is stopped: its system goes on to confirm what is sent to it.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# More than `statement_timeout`: where the server works at all, it is the one that says so.
SECONDS = 20.0


def limit_waits() -> None:
    """Let new connections of this process to PostgreSQL wait for so long at most, for each statement."""
    connection_created.connect(limit_waits_of, dispatch_uid="postgres-timeout")


def limit_waits_of(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql":
        connection.connection.wait = _limited(connection.connection, connection.connection.wait)


def _limited(connection: "psycopg.Connection[Any]", wait: Callable[..., Any]) -> Callable[..., Any]:
    """psycopg's `Connection.wait`, by which all that is sent waits for its answer; as of psycopg 3.3.

    It closes the connection, on which the answer may come later, and raises `OperationalError`.
    """

    def limited(generator: Any, *args: Any, **options: Any) -> Any:
        try:
            return wait(generator, *args, **{"timeout": SECONDS} | options)
        except psycopg.errors._WaitTimeout as error:
            connection.close()
            raise psycopg.OperationalError(f"The server did not answer for {SECONDS:g} s.") from error

    return limited

"""Django's backend for SQLite, with cursors that give up a statement that failed. `ENGINE` is "core.sqlite".

An error keeps the cursor of its statement alive in a cycle of references (error, traceback, frame, error), until the
garbage collector of whichever thread comes next frees it. To free it, SQLite waits for its connection; if that waits
for the lock of a transaction in the thread of the garbage collector, both wait until the timeout. A closed cursor has
nothing to free.

Its connections wait for SQLite's lock as `lock` says, which is not how SQLite does.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.base import Database

from core.sqlite import lock


class Cursor(base.SQLiteCursorWrapper):
    def execute(self, query: str, params: Any = None) -> Any:
        return self._closed_by_errors(super().execute, query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        return self._closed_by_errors(super().executemany, query, param_list)

    def _closed_by_errors(self, run: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return run(*arguments)
        except Database.Error:
            self.close()
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    def init_connection_state(self) -> None:
        super().init_connection_state()
        lock.wait_in_order(self)

    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)

    def run(self, *statements: tuple[str, Sequence[Any]]) -> list[Any]:
        """The cursors of these statements, which are run in this order. What `core.postgres` sends at once."""
        cursors = [self.cursor() for _ in statements]
        for cursor, statement in zip(cursors, statements, strict=True):
            cursor.execute(*statement)
        return cursors

    def write(self, statement: tuple[str, Sequence[Any]]) -> Any:
        return self.run(statement)[0]

    def deferring(self) -> AbstractContextManager[None]:
        """There is no trip to be saved: `write` defers nothing."""
        return nullcontext()

"""Django's backend for SQLite, with cursors that give up a statement that failed. `ENGINE` is "core.sqlite".

An error keeps the cursor of its statement alive in a cycle of references (error, traceback, frame, error), until the
garbage collector of whichever thread comes next frees it. To free it, SQLite waits for its connection; if that waits
for the lock of a transaction in the thread of the garbage collector, both wait until the timeout. A closed cursor has
nothing to free.
"""

from collections.abc import Callable
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.base import Database


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
    def create_cursor(self, name: str | None = None) -> Cursor:
        return self.connection.cursor(factory=Cursor)

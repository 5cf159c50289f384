"""Django's backend for SQLite, with cursors that give up a statement that failed. `ENGINE` is "core.sqlite".

An error keeps the cursor of its statement alive in a cycle of references (error, traceback, frame, error), until the
garbage collector of whichever thread comes next frees it. To free it, SQLite waits for its connection; if that waits
for the lock of a transaction in the thread of the garbage collector, both wait until the timeout. A closed cursor has
nothing to free.

It also gives way: SQLite keeps no queue of those who wait for its lock for writing, who ask for it again and again.
Where one transaction follows another at once, they would find it taken each time.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.backends.sqlite3.base import Database

# Who held the lock for so long, in seconds, gives way; who waits asks for it every 25 ms at least in a web process.
LONG_SECONDS = 0.1
PAUSE_SECONDS = 0.03


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
    # Of the last transaction: when it had the lock, and when others can have had it long enough.
    _locked_at = _free_at = 0.0

    def _start_transaction_under_autocommit(self) -> None:
        """As of Django 5.2, where transactions begin, and with `_commit` and `_rollback` where they end."""
        pause = self._free_at - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        super()._start_transaction_under_autocommit()
        self._locked_at = time.monotonic()

    def _commit(self) -> Any:
        result = super()._commit()
        self._note_end()
        return result

    def _rollback(self) -> Any:
        result = super()._rollback()
        self._note_end()
        return result

    def _note_end(self) -> None:
        now = time.monotonic()
        self._free_at = now + PAUSE_SECONDS if now - self._locked_at >= LONG_SECONDS else 0.0

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

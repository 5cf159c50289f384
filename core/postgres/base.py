"""Django's backend for PostgreSQL, which can send several statements at once. `ENGINE` is "core.postgres".

A trip to the database costs the web server more than most statements cost the database: two system calls and a wait,
after which the thread queues for the interpreter, all of it under whatever lock its transaction holds. psycopg's
pipelines are used from inside, as of psycopg 3.3: by itself it waits for the answer to BEGIN, and sends each statement
by a system call of its own.
"""

import select
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import cache
from typing import Any

import psycopg
from django.db.backends.base.base import debug_transaction
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.generators import fetch_many, send
from psycopg.pq import TransactionStatus

# SQL, and the values that are sent beside it.
Statement = tuple[str, Sequence[Any]]


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deferred: list[Statement] = []
        self._is_deferring = False

    def run(self, *statements: Statement) -> list[Any]:
        """The cursors of these statements, which are run in this order, in one trip.

        Each sees what others committed until it began: one that comes after a lock, what the lock waited for.
        """
        self._check_connection()
        before, self._deferred = self._deferred, []
        statements = (*before, *statements)
        if len(statements) > 1 and self._may_run_together:
            return self._run_together(statements)[len(before) :]
        return [self._run_alone(statement) for statement in statements][len(before) :]

    def write(self, statement: Statement) -> Any:
        """Run the statement: its cursor; None where it is left for later, as `deferring` says."""
        if not self._is_deferring:
            return self.run(statement)[0]
        self._deferred.append(statement)
        return None

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """In it, `write` leaves a statement for the next trip of the transaction, which may be that of COMMIT.

        There errors of it are raised, and nobody learns how many rows it found.
        """
        before, self._is_deferring = self._is_deferring, True
        try:
            yield
        finally:
            self._is_deferring = before
            if not self.in_atomic_block:
                self.run()

    # --- Where what was deferred is run, or given up ---

    def _cursor(self, name: str | None = None) -> Any:
        if self._deferred:
            self.run()
        return super()._cursor(name)

    def _commit(self) -> None:
        if self._deferred and self._may_run_together:
            statements, self._deferred = self._deferred, []
            with debug_transaction(self, "COMMIT"):
                self._run_together(statements, ends_transaction=True)
            return
        self.run()
        super()._commit()

    def _rollback(self) -> None:
        self._deferred.clear()
        super()._rollback()

    def _savepoint_rollback(self, sid: str) -> None:
        # What was written before the savepoint was made is no longer deferred: to make it was a trip.
        self._deferred.clear()
        super()._savepoint_rollback(sid)

    def close(self) -> None:
        self._deferred.clear()
        super().close()

    # --- How statements are run ---

    @property
    def _may_run_together(self) -> bool:
        """Unless somebody wants to see each statement."""
        return not self.queries_logged and not self.execute_wrappers

    def _check_connection(self) -> None:
        self.validate_thread_sharing()
        if not self.health_check_done and self.connection is not None:
            self.health_check_done = _is_silent(self.connection.fileno())
        self.close_if_health_check_failed()
        self.ensure_connection()

    def _run_alone(self, statement: Statement) -> Any:
        cursor = self._prepare_cursor(_PreparingCursor(self.connection))
        cursor.execute(*statement)
        return cursor

    def _run_together(self, statements: Sequence[Statement], *, ends_transaction: bool = False) -> list[Any]:
        self.validate_no_broken_transaction()
        connection = self.connection
        cursors = [_PreparingCursor(connection) for _ in statements]
        with self.wrap_database_errors, connection.lock:
            pipeline = _pipeline(connection, cursors, statements, ends_transaction)
            connection.pgconn.enter_pipeline_mode()
            try:
                answers = connection.wait(_exchange(connection.pgconn, pipeline))
            except BaseException:
                # Nobody knows how far it came.
                connection.close()
                raise
            connection.pgconn.exit_pipeline_mode()
            try:
                for queued, results in zip(pipeline.result_queue, answers, strict=True):
                    pipeline._process_results(queued, results)
            except psycopg.Error:
                # What comes after an error is not run, so it is not known which statements are prepared.
                connection._prepared.clear()
                raise
        return cursors


def _pipeline(
    connection: "psycopg.Connection[Any]",
    cursors: Sequence["_PreparingCursor"],
    statements: Sequence[Statement],
    ends_transaction: bool,
) -> psycopg.Pipeline:
    """A pipeline that holds the statements, and where they are the first ones of a transaction BEGIN before them."""
    connection._pipeline = pipeline = psycopg.Pipeline(connection)
    try:
        if not connection.autocommit and connection.pgconn.transaction_status == TransactionStatus.IDLE:
            _run_at_once(connection._exec_command(connection._get_tx_start_command()))
        for cursor, (sql, params) in zip(cursors, statements, strict=True):
            _run_at_once(cursor._maybe_prepare_gen(cursor._convert_query(sql, params)))
        _run_at_once(connection._prepared.maintain_gen(connection))
        if ends_transaction:
            _run_at_once(connection._exec_command(b"COMMIT"))
        pipeline._enqueue_sync()
    finally:
        connection._pipeline = None
    return pipeline


def _run_at_once(generator: Iterator[Any]) -> None:
    """Of psycopg's generators, one that has nothing to wait for: in a pipeline they put commands into its queue."""
    deque(generator, maxlen=0)


def _exchange(pgconn: Any, pipeline: psycopg.Pipeline) -> Iterator[Any]:
    """Send what the pipeline holds, and return the answers to all of it, in the order of its `result_queue`."""
    for command in pipeline.command_queue:
        command()
    yield from send(pgconn)
    answers = []
    for _ in pipeline.result_queue:
        answers.append((yield from fetch_many(pgconn)))
    return answers


class _PreparingCursor(psycopg.Cursor):
    """Sends the values beside the SQL, which is then the same each time, so that PostgreSQL plans it once a connection.

    Django's usual cursor writes the values into it.
    """

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        super().__init__(connection)
        self._tx = Transformer(self)

    @property
    def adapters(self) -> AdaptersMap:
        return _adapters()

    def _send_query_prepared(self, name: bytes, pgq: Any, *, binary: bool | None = None) -> None:
        # Where Django looks for what to log.
        self._query = pgq
        super()._send_query_prepared(name, pgq, binary=binary)


@cache
def _adapters() -> AdaptersMap:
    """Django's, but that timestamps are read by psycopg itself, which is compiled: Django does it in Python."""
    adapters = AdaptersMap(get_adapters_template(True, UTC))
    timestamp = psycopg.adapters.types["timestamptz"].oid
    adapters.register_loader(timestamp, psycopg.adapters.get_loader(timestamp, psycopg.pq.Format.TEXT))
    return adapters


def _is_silent(socket: int) -> bool:
    """Whether a connection that nobody waits for has nothing to say. One that the server ended has its end to read.

    So there is nothing to check, which would be a query; where there is, Django's own check finds out.
    """
    news = select.poll()
    news.register(socket, select.POLLIN)
    return not news.poll(0)

"""A PostgreSQL that is stopped in the middle of a statement holds no thread of a web process for ever."""

import os
import signal

import environ
import pytest
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler

from core import database_errors, postgres_timeout
from harness import servers


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_stopped_server_is_not_waited_for_for_ever(monkeypatch, in_transaction):
    connections = ConnectionHandler({"default": environ.Env.db_url_config(f"{servers.postgres()}/postgres")})
    connection = connections["default"]
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: connection)
    connection.ensure_connection()
    postgres_timeout.limit_waits_of(connection)
    monkeypatch.setattr(postgres_timeout, "SECONDS", 0.5)
    backend = connection.connection.info.backend_pid

    def ask() -> int:
        with connection.cursor() as cursor:
            return cursor.execute("SELECT 1").fetchone()[0]

    assert ask() == 1
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(OperationalError) as refused:
            if in_transaction:
                with transaction.atomic():
                    ask()
            else:
                ask()
    finally:
        os.kill(backend, signal.SIGCONT)
    assert database_errors.refusal(refused.value).code == "DatabaseUnavailable"
    connection.close_if_unusable_or_obsolete()
    # On another connection.
    assert ask() == 1
    assert connection.connection.info.backend_pid != backend
    connection.close()

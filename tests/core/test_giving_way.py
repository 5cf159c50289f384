"""Whoever had SQLite's lock for writing for long lets others have it, before asking for it again."""

import sqlite3
import threading
import time

import pytest
from django.db import connection, transaction

from core.sqlite import base
from projects.models import Project


@pytest.mark.django_db(transaction=True)
def test_between_two_long_transactions_another_connection_writes(project):
    name = connection.settings_dict["NAME"]
    database = sqlite3.connect(name, isolation_level=None, timeout=0, check_same_thread=False)
    waits, writes, rounds = threading.Event(), [], []

    def write() -> None:
        waits.set()
        # As SQLite's own waiting does in the processes of the web: at short intervals.
        while not writes:
            try:
                with database:
                    database.execute("BEGIN IMMEDIATE")
                writes.append(len(rounds))
            except sqlite3.OperationalError:
                time.sleep(0.01)

    thread = threading.Thread(target=write)
    while not writes and len(rounds) < 50:
        with transaction.atomic():
            Project.objects.filter(pk=project.pk).update(description=f"{len(rounds)}")
            if not rounds:
                thread.start()
                waits.wait(30)
            time.sleep(base.LONG_SECONDS)
        rounds.append(1)
    thread.join(30)
    database.close()
    assert writes and writes[0] < 50


@pytest.mark.django_db(transaction=True)
def test_short_transactions_follow_one_another_at_once(project, monkeypatch):
    for seconds, gives_way in ((60.0, False), (0.0, True)):
        monkeypatch.setattr(base, "LONG_SECONDS", seconds)
        with transaction.atomic():
            Project.objects.filter(pk=project.pk).update(description="new")
        assert (connection._free_at > 0) == gives_way

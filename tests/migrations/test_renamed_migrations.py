"""Migrations that have another name by now: a database that has applied one by its old name has applied it."""

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder


def test_the_tables_of_a_renamed_migration_are_not_made_again(db):
    applied = MigrationRecorder(connection).migration_qs.filter(app="projects", name__startswith="0002_")
    applied.exclude(name="0002_run_history_and_resuming").delete()

    executor = MigrationExecutor(connection)
    assert [row.name for row in applied] == ["0002_run_history_and_resuming"]
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []

"""An index on the texts of artifacts and one on those of runs and projects, in place of one on all texts.

With one, a word that a hundred thousand artifacts have says nothing about runs: each run had to be looked at.
"""

from django.db import migrations

_TABLE = "artifacts_searchdocument"
_KINDS = {
    "artifacts": "artifact_id IS NOT NULL",
    "others": "artifact_id IS NULL",
}
_WITHOUT_TRIGRAMS = """
The extension pg_trgm is missing: searches read all texts until an administrator has run, in this database, what
docs/operations.md has under "Search on PostgreSQL".
"""


def divide(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        _divide_full_text(schema_editor)
    elif _exists(schema_editor, "SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'"):
        for kind, condition in _KINDS.items():
            name = f"search_document_text_of_{kind}"
            schema_editor.execute(f"CREATE INDEX {name} ON {_TABLE} USING gin (text gin_trgm_ops) WHERE {condition}")
        schema_editor.execute("DROP INDEX IF EXISTS search_document_text")
    else:
        print(_WITHOUT_TRIGRAMS)


def unite(apps, schema_editor):
    """Without an index searches are slower, and find the same."""
    if schema_editor.connection.vendor == "sqlite":
        for kind in _KINDS:
            _drop_triggers(schema_editor, f"{_TABLE}_text_of_{kind}")
            schema_editor.execute(f"DROP TABLE IF EXISTS {_TABLE}_text_of_{kind}")
    else:
        for kind in _KINDS:
            schema_editor.execute(f"DROP INDEX IF EXISTS search_document_text_of_{kind}")


def _divide_full_text(schema_editor):
    """The index of all texts becomes that of artifacts, which most texts are about."""
    old = f"{_TABLE}_text"
    if not _exists(schema_editor, f"SELECT 1 FROM sqlite_master WHERE name = '{old}'"):
        return
    _drop_triggers(schema_editor, old)
    for kind, condition in _KINDS.items():
        index = f"{old}_of_{kind}"
        if kind == "artifacts":
            schema_editor.execute(f"DELETE FROM {old} WHERE rowid IN (SELECT id FROM {_TABLE} WHERE NOT ({condition}))")
            schema_editor.execute(f"ALTER TABLE {old} RENAME TO {index}")
        else:
            schema_editor.execute(f"CREATE VIRTUAL TABLE {index} USING fts5(text, tokenize='trigram')")
            schema_editor.execute(f"INSERT INTO {index} (rowid, text) SELECT id, text FROM {_TABLE} WHERE {condition}")
        _create_triggers(schema_editor, index, condition)


def _create_triggers(schema_editor, index, condition):
    """What a row is about never changes."""
    insert = f"INSERT OR REPLACE INTO {index} (rowid, text) VALUES (NEW.id, NEW.text)"
    delete = f"DELETE FROM {index} WHERE rowid = OLD.id"
    for event, row, statements in (
        ("INSERT", "NEW", insert),
        ("DELETE", "OLD", delete),
        ("UPDATE OF text", "NEW", f"{delete}; {insert}"),
    ):
        trigger = f"{index}_{event.split()[0].lower()}"
        schema_editor.execute(
            f"CREATE TRIGGER {trigger} AFTER {event} ON {_TABLE} WHEN {row}.{condition} BEGIN {statements}; END"
        )


def _drop_triggers(schema_editor, index):
    for event in ("insert", "delete", "update"):
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {index}_{event}")


def _exists(schema_editor, query):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone() is not None


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0024_extents")]

    operations = [migrations.RunPython(divide, unite)]

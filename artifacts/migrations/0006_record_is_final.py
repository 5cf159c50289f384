"""The record of aliases refuses to be changed, and to be broken: each row begins where the one before it ends."""

from django.db import migrations

_TABLE = "artifacts_aliaschange"

# What an added row must be: the next of its alias, from where the one before ends, to another place, not earlier.
_FOLLOWS = f"""
    NEW.from_version_id IS {{differs}} NEW.to_version_id AND (
        NEW.number = 1 AND NEW.from_version_id IS NULL
        OR NEW.number > 1 AND EXISTS (
            SELECT 1 FROM {_TABLE}
            WHERE artifact_id = NEW.artifact_id AND alias = NEW.alias AND number = NEW.number - 1
              AND to_version_id IS {{equals}} NEW.from_version_id
              AND to_number IS {{equals}} NEW.from_number
              AND created_at <= NEW.created_at))"""

# `INSERT OR REPLACE` would take the place of a row without any trigger for deleting it.
_REPLACES = f"""
    EXISTS (SELECT 1 FROM {_TABLE} WHERE id = NEW.id)
    OR EXISTS (
        SELECT 1 FROM {_TABLE} WHERE artifact_id = NEW.artifact_id AND alias = NEW.alias AND number = NEW.number)"""

_SQLITE = [
    f"""CREATE TRIGGER alias_change_no_update BEFORE UPDATE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, 'alias_change_is_final'); END""",
    f"""CREATE TRIGGER alias_change_no_delete BEFORE DELETE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, 'alias_change_is_final'); END""",
    f"""CREATE TRIGGER alias_change_no_replace BEFORE INSERT ON {_TABLE} WHEN {_REPLACES}
        BEGIN SELECT RAISE(ABORT, 'alias_change_is_final'); END""",
    f"""CREATE TRIGGER alias_change_chain BEFORE INSERT ON {_TABLE}
        WHEN NOT ({_FOLLOWS.format(differs="NOT", equals="")})
        BEGIN SELECT RAISE(ABORT, 'alias_change_chain'); END""",
]

_POSTGRESQL = [
    f"""CREATE FUNCTION alias_change_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'Rows of {_TABLE} are never changed or deleted.'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'alias_change_is_final';
        END $$""",
    f"""CREATE TRIGGER alias_change_is_final BEFORE UPDATE OR DELETE ON {_TABLE}
        FOR EACH ROW EXECUTE FUNCTION alias_change_is_final()""",
    f"""CREATE TRIGGER alias_change_no_truncate BEFORE TRUNCATE ON {_TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION alias_change_is_final()""",
    f"""CREATE FUNCTION alias_change_chain() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT ({_FOLLOWS.format(differs="DISTINCT FROM", equals="NOT DISTINCT FROM")}) THEN
                RAISE EXCEPTION 'Change % of % does not begin where the one before it ends.', NEW.number, NEW.alias
                    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'alias_change_chain';
            END IF;
            RETURN NEW;
        END $$""",
    f"""CREATE TRIGGER alias_change_chain BEFORE INSERT ON {_TABLE}
        FOR EACH ROW EXECUTE FUNCTION alias_change_chain()""",
]

_BACK = {
    "sqlite": [
        "DROP TRIGGER alias_change_no_update",
        "DROP TRIGGER alias_change_no_delete",
        "DROP TRIGGER alias_change_no_replace",
        "DROP TRIGGER alias_change_chain",
    ],
    "postgresql": [
        f"DROP TRIGGER alias_change_is_final ON {_TABLE}",
        f"DROP TRIGGER alias_change_no_truncate ON {_TABLE}",
        f"DROP TRIGGER alias_change_chain ON {_TABLE}",
        "DROP FUNCTION alias_change_is_final",
        "DROP FUNCTION alias_change_chain",
    ],
}


def guard(apps, schema_editor):
    for statement in {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}[schema_editor.connection.vendor]:
        # Without parameters, or PostgreSQL's driver would take the % of a message for one.
        schema_editor.execute(statement, None)


def unguard(apps, schema_editor):
    for statement in _BACK[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0005_protected_aliases")]

    operations = [migrations.RunPython(guard, unguard)]

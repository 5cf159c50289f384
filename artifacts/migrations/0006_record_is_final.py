"""The record of aliases refuses to be changed, and to be broken: each row begins where the one before it ends."""

from django.db import migrations

_TABLE = "artifacts_aliaschange"

_SQLITE = [
    f"""CREATE TRIGGER alias_change_no_update BEFORE UPDATE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, 'alias_change_is_final'); END""",
    f"""CREATE TRIGGER alias_change_no_delete BEFORE DELETE ON {_TABLE}
        BEGIN SELECT RAISE(ABORT, 'alias_change_is_final'); END""",
    f"""CREATE TRIGGER alias_change_chain BEFORE INSERT ON {_TABLE}
        WHEN NEW.number > 1 AND NOT EXISTS (
                SELECT 1 FROM {_TABLE}
                WHERE artifact_id = NEW.artifact_id AND alias = NEW.alias AND number = NEW.number - 1
                  AND to_version_id IS NEW.from_version_id)
            OR NEW.number = 1 AND NEW.from_version_id IS NOT NULL
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
    f"""CREATE FUNCTION alias_change_chain() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.number > 1 AND NOT EXISTS (
                    SELECT 1 FROM {_TABLE}
                    WHERE artifact_id = NEW.artifact_id AND alias = NEW.alias AND number = NEW.number - 1
                      AND to_version_id IS NOT DISTINCT FROM NEW.from_version_id)
                OR NEW.number = 1 AND NEW.from_version_id IS NOT NULL THEN
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
        "DROP TRIGGER alias_change_chain",
    ],
    "postgresql": [
        f"DROP TRIGGER alias_change_is_final ON {_TABLE}",
        f"DROP TRIGGER alias_change_chain ON {_TABLE}",
        "DROP FUNCTION alias_change_is_final",
        "DROP FUNCTION alias_change_chain",
    ],
}


def guard(apps, schema_editor):
    for statement in {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def unguard(apps, schema_editor):
    for statement in _BACK[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0005_protected_aliases")]

    operations = [migrations.RunPython(guard, unguard)]

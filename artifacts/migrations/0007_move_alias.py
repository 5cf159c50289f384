"""PostgreSQL moves an alias in one statement, where nobody has a say in it and nobody is told."""

from django.db import migrations

# The same steps as `aliases.set_all` takes, one after the other: each sees what was true when the lock was given.
# No row is answered, and nothing done, where one of them does not go as plainly; `set_all` says why.
_MOVE = """
CREATE FUNCTION move_alias(
    for_artifact uuid, for_alias text, to_version uuid, is_conditional boolean, expected uuid,
    by_user uuid, by_roles text[], by_key uuid, by_face text, why text, change uuid
) RETURNS TABLE (
    alias_id uuid, made_by uuid, made_by_name text, made_at timestamptz, moved_at timestamptz,
    to_number integer, before_version uuid, before_number integer
) LANGUAGE plpgsql AS $$
DECLARE
    place record;
    mover record;
    last record;
BEGIN
    SELECT project.id AS project, project.team_id AS team,
           concat_ws('/', team.name, project.name, artifact.name) AS full_name
      INTO place
      FROM artifacts_artifact artifact
      JOIN projects_project project ON project.id = artifact.project_id
      JOIN accounts_team team ON team.id = project.team_id
     WHERE artifact.id = for_artifact
       FOR NO KEY UPDATE OF artifact;
    SELECT person.username, coalesce(key.name, '') AS key_name
      INTO mover
      FROM accounts_membership member
      JOIN accounts_user person ON person.id = member.user_id
      LEFT JOIN accounts_apikey key ON key.id = by_key AND key.user_id = person.id AND key.scope = 'write'
                                   AND (key.expiry IS NULL OR key.expiry > clock_timestamp())
     WHERE member.team_id = place.team AND member.user_id = by_user AND member.role = ANY (by_roles)
       AND person.is_active AND (by_key IS NULL OR key.id IS NOT NULL);
    IF NOT FOUND
       OR EXISTS (SELECT FROM artifacts_aliasrule
                   WHERE artifact_id = for_artifact OR project_id = place.project OR team_id = place.team)
       OR EXISTS (SELECT FROM notifications_webhook WHERE project_id = place.project)
       OR EXISTS (SELECT FROM notifications_watch WHERE project_id = place.project)
    THEN
        RETURN;
    END IF;

    SELECT number INTO to_number
      FROM artifacts_artifactversion
     WHERE id = to_version AND artifact_id = for_artifact AND state = 'finalized';
    SELECT alias.id, alias.created_by_id, maker.username, alias.created_at, alias.updated_at,
           alias.version_id, version.number
      INTO alias_id, made_by, made_by_name, made_at, moved_at, before_version, before_number
      FROM artifacts_artifactalias alias
      JOIN artifacts_artifactversion version ON version.id = alias.version_id
      LEFT JOIN accounts_user maker ON maker.id = alias.created_by_id
     WHERE alias.artifact_id = for_artifact AND alias.alias = for_alias;
    IF to_number IS NULL OR alias_id IS NULL OR is_conditional AND before_version IS DISTINCT FROM expected THEN
        RETURN;
    ELSIF before_version = to_version THEN
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT number, created_at INTO last
      FROM artifacts_aliaschange
     WHERE artifact_id = for_artifact AND alias = for_alias
     ORDER BY number DESC LIMIT 1;
    moved_at := greatest(clock_timestamp(), last.created_at);
    UPDATE artifacts_artifactalias SET version_id = to_version, updated_at = moved_at WHERE id = alias_id;
    INSERT INTO artifacts_aliaschange (
        id, artifact_id, artifact_name, alias, number, from_version_id, from_number, to_version_id, to_number,
        changed_by_id, changed_by_name, key_id, key_name, face, reason, created_at
    ) VALUES (
        change, for_artifact, place.full_name, for_alias, coalesce(last.number, 0) + 1,
        before_version, before_number, to_version, to_number,
        by_user, mover.username, by_key, mover.key_name, by_face, why, moved_at
    );
    RETURN NEXT;
END $$
"""


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(_MOVE, None)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION move_alias")


class Migration(migrations.Migration):
    # It speaks of columns of all these, and of tables of `notifications`, which need not be there yet.
    dependencies = [
        ("artifacts", "0006_record_is_final"),
        ("projects", "0001_initial"),
        ("accounts", "0002_invitations"),
    ]

    operations = [migrations.RunPython(create, drop)]

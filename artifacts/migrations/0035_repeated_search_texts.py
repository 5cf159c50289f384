"""Marks the texts of versions that are those of the version before, so that an artifact is searched without them."""

from django.db import migrations, models

_MARK = """
UPDATE artifacts_searchdocument SET is_repeated = true WHERE id IN (
    SELECT id FROM (
        SELECT id, text = LAG(text) OVER (PARTITION BY artifact_id ORDER BY id) AS is_same
        FROM artifacts_searchdocument WHERE version_id IS NOT NULL AND part = 'text'
    ) compared WHERE is_same
)
"""


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0034_links")]

    operations = [
        migrations.AddField(
            model_name="searchdocument",
            name="is_repeated",
            field=models.BooleanField(
                editable=False,
                help_text="Of a version: another row of the artifact has the same text, and is not repeated.",
                null=True,
            ),
        ),
        migrations.RunSQL(_MARK, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="searchdocument",
            index=models.Index(
                condition=models.Q(("is_repeated", None)),
                fields=["artifact"],
                name="search_document_distinct",
            ),
        ),
    ]

"""Aliases get a column by which they are listed as people read them: `production` first, `v0.2.0` before `v0.10.0`.

Changes of aliases say whether they were rollbacks. The column is nullable: SQLite would make the table anew otherwise,
without its triggers.
"""

import re

from django.db import migrations, models

import artifacts.models.alias_sort_key

_BATCH_SIZE = 1000
_WELL_KNOWN = ("production", "staging", "latest", "stable", "candidate", "best")
_VERSION = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+)*)((?:[-._]|a[0-9]|b[0-9]|rc[0-9]).*)?")
_NAME, _VERSION_LIKE = b"\x40", b"\x60"


def fill(apps, schema_editor):
    model = apps.get_model("artifacts", "ArtifactAlias")
    batch = []
    for row in model.objects.only("alias").order_by("pk").iterator(chunk_size=_BATCH_SIZE):
        row.sort_key = _sort_key(row.alias)
        batch.append(row)
        if len(batch) == _BATCH_SIZE:
            model.objects.bulk_update(batch, ["sort_key"])
            batch = []
    model.objects.bulk_update(batch, ["sort_key"])


def _sort_key(alias):
    lower, version = alias.lower(), _VERSION.fullmatch(alias)
    if lower in _WELL_KNOWN:
        key = bytes([_WELL_KNOWN.index(lower)])
    elif version is None:
        key = _NAME + _natural(lower)
    else:
        numbers, suffix = version[1].split("."), version[2]
        end = b"\x00" + _natural(suffix.lower()) if suffix else b"\x01"
        key = _VERSION_LIKE + b"\x02".join(map(_number, numbers)) + end
    return key + b"\x00" + alias.encode()


def _natural(text):
    parts = filter(None, re.split(r"([0-9]+)", text))
    return b"".join(b"0" + _number(part) if part.isdigit() else part.encode() for part in parts)


def _number(digits):
    digits = digits.lstrip("0")
    return bytes([len(digits) + 1]) + digits.encode()


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0015_index_by_project")]

    operations = [
        migrations.AddField(
            model_name="artifactalias",
            name="sort_key",
            field=artifacts.models.alias_sort_key.AliasSortKeyField(default=b"", max_length=400),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="artifactalias",
            index=models.Index(fields=["artifact", "sort_key"], name="alias_in_order"),
        ),
        migrations.AlterModelOptions(
            name="artifactalias", options={"ordering": ["sort_key"], "verbose_name_plural": "artifact aliases"}
        ),
        migrations.AddField(
            model_name="aliaschange",
            name="is_rollback",
            field=models.BooleanField(null=True, help_text="Back to the version before; unknown of old changes."),
        ),
    ]

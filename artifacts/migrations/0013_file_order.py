"""The order of files as people expect it, and how large folders are; for the files that are there, in batches."""

import hashlib
import re
from functools import lru_cache

import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models

import artifacts.models.path_fields

_BATCH_SIZE = 1_000
# A folder with more files has a row.
_MAX_COUNTED_FILES = 10
_MAX_DEPTH = 16
_END, _FOLDER, _FILE, _TIE = "\x01", "\x02", "\x03", "\x04"
_NUMBER = re.compile("[0-9]+")
_LONGEST_NUMBER = 50_000


def set_sort_keys(apps, schema_editor):
    files = apps.get_model("artifacts", "ArtifactFile").objects.using(schema_editor.connection.alias).order_by("pk")
    batch = list(files.only("pk", "path")[:_BATCH_SIZE])
    while batch:
        for file in batch:
            file.sort_key = _sort_key(file.path)
        files.bulk_update(batch, ["sort_key"], batch_size=_BATCH_SIZE // 4)
        batch = list(files.only("pk", "path").filter(pk__gt=batch[-1].pk)[:_BATCH_SIZE])


def store_folder_summaries(apps, schema_editor):
    database = schema_editor.connection.alias
    versions = apps.get_model("artifacts", "ArtifactVersion").objects.using(database)
    folders = apps.get_model("artifacts", "FolderSummary").objects.using(database)
    large = versions.filter(state="finalized", file_count__gt=_MAX_COUNTED_FILES)
    for version in large.only("pk").iterator():
        rows = version.files.order_by("path").values_list("path", "size").iterator(chunk_size=_BATCH_SIZE)
        folders.bulk_create(
            (
                folders.model(
                    version=version, path=path, entry_count=entry_count, file_count=file_count, total_size=total_size
                )
                for path, entry_count, file_count, total_size in _summaries(rows)
                if file_count > _MAX_COUNTED_FILES
            ),
            batch_size=_BATCH_SIZE,
        )


def _sort_key(path):
    folder, _, name = path.rpartition("/")
    key = _folder_key(folder) if folder else ""
    return f"{key}{_FILE}{_name_key(name, path.count('/'))}{_END}"


@lru_cache(maxsize=1024)
def _folder_key(path):
    return "".join(f"{_FOLDER}{_name_key(name, depth)}{_END}" for depth, name in enumerate(path.split("/")))


def _name_key(name, depth):
    if depth >= _MAX_DEPTH:
        return name
    lower = name.lower()
    key = _NUMBER.sub(lambda match: _number_key(match[0]), lower)
    is_plain = name == lower and all(run == _digits(run) for run in _NUMBER.findall(name))
    return key if is_plain else f"{key}{_TIE}{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _number_key(run):
    digits = _digits(run)
    return f"0{chr(ord('0') + min(len(digits), _LONGEST_NUMBER))}{digits}"


def _digits(run):
    return run.lstrip("0") or "0"


def _summaries(files):
    """Path, number of entries, number of files and bytes of each folder, of files in the order of their paths."""
    opened = [["", 0, 0, 0]]
    for path, size in files:
        while not path.startswith(opened[-1][0]):
            yield _close(opened)
        start = len(opened[-1][0])
        while (slash := path.find("/", start)) >= 0:
            opened.append([path[: slash + 1], 0, 0, 0])
            start = slash + 1
        opened[-1][1] += 1
        opened[-1][2] += 1
        opened[-1][3] += size
    while opened:
        yield _close(opened)


def _close(opened):
    """The innermost folder, which is added to the one around it."""
    folder = opened.pop()
    if opened:
        opened[-1][1] += 1
        opened[-1][2] += folder[2]
        opened[-1][3] += folder[3]
    return folder


class Migration(migrations.Migration):
    dependencies = [("artifacts", "0012_executable_files")]

    operations = [
        migrations.AddField(
            model_name="artifactfile",
            name="sort_key",
            field=artifacts.models.path_fields.SortKeyField(default="", editable=False, max_length=3000),
        ),
        migrations.CreateModel(
            name="FolderSummary",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("path", artifacts.models.path_fields.PathField(blank=True, max_length=1024)),
                (
                    "entry_count",
                    models.PositiveIntegerField(help_text="Files and folders that lie in it directly."),
                ),
                ("file_count", models.PositiveIntegerField(help_text="All files below it.")),
                ("total_size", models.BigIntegerField(help_text="Bytes of all files below it.")),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="folders",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["version", "path"], name="folder_path_unique")],
            },
        ),
        migrations.RunPython(set_sort_keys, migrations.RunPython.noop),
        migrations.RunPython(store_folder_summaries, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="artifactfile",
            index=models.Index(fields=["version", "sort_key"], name="file_by_sort_key"),
        ),
    ]

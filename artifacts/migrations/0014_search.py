"""Rows by which the search finds things, the indexes on their texts, and the rows of what there is already."""

import unicodedata

import django.db.models.deletion
from django.db import DatabaseError, OperationalError, migrations, models, transaction

_TABLE = "artifacts_searchdocument"
_INDEX = f"{_TABLE}_text"
_WITHOUT_TRIGRAMS = """
The extension pg_trgm is missing, and this database user may not create it: searches read all texts until an
administrator has run, in this database:
  CREATE EXTENSION pg_trgm;
  CREATE INDEX search_document_text ON artifacts_searchdocument USING gin (text gin_trgm_ops);
"""
_MAX_TEXT_LENGTH = 2**14
_MAX_FILES_LENGTH = 2**17
# Of a key, and of the text of a value.
_MAX_LENGTH = 200
_MAX_VALUES = 200
_MAX_ITEMS = 20
_MAX_DEPTH = 8
_MAX_ENDINGS = 200
_BATCH_SIZE = 500


def index_texts(apps, schema_editor):
    """By triples of characters, on both databases; without an index searches are slower, and find the same."""
    if schema_editor.connection.vendor == "sqlite":
        _create_full_text(schema_editor)
        return
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            schema_editor.execute(f"CREATE INDEX search_document_text ON {_TABLE} USING gin (text gin_trgm_ops)")
    except DatabaseError:
        print(_WITHOUT_TRIGRAMS)


def drop_index(apps, schema_editor):
    """The triggers go with their table."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute(f"DROP TABLE IF EXISTS {_INDEX}")


def fill(apps, schema_editor):
    """What each row is found by, as the verbs wrote it when this was new."""
    get_model = apps.get_model
    batch = []
    for entry in _entries(get_model):
        batch.append(entry)
        if len(batch) == _BATCH_SIZE:
            _insert(batch, get_model)
            batch = []
    _insert(batch, get_model)


def _create_full_text(schema_editor):
    """The index and the triggers that keep it, unless SQLite was built without FTS5 or is older than 3.34."""
    try:
        schema_editor.execute(f"CREATE VIRTUAL TABLE {_INDEX} USING fts5(text, tokenize='trigram')")
    except OperationalError:
        return
    insert = f"INSERT OR REPLACE INTO {_INDEX} (rowid, text) VALUES (NEW.id, NEW.text)"
    delete = f"DELETE FROM {_INDEX} WHERE rowid = OLD.id"
    for event, statements in (
        ("INSERT", insert),
        ("DELETE", delete),
        ("UPDATE OF text", f"{delete}; {insert}"),
    ):
        trigger = f"{_INDEX}_{event.split()[0].lower()}"
        schema_editor.execute(f"CREATE TRIGGER {trigger} AFTER {event} ON {_TABLE} BEGIN {statements}; END")


def _insert(entries, get_model):
    """Each is what it is about, its part, its text and its values."""
    document, value = get_model("artifacts", "SearchDocument"), get_model("artifacts", "SearchValue")
    document.objects.bulk_create([document(part=part, text=text, **about) for about, part, text, _ in entries])
    value.objects.bulk_create(
        [
            value(key=key, number=number, text=text, **about)
            for about, _, _, values in entries
            for key, number, text in values
        ],
        _BATCH_SIZE,
    )


def _entries(get_model):
    for project in _each(get_model("projects", "Project").objects.all()):
        yield _entry({"project_id": project.pk}, [project.name, project.description], [])
    for run in _each(get_model("projects", "Run").objects.all()):
        values = [*_flatten("config", run.config), *_flatten("summary", run.summary), *_flatten("tag", run.tags)]
        texts = [run.name, run.display_name, *run.tags, run.notes]
        yield _entry({"project_id": run.project_id, "run_id": run.pk}, texts, values)
    tags = {}
    for artifact, tag in get_model("artifacts", "ArtifactTag").objects.order_by("pk").values_list("artifact", "tag"):
        tags.setdefault(artifact, []).append(tag)
    about = {}
    for artifact in _each(get_model("artifacts", "Artifact").objects.all()):
        own_tags = tags.get(artifact.pk, [])
        values = _flatten("metadata", artifact.metadata) + _flatten("tag", own_tags)
        about[artifact.pk] = {"project_id": artifact.project_id, "artifact_id": artifact.pk}
        yield _entry(about[artifact.pk], [artifact.name, *own_tags, artifact.description], values)
    files = get_model("artifacts", "ArtifactFile").objects
    for version in _each(get_model("artifacts", "ArtifactVersion").objects.filter(state="finalized")):
        of_version = about[version.artifact_id] | {"version_id": version.pk}
        values = _flatten("metadata", version.metadata)
        yield _entry(of_version, [version.description, version.notes], values)
        if version.file_count:
            paths = files.filter(version=version.pk).order_by("path").values_list("path", flat=True)
            yield of_version, "files", _lines(paths.iterator(chunk_size=5000)), []
    versions = set(get_model("artifacts", "ArtifactVersion").objects.values_list("pk", flat=True))
    for change in _each(get_model("artifacts", "AliasChange").objects.exclude(reason="")):
        # The record outlives what it is about.
        if change.artifact_id in about:
            version_id = change.to_version_id if change.to_version_id in versions else None
            of_change = about[change.artifact_id] | {"version_id": version_id}
            yield of_change, "reason", _fold(change.reason)[:_MAX_TEXT_LENGTH], []


def _each(rows):
    return rows.order_by("pk").iterator(chunk_size=_BATCH_SIZE)


def _entry(about, texts, values):
    words = sorted(word for key, number, text in values for word in ([key] if number is not None else [key, text]))
    return about, "text", _fold("\n".join(dict.fromkeys([*texts, *words])))[:_MAX_TEXT_LENGTH], values


def _flatten(field, data):
    """Key, number and text of the first values of a JSON object, and of each item of a list in it."""
    found = []
    pending = [(field, data, 0)]
    while pending and len(found) < _MAX_VALUES:
        key, value, depth = pending.pop()
        if isinstance(value, dict):
            inner = list(value.items())[:_MAX_VALUES] if depth < _MAX_DEPTH else []
            pending += [(f"{key}.{name}", item, depth + 1) for name, item in reversed(inner)]
        elif isinstance(value, list):
            pending += [(key, item, depth + 1) for item in reversed(value[:_MAX_ITEMS]) if depth < _MAX_DEPTH]
        elif len(key) <= _MAX_LENGTH:
            found.append((_fold(key)[:_MAX_LENGTH], _number(value), _fold(_as_text(value))[:_MAX_LENGTH]))
    return list(dict.fromkeys(found))


def _as_text(value):
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, str):
        return value
    number = _number(value)
    return "" if number is None else str(number)


def _number(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _lines(paths):
    """The paths, each between line ends: one of each ending comes first, so that no kind of file is left out."""
    endings = {}
    others = []
    length = 0
    for path in paths:
        ending = path.rpartition("/")[2].rpartition(".")[2]
        if len(endings) < _MAX_ENDINGS and ending not in endings:
            endings[ending] = path
        elif length < _MAX_FILES_LENGTH:
            others.append(path)
            length += len(path) + 1
    lines = [*endings.values(), *others]
    return _fold("\n".join(["", *lines, ""])) if lines else ""


def _fold(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


class Migration(migrations.Migration):
    dependencies = [
        ("artifacts", "0013_file_order"),
        ("projects", "0003_runs_by_column"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("text", "Names, descriptions, tags, keys and texts"),
                            ("files", "Paths of files, each in a line"),
                            ("reason", "The reason of a change of an alias"),
                        ],
                        max_length=8,
                    ),
                ),
                ("text", models.TextField(help_text="Case-folded.")),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="SearchValue",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(help_text="Case-folded.", max_length=200)),
                ("number", models.FloatField(null=True)),
                ("text", models.CharField(help_text="Case-folded, and cut.", max_length=200)),
                (
                    "artifact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifact",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.run"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="artifacts.artifactversion",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["project", "key", "number"], name="search_value_by_number"),
                    models.Index(fields=["project", "key", "text"], name="search_value_by_text"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="artifactversion",
            index=models.Index(fields=["artifact", "file_count", "id"], name="version_by_file_count"),
        ),
        migrations.AddIndex(
            model_name="artifactversion",
            index=models.Index(fields=["artifact", "total_size", "id"], name="version_by_total_size"),
        ),
        migrations.RunPython(index_texts, drop_index),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]

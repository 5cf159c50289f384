"""What runs have logged until now, which was kept by `projects`, becomes chunks of their histories."""

import json
import zlib

from django.db import migrations
from uuid_utils.compat import uuid7

_BATCHES = 200
_MAX_KEYS = 2_000
_NUMBERS = ("NaN", "Infinity", "-Infinity")


def move_history(apps, schema_editor):
    run_model = apps.get_model("projects", "Run")
    for run in run_model.objects.filter(history_row_count__gt=0).only("pk", "history_row_count").order_by("pk"):
        move_run(apps, run)
    copy_writers(apps)


def move_run(apps, run):
    batches = apps.get_model("projects", "HistoryBatch").objects.filter(run=run).order_by("end_row")
    chunk_model, stream_model = (apps.get_model("tracking", name) for name in ("RunChunk", "RunStream"))
    keys = {}
    stream = stream_model(id=uuid7(), run=run, stream="history", line_count=run.history_row_count, keys=keys)
    found = list(batches[:_BATCHES])
    while found:
        chunks = [chunk_of(chunk_model, batch) for batch in found]
        chunk_model.objects.bulk_create(chunks)
        stream.chunk_count += len(chunks)
        stream.pending_size += sum(chunk.size for chunk in chunks)
        for batch in found:
            for row in batch.rows:
                count_keys(keys, row)
        found = list(batches.filter(end_row__gt=found[-1].end_row)[:_BATCHES])
    stream.size = stream.pending_size
    stream.save()


def chunk_of(model, batch):
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") for row in batch.rows]
    return model(
        id=uuid7(),
        run_id=batch.run_id,
        stream="history",
        first_line=batch.end_row - batch.row_count,
        end_line=batch.end_row,
        first_step=batch.first_step,
        last_step=batch.last_step,
        size=sum(map(len, lines)),
        body=zlib.compress(b"\n".join(lines)),
    )


def count_keys(keys, row):
    for key, value in flatten(row):
        if key not in keys:
            if len(keys) >= _MAX_KEYS or len(key) > 512 or "\0" in key:
                continue
            keys[key] = {"types": {}, "previous": None, "monotonic": True}
        about, name = keys[key], type_of(value)
        about["types"][name] = about["types"].get(name, 0) + 1
        previous = about["previous"]
        if not is_number(value) or (is_number(previous) and value < previous):
            about["monotonic"] = False
        is_short = isinstance(value, (bool, int, float)) or (
            isinstance(value, str) and len(value) <= 256 and "\0" not in value
        )
        about["previous"] = value if is_short else None


def flatten(row):
    for key, value in row.items():
        if isinstance(value, dict) and value and "_type" not in value:
            for inner, inner_value in flatten(value):
                yield f"{key}.{inner}", inner_value
        else:
            yield key, value


def type_of(value):
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)) or (isinstance(value, str) and value in _NUMBERS):
        return "number"
    if isinstance(value, dict):
        name = value.get("_type")
        return name if isinstance(name, str) and len(name) <= 512 and "\0" not in name else "map"
    return "string" if isinstance(value, str) else "list" if isinstance(value, list) else "nil"


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def copy_writers(apps):
    new = apps.get_model("tracking", "HistoryWriter")
    found = (
        apps.get_model("projects", "HistoryWriter").objects.order_by("pk").values("id", "run_id", "writer", "row_count")
    )
    batch = list(found[:5000])
    while batch:
        new.objects.bulk_create([new(**row) for row in batch])
        batch = list(found.filter(pk__gt=batch[-1]["id"])[:5000])


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial"), ("projects", "0005_runs_of_the_official_client")]

    operations = [migrations.RunPython(move_history, migrations.RunPython.noop)]

"""What a record is called on pages: records have data, but no name."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from core.validators import escape_directions
from web.numbers import significant

MAX_TITLE = 120
_NAMES = ("name", "title", "label", "experiment_name", "display_name")
_JOBS = {"ml_training_workspace": "Training", "ml_prediction": "Prediction"}
_STRUCTURE = ("type", "content_type", "content_size")


def title(data: Any) -> str:
    """What the data says of itself in one line, or an empty text.

    A name or title, or a member whose key ends in one. Or else of a training or prediction when it began and how it
    ended, and of other data the first plain member with its key: `partition: train`.
    """
    if not isinstance(data, Mapping):
        return "" if data is None or isinstance(data, list) else _text(data)
    for key in (*_NAMES, *(key for key in data if key.endswith(("_name", "_title")))):
        if isinstance(data.get(key), str) and data[key].strip():
            return _text(data[key])
    if job := _job(data):
        return _text(job)
    for key, value in _plain_members(data):
        return _text(f"{key}: {significant(value) if isinstance(value, float) else _plain(value)}")
    metadata = data.get("metadata")
    return title(metadata) if isinstance(metadata, Mapping) else ""


def _job(data: Mapping[str, Any]) -> str:
    """`Training 2025-10-18 10:00, success`."""
    name, metadata = data.get("type"), data.get("metadata")
    if not isinstance(name, str) or name not in _JOBS or not isinstance(metadata, Mapping):
        return ""
    started_at, status = (str(metadata.get(key) or "") for key in ("started_at", "status"))
    began = f"{_JOBS[name]} {started_at[:16].replace('T', ' ')}".strip()
    return f"{began}, {status}" if status else began


def _plain_members(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if key not in _STRUCTURE and value not in (None, "") and not isinstance(value, (dict, list)):
            yield key, value


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str:
    text = " ".join(escape_directions(_plain(value)).split())
    return text if len(text) <= MAX_TITLE else f"{text[:MAX_TITLE]}…"

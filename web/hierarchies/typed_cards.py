"""What the page of a record shows of data whose type is known: a training, a prediction, or anything with metadata."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware, make_aware

from web.hierarchies import data_tree
from web.numbers import significant

# Of the end of an output, in characters: the rest is in the data.
MAX_OUTPUT = 20_000
MAX_METRICS = 100
_TITLES = {"ml_training_workspace": "Training", "ml_prediction": "Prediction"}
_MOMENTS = (("started_at", "Started"), ("completed_at", "Completed"))
_SHOWN = {"status", "config_id", "started_at", "completed_at", "duration_seconds", "exit_code", "stdout", "stderr"}


class Output(NamedTuple):
    """What a program printed: the end of it, and how many characters stand before that."""

    name: str
    text: str
    omitted: int


class TypedCard(NamedTuple):
    """Of the metadata, what has a place of its own; `rest` is what else there is. None and empty where not given."""

    title: str
    status: str
    config_id: str
    # What happened when; a text where it is not written as a time.
    moments: list[tuple[str, datetime | str]]
    duration: timedelta | None
    exit_code: int | None
    metrics: list[tuple[str, Any]]
    outputs: list[Output]
    rest: dict[str, Any]
    # What the content is: an object by its name, or what the data says of its type.
    content: str
    content_type: str
    content_size: int | None

    @property
    def is_good(self) -> bool:
        return self.status == "success"

    @property
    def is_bad(self) -> bool:
        return self.status == "failed"

    @property
    def has_numbers(self) -> bool:
        return self.duration is not None or self.exit_code is not None or bool(self.metrics)


def of(type: str, data: Any) -> TypedCard | None:
    """The card of data of this type; None where it has no metadata to show."""
    metadata = data.get("metadata") if isinstance(data, Mapping) else None
    if not isinstance(metadata, Mapping) or not metadata:
        return None
    known = metadata if type in _TITLES else {}
    metrics = known.get("metrics")
    rest = {key: value for key, value in metadata.items() if known is not metadata or key not in _SHOWN}
    if isinstance(metrics, Mapping):
        del rest["metrics"]
    content = data.get("content")
    return TypedCard(
        _TITLES.get(type, "Metadata"),
        _text(known.get("status")),
        _text(known.get("config_id")),
        [(label, _moment(known[name])) for name, label in _MOMENTS if isinstance(known.get(name), str)],
        _duration(known.get("duration_seconds")),
        _whole(known.get("exit_code")),
        _metrics(metrics) if isinstance(metrics, Mapping) else [],
        [_output(name, known[name]) for name in ("stdout", "stderr") if _text(known.get(name))],
        rest,
        data_tree.object_name(content) if data_tree.is_object(content) else "",
        _text(data.get("content_type")),
        _whole(data.get("content_size")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: str) -> datetime | str:
    try:
        moment = parse_datetime(value)
    except ValueError:
        return value
    if moment is None:
        return value
    return moment if is_aware(moment) else make_aware(moment)


def _duration(value: Any) -> timedelta | None:
    try:
        return timedelta(seconds=value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    except (OverflowError, ValueError):
        return None


def _metrics(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The numbers; what else there is stands in the data."""
    plain = [(name, significant(value)) for name, value in metrics.items() if isinstance(value, int | float)]
    return plain[:MAX_METRICS]


def _output(name: str, text: str) -> Output:
    return Output(name, text[-MAX_OUTPUT:], max(0, len(text) - MAX_OUTPUT))

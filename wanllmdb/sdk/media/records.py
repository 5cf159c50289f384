"""The media among what `log` was given, as the JSON that the history has of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.media import table
from wanllmdb.sdk.media.base import Add, Media
from wanllmdb.sdk.media.image import MAX_IMAGES, Image

_MAX_DEPTH = 20


class Recorder:
    """Keeps the files of media, and replaces these by their records. What cannot be kept costs nothing else."""

    def __init__(self, add: Add, warn: Callable[[str], object]) -> None:
        self._add = add
        self._warn = warn

    def replace(self, values: Mapping[Any, Any], step: int, prefix: str = "", depth: int = 0) -> dict[Any, Any]:
        """The values, with records in place of media, of lists of media, of figures and of DataFrames."""
        replaced = {}
        for name, value in values.items():
            key = f"{prefix}{name}"
            try:
                replaced[name] = self._record(value, key, step, depth)
            except (OSError, errors.CacheError) as error:
                self._warn(f"{key} is not logged: {error}")
        return replaced

    def _record(self, value: Any, key: str, step: int, depth: int) -> Any:
        if isinstance(value, Media):
            return value._to_record(self._add, key, step)
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            return self.replace(value, step, f"{key}.", depth + 1)
        if isinstance(value, (list, tuple)) and value and all(isinstance(item, Media) for item in value):
            return self._record_list(value, key, step)
        media = _media_of(value)
        return value if media is None else media._to_record(self._add, key, step)

    def _record_list(self, value: Any, key: str, step: int) -> Any:
        items = list(value)
        if isinstance(items[0], Image) and len(items) > MAX_IMAGES:
            self._warn(f"{key}: the first {MAX_IMAGES} of {len(items)} images are logged")
            items = items[:MAX_IMAGES]
        records = [item._to_record(self._add, key, step) for item in items]
        kind = type(items[0])
        return kind._to_list_record(items, records) if all(type(item) is kind for item in items) else records


def _media_of(value: Any) -> Media | None:
    """What a value of another library is shown as."""
    library = type(value).__module__.partition(".")[0]
    if library == "matplotlib" and callable(getattr(value, "savefig", None)):
        return Image(value)
    if library == "matplotlib" and callable(getattr(getattr(value, "figure", None), "savefig", None)):
        return Image(value.figure)
    return table.of_frame(value) if library == "pandas" else None

"""Tables that stand in the data of a record itself, as `PandasDataFrame` writes them."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from artifacts.previews import dataframe_preview
from artifacts.previews.results import Table

MAX_FRAMES = 3
_MAX_DEPTH = 4


class Frame(NamedTuple):
    """A table, and the JSON pointer to it in the data; templates of previews know the pointer as its `name`."""

    name: str
    table: Table


def find(data: Any) -> list[Frame]:
    """The first tables in the data."""
    return list(islice(_find(data, "", 0), MAX_FRAMES))


def _find(value: Any, pointer: str, depth: int) -> Iterator[Frame]:
    if dataframe_preview.is_frame(value):
        yield Frame(pointer or "data", dataframe_preview.table(value))
    elif isinstance(value, Mapping) and depth < _MAX_DEPTH:
        for key, member in value.items():
            # Escaped as RFC 6901 has it.
            token = key.replace("~", "~0").replace("/", "~1")
            yield from _find(member, f"{pointer}/{token}", depth + 1)

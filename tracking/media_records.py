"""What a history row or a summary has in place of a file: an image, a table, a sound, by its name in the run's files.

Both our SDK and the official `wandb` client write these records. They are people's input: what has another form than it
should is left out, and a record that makes no sense has no items.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any, NamedTuple

# Of one record; the clients themselves stop at 108 images.
MAX_ITEMS = 120
MAX_BINS = 64
_MAX_INPUT_BINS = 4096
_MAX_CAPTION = 500
# The kinds of items, by the `_type` of their records.
_SINGLE = {
    "image-file": "image",
    "audio-file": "audio",
    "video-file": "video",
    "html-file": "html",
    "table-file": "table",
    "incremental-table-file": "table",
    "partitioned-table": "table",
    "joined-table": "table",
    "plotly-file": "file",
    "bokeh-file": "file",
    "object3D-file": "file",
    "molecule-file": "file",
    "graph-file": "file",
    "file": "file",
}
# Of several, the name of their list in the record.
_SEVERAL = {"audio": ("audio", "audio"), "videos": ("video", "videos"), "html": ("html", "html")}
_SEVERAL |= {"object3D": ("file", "filenames"), "molecule": ("file", "filenames")}
_IMAGES = ("images/separated", "images")
KINDS = {
    **_SINGLE,
    **{name: kind for name, (kind, _) in _SEVERAL.items()},
    **dict.fromkeys(_IMAGES, "image"),
    "histogram": "histogram",
}


class Item(NamedTuple):
    """One of a record: the file of the run at `path`, if it is in one, and the numbers that are known of it."""

    kind: str
    path: str = ""
    caption: str = ""
    width: int | None = None
    height: int | None = None
    rows: int | None = None
    columns: int | None = None
    # Of a histogram: the counts of its bins, and where the first begins and the last one ends.
    counts: tuple[float, ...] = ()
    least: float = 0.0
    greatest: float = 0.0


def kind_of(value: Any) -> str | None:
    """What is in the record: image, audio, video, html, table, histogram or another file; None for any other value."""
    name = value.get("_type") if isinstance(value, Mapping) else None
    return KINDS.get(name) if isinstance(name, str) else None


def items(value: Mapping[str, Any]) -> tuple[list[Item], int]:
    """The first items of a record, at most `MAX_ITEMS`, and how many it says that there are."""
    kind, name = kind_of(value), value.get("_type")
    if kind is None:
        return [], 0
    if kind == "histogram":
        found = [_histogram(value)]
    elif name in _IMAGES:
        found = list(islice(_images(value), MAX_ITEMS))
    elif name in _SEVERAL:
        found = list(islice(_several(value, *_SEVERAL[str(name)]), MAX_ITEMS))
    else:
        found = [_single(kind, value)]
    present = [item for item in found if item is not None]
    return present, max(len(present), _count(value.get("count")) or 0)


def _single(kind: str, value: Mapping[str, Any], caption: Any = None) -> Item:
    return Item(
        kind,
        _path(value.get("path")),
        _caption(value.get("caption") or caption),
        width=_count(value.get("width")),
        height=_count(value.get("height")),
        rows=_count(value.get("nrows")),
        columns=_count(value.get("ncols")),
    )


def _images(value: Mapping[str, Any]) -> Iterator[Item]:
    """Of several images there are the names of their files alone, and one width and height for all."""
    names, captions = _list(value.get("filenames")), _list(value.get("captions"))
    size = {"width": _count(value.get("width")), "height": _count(value.get("height"))}
    for index, name in enumerate(names):
        yield Item("image", _path(name), _caption(captions[index] if index < len(captions) else ""), **size)


def _several(value: Mapping[str, Any], kind: str, field: str) -> Iterator[Item]:
    captions = _list(value.get("captions"))
    for index, one in enumerate(_list(value.get(field))):
        caption = captions[index] if index < len(captions) else ""
        record = one if isinstance(one, Mapping) else {"path": one}
        yield _single(kind, record, caption)


def _histogram(value: Mapping[str, Any]) -> Item | None:
    """Counts of bins, whose limits are listed, or evenly spaced; of many bins, neighbours are added up."""
    counts = [_number(one) for one in _list(value.get("values"))[:_MAX_INPUT_BINS]]
    limits = [_number(one) for one in _list(value.get("bins"))[: _MAX_INPUT_BINS + 1]]
    packed = value.get("packedBins")
    if isinstance(packed, Mapping):
        begin, size = _number(packed.get("min")), _number(packed.get("size"))
        limits = [begin, begin + size * len(counts)] if begin is not None and size is not None else []
    if not counts or len(limits) < 2 or limits[0] is None or limits[-1] is None:
        return None
    heights = [max(0.0, count or 0.0) for count in counts]
    width = -(-len(heights) // MAX_BINS)
    joined = tuple(sum(heights[start : start + width]) for start in range(0, len(heights), width))
    if not all(map(isfinite, (*joined, limits[0], limits[-1]))):
        return None
    return Item("histogram", counts=joined, least=limits[0], greatest=limits[-1])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _path(value: Any) -> str:
    """Where it is in the files of the run; empty for what is in an artifact, or can be the name of no file."""
    is_path = isinstance(value, str) and len(value) <= 1024 and "://" not in value and "\0" not in value
    return value.removeprefix("./") if is_path else ""


def _caption(value: Any) -> str:
    return value[:_MAX_CAPTION] if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
    return value if is_count else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None

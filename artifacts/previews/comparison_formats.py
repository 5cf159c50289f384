"""Selects how two files are compared, by their name. Imports nothing of Django; what reads bytes runs in a sandbox."""

from pathlib import PurePosixPath

from artifacts import file_kinds
from artifacts.previews import image_preview
from artifacts.previews.comparison_results import Comparison, ImagePair
from artifacts.previews.reader import Reader

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".pq")
_TENSORS = (".safetensors", ".npz")
# Of these a comparison of lines says something too.
_TEXTS = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")


def is_known(name: str) -> bool:
    """Whether files of this name are compared by what they hold."""
    return _suffix(name) in (*_TABLES, *_TENSORS, *file_kinds.RASTER_IMAGES)


def is_text(name: str) -> bool:
    """Whether the lines of files of this name may be compared as well."""
    return not is_known(name) or _suffix(name) in _TEXTS


def compare(name: str, before: Reader, after: Reader) -> Comparison:
    """What differs. Raises `FormatMismatch` where the bytes are not what the name says, and `PreviewTooLarge`."""
    suffix = _suffix(name)
    if suffix in file_kinds.RASTER_IMAGES:
        return ImagePair(image_preview.preview(before), image_preview.preview(after))
    # Neither is needed for the other, and each takes time to load.
    if suffix in _TENSORS:
        from artifacts.previews import tensor_comparison

        return tensor_comparison.compare(suffix, before, after)
    from artifacts.previews import table_comparison

    return table_comparison.compare(suffix, before, after)


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()

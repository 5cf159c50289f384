"""Selects the preview of a file by its name and by its first bytes. Runs in a sandboxed process."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from artifacts.previews import (
    image_preview,
    json_preview,
    table_preview,
    tensor_preview,
    text_preview,
)
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, NoPreview, Preview, Text

_MAGIC_LENGTH = 512


def _parquet(reader: Reader) -> Preview:
    # Arrow takes longer to load than all other previews take.
    from artifacts.previews import parquet_preview

    return parquet_preview.preview(reader)


_BY_SUFFIX: dict[str, Callable[[Reader], Preview]] = {
    ".csv": table_preview.csv_rows,
    ".tsv": table_preview.tsv_rows,
    ".tab": table_preview.tsv_rows,
    ".jsonl": table_preview.json_lines,
    ".ndjson": table_preview.json_lines,
    ".json": json_preview.preview,
    ".geojson": json_preview.preview,
    ".ipynb": json_preview.preview,
    ".md": text_preview.markdown,
    ".markdown": text_preview.markdown,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".safetensors": tensor_preview.safetensors,
    ".npy": tensor_preview.npy,
    ".npz": tensor_preview.npz,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp"), image_preview.preview),
}


def preview(name: str, reader: Reader) -> Preview:
    """What the bytes hold, text without its colours. Raises `PreviewTooLarge`."""
    if reader.size == 0:
        return NoPreview("This file is empty.")
    previewer = _BY_SUFFIX.get(PurePosixPath(name).suffix.lower()) or _by_bytes(reader.head(_MAGIC_LENGTH))
    if previewer is None:
        return text_preview.preview(reader, name)
    try:
        return previewer(reader)
    except FormatMismatch as error:
        fallback = text_preview.preview(reader, name)
        if isinstance(fallback, Text):
            return replace(fallback, note=f"{error} {fallback.note}".strip())
        return NoPreview(str(error))


def _by_bytes(head: bytes) -> Callable[[Reader], Preview] | None:
    if image_preview.sniff(head):
        return image_preview.preview
    if head.startswith(b"PAR1"):
        return _parquet
    return tensor_preview.npy if head.startswith(b"\x93NUMPY") else None

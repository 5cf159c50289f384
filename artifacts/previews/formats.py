"""Selects the preview of a file by its name and by its first bytes. Runs in a sandboxed process."""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from artifacts import file_kinds
from artifacts.previews import (
    archive_preview,
    dataframe_preview,
    gguf_preview,
    image_preview,
    json_preview,
    logged_table_preview,
    media_preview,
    notebook_preview,
    onnx_preview,
    pickle_preview,
    table_preview,
    tensor_preview,
    text_preview,
)
from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import FormatMismatch, Markdown, NoPreview, Preview, Table, Tensors, Text, Tree

# Of a file that is compressed by itself, once unpacked.
MAX_UNPACKED = 8 * 2**20
_MAGIC_LENGTH = 512

# What a file in a gzip may be shown as: whatever needs none of its bytes beside.
_UNPACKED = (Text, Tree, Tensors, Markdown)

Previewer = Callable[[Reader], Preview]
_AUDIO = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac")
_VIDEO = (".mp4", ".m4v", ".mov", ".webm", ".ogv", ".mkv")
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill")
_ZIPS = (".zip", ".whl", ".jar", ".egg", ".keras")
_TARS = (".tar", ".tgz", ".tbz2", ".txz")
_TABLES: dict[str, Callable[[Reader, str], Table]] = {
    ".csv": table_preview.csv_rows,
    ".tsv": table_preview.tsv_rows,
    ".tab": table_preview.tsv_rows,
    ".jsonl": table_preview.json_lines,
    ".ndjson": table_preview.json_lines,
}
_PARQUET = (".parquet", ".pq")
_BY_SUFFIX: dict[str, Previewer] = {
    ".json": json_preview.preview,
    ".geojson": json_preview.preview,
    ".ipynb": notebook_preview.preview,
    ".md": text_preview.markdown,
    ".markdown": text_preview.markdown,
    ".safetensors": tensor_preview.safetensors,
    ".npy": tensor_preview.npy,
    ".npz": tensor_preview.npz,
    ".gguf": gguf_preview.preview,
    ".onnx": onnx_preview.preview,
    ".pdf": media_preview.document,
    **dict.fromkeys(file_kinds.RASTER_IMAGES, image_preview.preview),
    **dict.fromkeys((*_AUDIO, *_VIDEO), media_preview.media),
    **dict.fromkeys(_PICKLES, pickle_preview.preview),
    **dict.fromkeys(_ZIPS, archive_preview.zipped),
    **dict.fromkeys(_TARS, archive_preview.tarred),
}


def preview(name: str, reader: Reader, rows: str = "") -> Preview:
    """What the bytes hold, text without its colours; of a table the rows from `rows` on. Raises `PreviewTooLarge`."""
    if reader.size == 0:
        return NoPreview("This file is empty.")
    by_name = _by_name(name, rows)
    previewer = by_name or _by_bytes(reader.head(_MAGIC_LENGTH), rows)
    if previewer is None:
        return text_preview.preview(reader, name)
    try:
        return previewer(reader)
    except FormatMismatch as error:
        if by_name is None:
            return text_preview.preview(reader, name)
        fallback = text_preview.preview(reader, name)
        if isinstance(fallback, Text):
            return replace(fallback, note=f"{error} {fallback.note}".strip())
        return NoPreview(str(error))


def summarised(table: Table, name: str, reader: Reader) -> Table:
    """The table with summaries of its columns, if it has its first rows."""
    suffix = PurePosixPath(name).suffix.lower()
    if table.first > 1 or not table.columns or suffix == ".gz":
        return table
    if suffix in _TABLES:
        return table_preview.summarised(table, name, reader)
    if suffix == ".json":
        return table
    from artifacts.previews import parquet_preview

    return parquet_preview.summarised(table, reader)


def _by_name(name: str, rows: str) -> Previewer | None:
    lower = name.lower()
    suffix = PurePosixPath(lower).suffix
    if table := _TABLES.get(suffix):
        return lambda reader: table(reader, rows)
    if suffix in _PARQUET:
        return _parquet(rows)
    if lower.endswith((".tar.gz", ".tar.bz2", ".tar.xz")):
        return archive_preview.tarred
    if lower.endswith(".dataframe.json"):
        return dataframe_preview.preview
    if lower.endswith(logged_table_preview.SUFFIX):
        return lambda reader: _logged_table(reader, rows)
    if suffix == ".gz":
        return lambda reader: _unpacked(name[:-3], reader)
    return _BY_SUFFIX.get(suffix)


def _by_bytes(head: bytes, rows: str) -> Previewer | None:
    if image_preview.sniff(head):
        return image_preview.preview
    if head.startswith(b"PAR1"):
        return _parquet(rows)
    if head.startswith(b"PK\x03\x04"):
        # PyTorch's files are zips too, whatever they are called.
        return pickle_preview.preview if b"data.pkl" in head else archive_preview.zipped
    if head.startswith(b"GGUF"):
        return gguf_preview.preview
    if media_preview.sniff(head):
        return media_preview.document if head.startswith(b"%PDF-") else media_preview.media
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05" and head[2:3] in b"\x95}]c(\x8aX\x8c":
        return pickle_preview.preview
    return tensor_preview.npy if head.startswith(b"\x93NUMPY") else None


def _parquet(rows: str) -> Previewer:
    def preview(reader: Reader) -> Preview:
        # Arrow takes longer to load than all other previews take.
        from artifacts.previews import parquet_preview

        return parquet_preview.preview(reader, rows)

    return preview


def _logged_table(reader: Reader, rows: str) -> Preview:
    """A table by its name. What is none is JSON like any other."""
    try:
        return logged_table_preview.preview(reader, rows)
    except FormatMismatch:
        return json_preview.preview(reader)


def _unpacked(name: str, reader: Reader) -> Preview:
    """The preview of the file in a gzip, of which only the beginning is unpacked."""
    try:
        with gzip.open(SeekableFile(reader)) as file:
            data = file.read(MAX_UNPACKED)
    except (OSError, EOFError, zlib.error) as error:
        raise FormatMismatch("This is not a gzip file, despite its name.") from error
    if name.lower().endswith(".gz"):
        raise FormatMismatch("No preview for files that are compressed twice.")
    inner = preview(name, Reader(len(data), lambda offset, length: data[offset : offset + length]))
    if isinstance(inner, Table):
        # Where its next rows are is known of the unpacked file alone.
        return replace(inner, next=None, last=None, is_text=False)
    return inner if isinstance(inner, _UNPACKED) else NoPreview("No preview for what is in this gzip file.")

"""Selects the preview of a file by its name and by its first bytes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from artifacts import errors
from artifacts.content import downloads
from artifacts.models import ArtifactFile
from artifacts.previews import (
    image_preview,
    json_preview,
    parquet_preview,
    table_preview,
    tensor_preview,
    text_preview,
)
from artifacts.previews.reader import Reader
from artifacts.previews.results import (
    FormatMismatch,
    Image,
    NoPreview,
    Preview,
    PreviewTooLarge,
    Text,
    TooLarge,
)

_MAGIC_LENGTH = 512

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
    ".parquet": parquet_preview.preview,
    ".pq": parquet_preview.preview,
    ".safetensors": tensor_preview.safetensors,
    ".npy": tensor_preview.npy,
    ".npz": tensor_preview.npz,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp"), image_preview.preview),
}


def preview(file: ArtifactFile) -> Preview:
    """The preview of the file, whatever its bytes are: at least `NoPreview`, with the reason."""
    try:
        downloads.require_readable(file)
        return select(file.name, Reader(file.size, lambda offset, length: downloads.read_range(file, offset, length)))
    except PreviewTooLarge as error:
        return TooLarge(str(error))
    except errors.RegistryError as error:
        return NoPreview(str(error))


def image(file: ArtifactFile) -> Image:
    """Type and size of an image, before it is sent as one. Raises `Missing` if it is not shown as an image."""
    result = preview(file)
    if not isinstance(result, Image):
        raise errors.Missing(f"{file.path!r} is not shown as an image.")
    return result


def select(name: str, reader: Reader) -> Preview:
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
        return parquet_preview.preview
    return tensor_preview.npy if head.startswith(b"\x93NUMPY") else None

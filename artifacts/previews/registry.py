"""A look at a file: which kind of preview it gets, by its name and by its bytes."""

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

_MAGIC = 512

_BY_SUFFIX: dict[str, Callable[[Reader], Preview]] = {
    ".csv": table_preview.csv_rows,
    ".tsv": table_preview.tsv_rows,
    ".tab": table_preview.tsv_rows,
    ".jsonl": table_preview.json_lines,
    ".ndjson": table_preview.json_lines,
    ".json": json_preview.show,
    ".geojson": json_preview.show,
    ".ipynb": json_preview.show,
    ".md": text_preview.prose,
    ".markdown": text_preview.prose,
    ".parquet": parquet_preview.show,
    ".pq": parquet_preview.show,
    ".safetensors": tensor_preview.safetensors,
    ".npy": tensor_preview.npy,
    ".npz": tensor_preview.npz,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp"), image_preview.show),
}


def preview(file: ArtifactFile) -> Preview:
    """Whatever the bytes are, or are not, there is an answer: at least `Nothing`, with the reason."""
    try:
        downloads.read_range(file, 0, 0)
        return select(file.name, Reader(file.size, lambda offset, length: downloads.read_range(file, offset, length)))
    except PreviewTooLarge as fault:
        return TooLarge(str(fault))
    except errors.RegistryError as refusal:
        return NoPreview(str(refusal))


def image(file: ArtifactFile) -> Image:
    """What the file is, for those who are about to send it as an image. `Missing` if it is none that we show."""
    shown = preview(file)
    if not isinstance(shown, Image):
        raise errors.Missing(f"{file.path!r} is not shown as an image.")
    return shown


def select(name: str, reader: Reader) -> Preview:
    if reader.size == 0:
        return NoPreview("This file is empty.")
    show = _BY_SUFFIX.get(PurePosixPath(name).suffix.lower()) or _by_bytes(reader.head(_MAGIC))
    if show is None:
        return text_preview.show(reader, name)
    try:
        return show(reader)
    except FormatMismatch as fault:
        shown = text_preview.show(reader, name)
        return (
            replace(shown, note=f"{fault} {shown.note}".strip()) if isinstance(shown, Text) else NoPreview(str(fault))
        )


def _by_bytes(head: bytes) -> Callable[[Reader], Preview] | None:
    if image_preview.sniff(head):
        return image_preview.show
    if head.startswith(b"PAR1"):
        return parquet_preview.show
    return tensor_preview.npy if head.startswith(b"\x93NUMPY") else None

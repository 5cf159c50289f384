"""A look at a file: which kind of preview it gets, by its name and by its bytes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from artifacts import downloads, errors
from artifacts.models import ArtifactFile
from artifacts.previews import images, parquet, tables, tensors, texts, trees
from artifacts.previews.reader import Reader
from artifacts.previews.shapes import Image, Nothing, Oversized, Preview, Text, TooLarge, Unfit

_MAGIC = 512

_BY_SUFFIX: dict[str, Callable[[Reader], Preview]] = {
    ".csv": tables.csv_rows,
    ".tsv": tables.tsv_rows,
    ".tab": tables.tsv_rows,
    ".jsonl": tables.json_lines,
    ".ndjson": tables.json_lines,
    ".json": trees.show,
    ".geojson": trees.show,
    ".ipynb": trees.show,
    ".md": texts.prose,
    ".markdown": texts.prose,
    ".parquet": parquet.show,
    ".pq": parquet.show,
    ".safetensors": tensors.safetensors,
    ".npy": tensors.npy,
    ".npz": tensors.npz,
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".bmp"), images.show),
}


def at(file: ArtifactFile) -> Preview:
    """Whatever the bytes are, or are not, there is an answer: at least `Nothing`, with the reason."""
    try:
        downloads.read(file, 0, 0)
        return choose(file.name, Reader(file.size, lambda offset, length: downloads.read(file, offset, length)))
    except Oversized as fault:
        return TooLarge(str(fault))
    except errors.RegistryError as refusal:
        return Nothing(str(refusal))


def image(file: ArtifactFile) -> Image:
    """What the file is, for those who are about to send it as an image. `Missing` if it is none that we show."""
    shown = at(file)
    if not isinstance(shown, Image):
        raise errors.Missing(f"{file.path!r} is not shown as an image.")
    return shown


def choose(name: str, reader: Reader) -> Preview:
    if reader.size == 0:
        return Nothing("This file is empty.")
    show = _BY_SUFFIX.get(PurePosixPath(name).suffix.lower()) or _by_bytes(reader.head(_MAGIC))
    if show is None:
        return texts.show(reader, name)
    try:
        return show(reader)
    except Unfit as fault:
        shown = texts.show(reader, name)
        return replace(shown, note=f"{fault} {shown.note}".strip()) if isinstance(shown, Text) else Nothing(str(fault))


def _by_bytes(head: bytes) -> Callable[[Reader], Preview] | None:
    if images.sniff(head):
        return images.show
    if head.startswith(b"PAR1"):
        return parquet.show
    return tensors.npy if head.startswith(b"\x93NUMPY") else None

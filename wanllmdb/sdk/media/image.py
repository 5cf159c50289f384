"""The public class `Image`."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked, warn_once
from wanllmdb.sdk.media.base import FileMedia, captions, extension_of, is_path, local_file, to_array

MAX_IMAGES = 108
EXTENSIONS = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "avif")
_HEADER_BYTES = 1 << 16
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
"""Of PNG, by the number of channels."""


class Image(FileMedia):
    """A picture: the path of a file, an array of numpy or torch, a picture of PIL, or a figure of matplotlib.

    An array has the shape (height, width) or (height, width, channels), of torch (channels, height, width). Numbers
    that are no bytes are brought to the range of a picture: those up to 1 are multiplied by 255, and negative ones make
    the smallest the darkest; without `normalize` they are taken as they are. Raises `Invalid`.
    """

    _type = "image-file"
    _directory = "images"

    @checked(leaves=("data_or_path",))
    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Any = None,
        masks: Any = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        if classes is not None or boxes is not None or masks is not None:
            warn_once("Image(boxes=…, masks=…)", "boxes and masks are not recorded: draw them into the picture")
        content: bytes | Path
        self.width: int | None = None
        self.height: int | None = None
        extension = (file_type or "png").lower().removeprefix(".")
        if isinstance(data_or_path, Image):
            content, extension = data_or_path._content, data_or_path._extension
            caption = data_or_path.caption if caption is None else caption
        elif is_path(data_or_path):
            content = local_file(data_or_path, "Image")
            extension = extension_of(content, "")
            if extension not in EXTENSIONS:
                raise errors.Invalid(f"Image: {content} is no picture: its name ends in one of {', '.join(EXTENSIONS)}")
        elif callable(getattr(data_or_path, "savefig", None)):
            content = _saved(lambda file: data_or_path.savefig(file, format=extension))
        elif callable(getattr(data_or_path, "save", None)) and hasattr(data_or_path, "mode"):
            picture = data_or_path.convert(mode) if mode else data_or_path
            content = _saved(lambda file: picture.save(file, format={"jpg": "jpeg"}.get(extension, extension)))
        else:
            content, extension = _encode(data_or_path, normalize), "png"
        super().__init__(content, extension, caption)
        self.format = extension
        size = size_of(content)
        if size is not None:
            self.width, self.height = size

    def _details(self) -> dict[str, Any]:
        size = {} if self.width is None else {"width": self.width, "height": self.height}
        return {"format": self.format, **size}

    @classmethod
    def _to_list_record(cls, items: Sequence[Any], records: list[dict[str, Any]]) -> Any:
        first = records[0]
        details = {name: first[name] for name in ("width", "height", "format") if name in first}
        return {
            "_type": "images/separated",
            **details,
            "count": len(records),
            "filenames": [record["path"] for record in records],
            **captions(items),
        }


def size_of(content: bytes | Path) -> tuple[int, int] | None:
    """Width and height of a PNG, GIF or JPEG, from its first bytes; None of others."""
    head = content[:_HEADER_BYTES] if isinstance(content, bytes) else _head(content)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
        return width, height
    return _jpeg_size(head) if head.startswith(b"\xff\xd8") else None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        # A frame begins here; the three others of this range are tables.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER_BYTES)


def _saved(save: Any) -> bytes:
    file = io.BytesIO()
    try:
        save(file)
    except (OSError, ValueError, KeyError) as error:
        raise errors.Invalid(f"Image: this picture cannot be saved: {error}") from error
    return file.getvalue()


def _encode(value: Any, normalize: bool) -> bytes:
    """A PNG of an array."""
    is_torch = type(value).__module__.partition(".")[0] == "torch"
    array = to_array(value, "Image")
    if is_torch and array.ndim == 3 and array.shape[0] in _COLOUR_TYPES:
        array = array.transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in _COLOUR_TYPES or 0 in array.shape:
        raise errors.Invalid(
            f"Image takes an array of the shape (height, width) or (height, width, channels), not {array.shape}; of "
            "several pictures log a list"
        )
    array = _to_bytes(array, normalize)
    height, width, channels = array.shape
    # Each line begins with its filter, of which 0 is none.
    lines = b"".join(b"\0" + line.tobytes() for line in array)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _to_bytes(array: Any, normalize: bool) -> Any:
    if array.dtype.kind == "b":
        return array.astype("uint8") * 255
    if array.dtype == "uint8" or not normalize:
        return array.clip(0, 255).astype("uint8")
    array = array.astype("float64")
    # What is no number is black.
    array[~((array > float("-inf")) & (array < float("inf")))] = 0
    smallest, spread = array.min(), array.max() - array.min()
    if smallest < 0:
        array = (array - smallest) / (spread or 1)
    if array.max() <= 1:
        array = array * 255
    return array.clip(0, 255).astype("uint8")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

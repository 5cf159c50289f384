"""Images that browsers can show. Type and size are read from their first bytes."""

import struct

from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Image, PreviewTooLarge

MAX_IMAGE = 20 * 2**20
MAX_PIXELS = 100_000_000
_HEAD = 64 * 2**10

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def preview(reader: Reader) -> Image:
    """Raises `FormatMismatch` for an unknown type, `PreviewTooLarge` for too many bytes or pixels."""
    head = reader.head(_HEAD)
    type = sniff(head)
    if type is None:
        raise FormatMismatch("This is not an image in a known format, despite its name.")
    width, height = _dimensions(type, head) or (None, None)
    if reader.size > MAX_IMAGE or (width or 0) * (height or 0) > MAX_PIXELS:
        raise PreviewTooLarge
    return Image(type, width, height)


def safe_type(data: bytes) -> str | None:
    """The media type of a whole image in memory, None for one in an unknown format or of too many pixels."""
    type = sniff(data)
    width, height = (type and _dimensions(type, data)) or (0, 0)
    return type if width * height <= MAX_PIXELS else None


def sniff(head: bytes) -> str | None:
    """The media type of an image by its first bytes. Never SVG: that is a document, with scripts in it."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "image/avif"
    if head.startswith(b"BM") and len(head) > 26 and head[6:10] == bytes(4):
        return "image/bmp"
    return None


def _dimensions(type: str, head: bytes) -> tuple[int, int] | None:
    """Width and height, so that the page can reserve the space; None where they are not in the first bytes."""
    try:
        match type:
            case "image/png":
                return struct.unpack_from(">II", head, 16)
            case "image/gif":
                return struct.unpack_from("<HH", head, 6)
            case "image/bmp":
                width, height = struct.unpack_from("<ii", head, 18)
                return abs(width), abs(height)
            case "image/jpeg":
                return _jpeg_dimensions(head)
            case "image/webp" if len(head) >= 30:
                return _webp_dimensions(head)
    except struct.error:
        return None
    return None


def _jpeg_dimensions(head: bytes) -> tuple[int, int] | None:
    """From marker to marker up to the frame header."""
    offset = 2
    while offset + 9 <= len(head) and head[offset] == 0xFF:
        marker = head[offset + 1]
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", head, offset + 5)
            return width, height
        (length,) = struct.unpack_from(">H", head, offset + 2)
        offset += 2 + max(length, 2)
    return None


def _webp_dimensions(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
    return None

"""Audio, video and PDF, which the browser plays or shows itself. Their types are read from their first bytes."""

import re

from artifacts.previews.reader import Reader
from artifacts.previews.results import Document, FormatMismatch, Media

MAX_HEAD = 4 * 2**10
MAX_SCANNED = 8 * 2**20
PDF = "application/pdf"
_CODE = re.compile(rb"#([0-9A-Fa-f]{2})")
_SCRIPT = re.compile(rb"/(JS|JavaScript)[^A-Za-z0-9]")
_AUDIO_BRANDS = (b"M4A ", b"M4B ", b"F4A ")


def media(reader: Reader) -> Media:
    """Raises `FormatMismatch` for what no browser plays."""
    type = sniff(reader.head(MAX_HEAD))
    if type is None or type == PDF:
        raise FormatMismatch("This is not audio or video in a known format, despite its name.")
    return Media(type)


def document(reader: Reader) -> Document:
    """Raises `FormatMismatch` for what is no PDF."""
    data = reader.head(MAX_SCANNED)
    if sniff(data) != PDF:
        raise FormatMismatch("This is not a PDF, despite its name.")
    # A name may have characters by their codes. Names in compressed parts are not seen.
    names = _CODE.sub(lambda match: bytes.fromhex(match[1].decode()), data)
    return Document(_SCRIPT.search(names) is not None)


def sniff(head: bytes) -> str | None:
    """The media type of audio, video or a PDF by its first bytes: none that a browser could take for a page."""
    if head.startswith(b"%PDF-"):
        return PDF
    if head[4:8] == b"ftyp":
        return _iso_type(head[8:12])
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"OggS"):
        return "video/ogg" if b"theora" in head[:64] else "audio/ogg"
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "audio/wav"
    if head.startswith(b"fLaC"):
        return "audio/flac"
    return "audio/mpeg" if head.startswith(b"ID3") or _is_mpeg_frame(head) else None


def _iso_type(brand: bytes) -> str | None:
    """Of the family of MP4, whose pictures are images, not media."""
    if brand in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"):
        return None
    return "audio/mp4" if brand in _AUDIO_BRANDS else "video/mp4"


def _is_mpeg_frame(head: bytes) -> bool:
    """Whether an MP3 or AAC frame comes first, with a layer, a bit rate and a sampling rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return False
    return head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3

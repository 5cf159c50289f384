"""Text and code: decoded by what the bytes are, shown up to a size."""

import codecs
from pathlib import PurePosixPath

from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Markdown, NoPreview, PreviewTooLarge, Text

# Larger texts than MAX_TEXT have no preview; of others the first MAX_EXCERPT bytes are shown.
MAX_EXCERPT = 128 * 2**10
MAX_TEXT = 10 * 2**20
# Model cards with hundreds of evaluation results are a quarter of this.
MAX_MARKDOWN = 256 * 2**10
_PLAIN = (".txt", ".log", ".out", ".err")
MAX_LINES = 2_000
MAX_LINE = 1_000

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")
# Characters that would be invisible, or change the direction of text, are shown by their codes.
_VISIBLE = {code: chr(0x2400 + code) for code in range(32) if code not in b"\t\n"} | {
    code: f"⟨U+{code:04X}⟩" for code in (0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def preview(reader: Reader, name: str) -> Text | NoPreview:
    """The start of a text. Raises `PreviewTooLarge` beyond `MAX_TEXT`."""
    text = decode(reader.head(MAX_EXCERPT), is_whole=reader.size <= MAX_EXCERPT)
    if text is None:
        suffix = PurePosixPath(name).suffix.lower()
        return NoPreview(
            f"No preview for {suffix} files." if 1 < len(suffix) < 12 else "No preview for this kind of file."
        )
    if reader.size > MAX_TEXT:
        raise PreviewTooLarge
    lines, is_whole = _limit_lines(text, reader.size <= MAX_EXCERPT)
    note = "" if is_whole else "Showing the start of the file. Download it for the rest."
    return Text([[("", line)] for line in lines], note)


def is_code(name: str) -> bool:
    """Whether a text of this name may be in a language that has colours."""
    return not name.lower().endswith(_PLAIN)


def markdown(reader: Reader) -> Markdown:
    if reader.size > MAX_MARKDOWN:
        raise FormatMismatch("This Markdown is too long to render, so it is shown as text.")
    text = decode(reader.head(MAX_MARKDOWN))
    if text is None:
        raise FormatMismatch("This is not Markdown, whatever its name says.")
    return Markdown(text)


def decode(data: bytes, *, is_whole: bool = True) -> str | None:
    """The text, or None for binary data. One that is not whole may end within a character."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decode_strictly(data[len(bom) :], encoding, is_whole)
    if b"\0" in data:
        return None
    text = _decode_strictly(data, "utf-8", is_whole)
    if text is not None:
        return text
    if len(data.translate(None, _CONTROLS)) < len(data):
        return None
    return data.decode("cp1252", "replace")


def complete_lines(data: bytes, *, is_whole: bool) -> str:
    """The text without a last line that was cut off. Raises `FormatMismatch` for binary data."""
    text = decode(data, is_whole=is_whole)
    if text is None:
        raise FormatMismatch("This is not text, whatever its name says.")
    return text if is_whole else text[: text.rfind("\n") + 1] or text


def _decode_strictly(data: bytes, encoding: str, is_whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return None


def _limit_lines(text: str, is_whole: bool) -> tuple[list[str], bool]:
    """Lines that are safe to show, and whether they are all there are."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    is_whole = is_whole and len(lines) <= MAX_LINES and all(len(line) <= MAX_LINE for line in lines)
    truncated = [line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…" for line in lines[:MAX_LINES]]
    return [line.translate(_VISIBLE) for line in truncated], is_whole

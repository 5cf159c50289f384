"""Text and code: decoded by what the bytes are, shown up to a size."""

import codecs
from pathlib import PurePosixPath

from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Markdown, NoPreview, Text

MAX_EXCERPT = 128 * 2**10
MAX_TAIL = 64 * 2**10
# Model cards with hundreds of evaluation results are a quarter of this.
MAX_MARKDOWN = 256 * 2**10
_PLAIN = (".txt", ".log", ".out", ".err")
MAX_LINES = 2_000
# Of a text that is longer: its first and its last lines.
MAX_HEAD_LINES = 1_000
MAX_TAIL_LINES = 500
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
    """A text; of a long one its first and its last lines."""
    data = reader.head(MAX_EXCERPT)
    text = decode(data, is_whole=reader.size <= MAX_EXCERPT)
    if text is None:
        suffix = PurePosixPath(name).suffix.lower()
        return NoPreview(
            f"No preview for {suffix} files." if 1 < len(suffix) < 12 else "No preview for this file type."
        )
    lines, is_whole = _limit_lines(text, reader.size <= MAX_EXCERPT)
    if not is_whole and (both_ends := _both_ends(reader, data)):
        return both_ends
    note = "" if is_whole else "Showing the start of the file. Download it for the rest."
    return Text([[("", line)] for line in lines], note)


def _both_ends(reader: Reader, data: bytes) -> Text | None:
    """The first and the last lines of a text that begins with `data`; None for one that has not so many lines."""
    head = data[: data.rfind(b"\n") + 1].split(b"\n", MAX_HEAD_LINES)
    if len(head) < 3 or data.startswith(tuple(bom for bom, _ in _BOMS[1:])):
        return None
    first = b"\n".join(head[:-1]) + b"\n"
    start = max(reader.size - MAX_TAIL, len(first))
    # What begins in the middle of a line, or of a character, begins with the next line.
    lines = reader.read(start, MAX_TAIL).splitlines(keepends=True)[start > len(first) :][-MAX_TAIL_LINES:]
    text, end = decode(first), decode(b"".join(lines))
    if text is None or end is None or not lines:
        return None
    skipped = reader.size - len(first) - sum(map(len, lines))
    note = "Showing the start and the end of the file. Download it for the rest." if skipped else ""
    return Text([[("", line)] for line in visible_lines(text)], note, visible_lines(end), skipped)


def is_code(name: str) -> bool:
    """Whether a text of this name may be in a language that has colours."""
    return not name.lower().endswith(_PLAIN)


def markdown(reader: Reader) -> Markdown:
    if reader.size > MAX_MARKDOWN:
        raise FormatMismatch("This Markdown is too long to render, so it is shown as text.")
    text = decode(reader.head(MAX_MARKDOWN))
    if text is None:
        raise FormatMismatch("This is not Markdown, despite its name.")
    return Markdown(text)


def decode(data: bytes, *, is_whole: bool = True) -> str | None:
    """The text, or None for binary data. One that is not whole may end within a character."""
    encoding = encoding_of(data, is_whole=is_whole)
    if encoding is None:
        return None
    bom = next((bom for bom, _ in _BOMS if data.startswith(bom)), b"")
    decoder = codecs.getincrementaldecoder(encoding)("replace" if encoding == "cp1252" else "strict")
    return decoder.decode(data[len(bom) :], final=is_whole)


def encoding_of(data: bytes, *, is_whole: bool = True) -> str | None:
    """The encoding of a text, None for binary data."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return encoding if _is_encoded(data[len(bom) :], encoding, is_whole) else None
    if b"\0" in data:
        return None
    if _is_encoded(data, "utf-8", is_whole):
        return "utf-8"
    return "cp1252" if len(data.translate(None, _CONTROLS)) == len(data) else None


def complete_lines(data: bytes, *, is_whole: bool) -> str:
    """The text without a last line that was cut off. Raises `FormatMismatch` for binary data."""
    text = decode(data, is_whole=is_whole)
    if text is None:
        raise FormatMismatch("This is not text, despite its name.")
    return text if is_whole else text[: text.rfind("\n") + 1] or text


def _is_encoded(data: bytes, encoding: str, is_whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data, final=is_whole)
    except UnicodeDecodeError:
        return False
    return True


def visible_lines(text: str) -> list[str]:
    """All lines of a text, each cut to `MAX_LINE` and safe to show."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    cut = (line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…" for line in lines)
    return [line.translate(_VISIBLE) for line in cut]


def _limit_lines(text: str, is_whole: bool) -> tuple[list[str], bool]:
    """Lines that are safe to show, and whether they are all there are."""
    lines = visible_lines(text)
    is_whole = is_whole and len(lines) <= MAX_LINES and all(len(line) <= MAX_LINE for line in lines)
    return lines[:MAX_LINES], is_whole

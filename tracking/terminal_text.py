"""What programs write for a terminal: text, and sequences that colour it, move the cursor or change the window's title.

Only colours and weights of letters are kept, as names; whatever else a sequence asks for, nothing does it.
"""

import re
from functools import lru_cache
from typing import NamedTuple

# A line that changes its style more often goes on in the style that it has then.
MAX_SPANS = 100
# Each alternative begins with another character after the escape, and ends at the next one: no line takes long.
_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[PX^_][^\x1b\n]*(?:\x1b\\)?|[ -/]+[0-~]?|[0-~]?)"
)
_STYLE = re.compile(r"\x1b\[([0-9;:]{0,64})m")
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(0x7F, 0xA0)])
_FLAGS = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike"}
_ENDS = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 27: ("inverse",), 29: ("strike",)}
# Red, green and blue of the 16 colours that have names; of any other the nearest one is shown.
_PALETTE = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip


class Span(NamedTuple):
    """A piece of a line. `style` has words such as `fg1`, `bg4` and `bold`, for colours 0 to 15; "" is plain."""

    style: str
    text: str


def plain(text: str) -> str:
    """The text alone, as it stands in the terminal in the end; line feeds and tabs stay."""
    if "\x1b" in text:
        text = _SEQUENCE.sub("", text)
    if "\r" in text:
        text = "\n".join(map(_overwritten, text.split("\n")))
    return text if text.isprintable() else text.translate(_CONTROLS)


def spans(text: str) -> list[Span]:
    """The pieces of one line, each with its style."""
    text = _overwritten(text)
    if "\x1b" not in text:
        return [Span("", plain(text))]
    found: list[Span] = []
    style: dict[str, str] = {}
    position = 0
    for match in _SEQUENCE.finditer(text):
        _add(found, style, text[position : match.start()])
        position = match.end()
        sets_style = _STYLE.fullmatch(match[0]) if len(found) < MAX_SPANS else None
        if sets_style:
            _apply(style, sets_style[1])
    _add(found, style, text[position:])
    return found


def _overwritten(line: str) -> str:
    """What is left of a line that the program began anew, as progress bars do."""
    if "\r" not in line:
        return line
    before, _, last = line.rstrip("\r").rpartition("\r")
    return last or before


def _add(found: list[Span], style: dict[str, str], text: str) -> None:
    text = plain(text)
    if not text:
        return
    name = " ".join(sorted(style.values()))
    if found and found[-1].style == name:
        text = found.pop().text + text
    found.append(Span(name, text))


def _apply(style: dict[str, str], parameters: str) -> None:
    """Change the style as the numbers of a sequence say; what none of them means changes nothing."""
    codes = [int(code[:4] or 0) for code in parameters.replace(":", ";").split(";")]
    index = 0
    while index < len(codes):
        code = codes[index]
        index += 1
        if code == 0:
            style.clear()
        elif code in _FLAGS:
            style[_FLAGS[code]] = _FLAGS[code]
        elif code in _ENDS or code in (39, 49):
            for name in _ENDS.get(code, ("fg" if code == 39 else "bg",)):
                style.pop(name, None)
        elif code in (38, 48, 58):
            colour, index = _extended(codes, index)
            if code != 58:
                _colour(style, "fg" if code == 38 else "bg", colour)
        elif 30 <= code <= 47:
            _colour(style, "fg" if code < 40 else "bg", code % 10)
        elif 90 <= code <= 107:
            _colour(style, "fg" if code < 100 else "bg", code % 10 + 8)


def _colour(style: dict[str, str], layer: str, colour: int | None) -> None:
    if colour is not None and 0 <= colour < len(_PALETTE):
        style[layer] = f"{layer}{colour}"


def _extended(codes: list[int], index: int) -> tuple[int | None, int]:
    """The colour that `5;n` or `2;r;g;b` from there on means, and where the next code is."""
    if codes[index : index + 1] == [5] and index + 1 < len(codes):
        return _of_256(codes[index + 1]), index + 2
    if codes[index : index + 1] == [2] and index + 3 < len(codes):
        red, green, blue = codes[index + 1 : index + 4]
        return _nearest(red, green, blue), index + 4
    return None, len(codes)


def _of_256(number: int) -> int | None:
    if number < 16:
        return number
    if number < 232:
        number -= 16
        red, green, blue = (55 + 40 * level if level else 0 for level in (number // 36, number // 6 % 6, number % 6))
        return _nearest(red, green, blue)
    return _nearest(*[8 + 10 * (number - 232)] * 3) if number < 256 else None


@lru_cache(1024)
def _nearest(red: int, green: int, blue: int) -> int:
    def distance(index: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(_PALETTE[index], (red, green, blue), strict=True))

    return min(range(len(_PALETTE)), key=distance)

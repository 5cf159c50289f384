"""A diff of two texts side by side: which lines correspond, and what differs inside a line. Bounded in time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

# The longest stretch of lines that is compared: matching them takes more than linear time.
MAX_LINES = 2_000
MAX_LINE = 1_000
CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Side:
    """A line of one text: what it shares with its counterpart, what is its own, and what it shares again.

    `note` names a line ending that differs from the counterpart's.
    """

    number: int
    start: str
    own: str = ""
    end: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`kind` is same, changed, added or removed; a side is None where the line is in the other text alone."""

    kind: str
    before: Side | None
    after: Side | None


@dataclass(frozen=True, slots=True)
class Diff:
    """Groups of changed rows with a few lines of context; the lines between groups are the same."""

    groups: list[list[Row]]
    is_cut: bool

    @property
    def added(self) -> int:
        return self._count("after")

    @property
    def removed(self) -> int:
        return self._count("before")

    def _count(self, side: str) -> int:
        return sum(1 for group in self.groups for row in group if row.kind != "same" and getattr(row, side))


def side_by_side(before: str, after: str) -> Diff:
    """Compare two texts line by line; of a difference over more than `MAX_LINES` lines, only its beginning."""
    old, new = _lines(before), _lines(after)
    start = _common_prefix(old, new)
    end = _common_prefix(old[start:][::-1], new[start:][::-1])
    # A few of the equal lines stay as context.
    first, last = max(0, start - CONTEXT), max(0, end - CONTEXT)
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    is_cut = max(len(old), len(new)) > MAX_LINES
    old, new = old[:MAX_LINES], new[:MAX_LINES]
    matcher = SequenceMatcher(None, old, new)
    groups = [
        [row for code in group for row in _rows(code, old, new, first)]
        for group in matcher.get_grouped_opcodes(CONTEXT)
    ]
    return Diff(groups, is_cut)


def _lines(text: str) -> list[str]:
    """The lines with their endings, so that differing endings are found."""
    *lines, rest = text.split("\n")
    lines = [f"{line}\n" for line in lines]
    return [*lines, rest] if rest else lines


def _common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines, or characters, both begin with."""
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return index
    return min(len(one), len(other))


def _rows(code: tuple[str, int, int, int, int], old: list[str], new: list[str], first: int) -> Iterator[Row]:
    tag, old_from, old_to, new_from, new_to = code
    pairs = zip_longest(enumerate(old[old_from:old_to], old_from + 1), enumerate(new[new_from:new_to], new_from + 1))
    for left, right in pairs:
        if left and right:
            before, after = Side(first + left[0], _line_text(left[1])), Side(first + right[0], _line_text(right[1]))
            yield Row("same", before, after) if tag == "equal" else _changed(before, after, left[1], right[1])
        elif left:
            yield Row("removed", Side(first + left[0], _line_text(left[1])), None)
        elif right:
            yield Row("added", None, Side(first + right[0], _line_text(right[1])))


def _changed(before: Side, after: Side, old: str, new: str) -> Row:
    start = _common_prefix(before.start, after.start)
    end = _common_prefix(before.start[start:][::-1], after.start[start:][::-1])
    ends = (_line_ending(old), _line_ending(new))
    notes = ends if ends[0] != ends[1] else ("", "")
    return Row("changed", _split(before, start, end, notes[0]), _split(after, start, end, notes[1]))


def _split(side: Side, start: int, end: int, note: str) -> Side:
    text = side.start
    return Side(side.number, text[:start], text[start : len(text) - end], text[len(text) - end :], note)


def _line_text(line: str) -> str:
    text = line.rstrip("\r\n")
    return f"{text[:MAX_LINE]}… ({len(text):,} characters)" if len(text) > MAX_LINE else text


def _line_ending(line: str) -> str:
    if line.endswith("\r\n"):
        return "CR LF"
    return "LF" if line.endswith("\n") else "no line end"

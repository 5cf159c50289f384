"""Two texts side by side."""

import random
import time

from artifacts.text_diff import MAX_LINE, MAX_LINES, Diff, side_by_side


def text(*lines: object) -> str:
    return "".join(f"{line}\n" for line in lines)


def payload(diff: Diff) -> list[tuple[str, int | None, int | None]]:
    return [
        (row.kind, row.before and row.before.number, row.after and row.after.number)
        for group in diff.groups
        for row in group
    ]


def test_lines_stand_against_one_another():
    diff = side_by_side(text("a", "b", "c", "d"), text("a", "c", "D", "e"))

    assert payload(diff) == [
        ("same", 1, 1),
        ("removed", 2, None),
        ("same", 3, 2),
        ("changed", 4, 3),
        ("added", None, 4),
    ]
    assert (diff.added, diff.removed, diff.is_cut) == (2, 2, False)


def test_what_differs_inside_a_line():
    [[row]] = side_by_side("rate = 0.10\n", "rate = 0.025\n").groups

    assert (row.before.start, row.before.own, row.before.end) == ("rate = 0.", "10", "")
    assert (row.after.start, row.after.own, row.after.end) == ("rate = 0.", "025", "")
    [[row]] = side_by_side("aa\n", "aaa\n").groups
    assert (row.before.own, row.after.own) == ("", "a")


def test_only_the_surroundings_of_a_change_are_kept():
    lines = list(range(100))
    diff = side_by_side(text(*lines), text(*lines[:20], "new", *lines[20:70], "x", *lines[71:]))

    assert [len(group) for group in diff.groups] == [7, 7]
    assert payload(diff)[:4] == [("same", 18, 18), ("same", 19, 19), ("same", 20, 20), ("added", None, 21)]
    assert payload(diff)[10] == ("changed", 71, 72)


def test_line_ends_that_differ_are_reported():
    [[row]] = side_by_side("a\r\n", "a\n").groups
    assert (row.before.start, row.before.note, row.after.note) == ("a", "CR LF", "LF")
    [[row]] = side_by_side("a", "a\n").groups
    assert (row.before.note, row.after.note) == ("no line end", "LF")
    assert payload(side_by_side("", "a\n")) == [("added", None, 1)]


def test_long_lines_are_cut():
    [[row]] = side_by_side("x" * 5000, "y").groups

    assert len(row.before.own) < MAX_LINE + 30 and row.before.own.endswith("(5,000 characters)")


def test_a_change_far_down_is_detected_and_a_long_one_is_cut():
    lines = list(range(20_000))
    assert payload(side_by_side(text(*lines), text(*lines[:-1], "x")))[-1] == ("changed", 20_000, 20_000)
    diff = side_by_side(text(*lines), text(*(f"x{line}" for line in lines)))
    assert diff.is_cut and len(payload(diff)) == MAX_LINES


def test_the_worst_texts_take_their_time_and_no_more():
    random.seed(1)
    texts = [str(number % (MAX_LINES // 20)) for number in range(MAX_LINES)]
    begun = time.process_time()
    side_by_side(text(*texts), text(*reversed(texts)))
    random.shuffle(texts)
    side_by_side(text(*texts), text(*sorted(texts)))
    assert time.process_time() - begun < 10

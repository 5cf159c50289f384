"""Text for a terminal: what is kept of it are colours and weights; whatever else it asks of a terminal is gone."""

import pytest

from tracking import terminal_text
from tracking.terminal_text import MAX_SPANS, Span


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \t text", "plain \t text"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b[2Kb\x1b[10;20Hc\x1b[?25ld", "abcd"),
        ("\x1b]0;title\x07a\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("\x1b]52;c;Y2xpcGJvYXJk\x07after", "after"),
        ("\x1bP1;2|data\x1b\\x\x1b(By\x1bcz", "xyz"),
        ("cut off \x1b[31", "cut off "),
        ("cut off \x1b", "cut off "),
        ("10 %\r50 %\r100 %", "100 %"),
        ("100 %\r", "100 %"),
        ("10 %\r100 %\r\r", "100 %"),
        ("bell\x07 back\x08 nul\x00 del\x7f c1\x9b31m", "bell back nul del c131m"),
    ],
)
def test_only_the_text_is_left(text, shown):
    assert terminal_text.plain(text) == shown
    assert "".join(span.text for span in terminal_text.spans(text)) == shown


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("31", "fg1"),
        ("1;92", "bold fg10"),
        ("44;37", "bg4 fg7"),
        ("38;5;9", "fg9"),
        ("38;5;196", "fg9"),
        ("48;5;232", "bg0"),
        ("38;2;250;10;5", "fg9"),
        ("38:5:12", "fg12"),
        ("1;31;22;39", ""),
        ("31;0", ""),
        ("", ""),
        ("3;4;7;9;2", "dim inverse italic strike underline"),
        ("38;5", ""),
        ("38;5;999", ""),
        ("58;5;1", ""),
        ("999;107", "bg15"),
        ("00000000031", ""),
    ],
)
def test_styles_have_names(codes, style):
    assert terminal_text.spans(f"\x1b[{codes}mx") == [Span(style, "x")]


def test_a_style_goes_on_until_it_is_changed():
    text = "a\x1b[1mb\x1b[32mc\x1b[Kd\x1b[me"
    assert terminal_text.spans(text) == [Span("", "a"), Span("bold", "b"), Span("bold fg2", "cd"), Span("", "e")]


def test_a_line_has_a_bounded_number_of_pieces():
    text = "".join(f"\x1b[3{number % 8}mx" for number in range(10_000))

    found = terminal_text.spans(text)
    assert len(found) == MAX_SPANS
    assert "".join(span.text for span in found) == "x" * 10_000

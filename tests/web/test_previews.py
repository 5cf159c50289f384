"""Previews of texts and tables as people bring them, and as nobody should."""

import time

import pytest

from artifacts.previews import json_preview, table_preview, text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_ROWS,
    Markdown,
    NoPreview,
    PreviewTooLarge,
    Table,
    Text,
    Tree,
)
from tests.web.sample_files import MIB, look, of, words


class TestText:
    def test_code_is_coloured_by_its_name(self):
        shown = look("train.py", b"import os  # why\n\ndef f():\n    return 'x'\n")

        assert isinstance(shown, Text)
        assert words(shown) == ["import os  # why", "", "def f():", "    return 'x'"]
        assert ("k", "import") in shown.lines[0] and ("c", "# why") in shown.lines[0]
        assert ("s", "'x'") in shown.lines[3]

    @pytest.mark.parametrize("name", ["notes.txt", "run.log", "LICENSE", "x.unheard-of", "%s", "*", "[", "a" * 1000])
    def test_what_has_no_language_is_plain(self, name):
        assert look(name, b"one\r\ntwo\n") == Text([[("", "one")], [("", "two")]])

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"])
    def test_the_usual_encodings_are_read(self, encoding):
        assert words(look("x.txt", "Grüße, 5 × 7\n".encode(encoding))) == ["Grüße, 5 × 7"]

    @pytest.mark.parametrize("name", ["page.html", "drawing.svg", "page.xhtml", "feed.xml"])
    def test_documents_are_shown_as_their_source(self, name):
        source = "<svg onload='alert(1)'><script>alert(1)</script></svg>"
        shown = look(name, source.encode())

        assert isinstance(shown, Text)
        assert words(shown) == [source]

    @pytest.mark.parametrize("name", ["x.bin", "x.txt", "x.py", "x", "model.pt", "model.pkl"])
    def test_bytes_that_are_no_text_have_no_preview(self, name):
        kind = f".{name.partition('.')[2]} files" if "." in name else "this kind of file"
        assert look(name, b"\x80\x04\x95\0\0") == NoPreview(f"No preview for {kind}.")
        assert look(name, bytes(range(256))) == NoPreview(f"No preview for {kind}.")

    def test_an_empty_file_says_so(self):
        assert look("x.json", b"") == NoPreview("This file is empty.")

    def test_a_long_text_shows_its_beginning(self):
        shown = look("x.txt", b"0123456789\n" * 10**5)

        assert len(shown.lines) == text_preview.MAX_LINES
        assert shown.note == "Showing the start of the file. Download it for the rest."

    def test_a_line_of_ten_megabytes(self):
        shown = look("x.txt", b"x" * (10 * MIB))

        assert words(shown) == ["x" * text_preview.MAX_LINE + "…"]
        assert shown.note

    def test_a_text_of_hundred_megabytes_is_too_large(self):
        with pytest.raises(PreviewTooLarge):
            text_preview.show(of(b"x" * text_preview.SHOWN, 120 * MIB), "x.txt")

    def test_a_character_may_be_cut_by_the_limit(self):
        text = "é" * text_preview.SHOWN
        assert words(look("x.txt", b"x" + text.encode()))[0].startswith("xé")

    def test_characters_that_deceive_are_shown_by_their_names(self):
        [line] = words(look("x.py", "a = '\u202e' # \x1b[31m \x01 \u2066".encode()))
        assert "⟨U+202E⟩" in line and "⟨U+2066⟩" in line and "␛[31m" in line and "␁" in line

    @pytest.mark.parametrize(
        ("name", "text"),
        [("x.c", "/*" * 60_000), ("x.html", "<!--" * 30_000), ("x.sql", "'" * 10**5), ("x.js", "/" * 10**5)],
    )
    def test_a_lexer_that_backtracks_is_left_behind(self, name, text):
        lines = "\n".join(text[start : start + 900] for start in range(0, len(text), 900))
        began = time.monotonic()
        shown = look(name, lines.encode())

        assert "".join(words(shown)) == text
        assert time.monotonic() - began < 15


class TestMarkdown:
    def test_it_is_shown_as_prose(self):
        assert look("README.md", b"# Title\n") == Markdown("# Title\n")

    def test_a_long_one_is_text(self):
        shown = look("README.md", b"*x* " * text_preview.MAX_PROSE)
        assert isinstance(shown, Text) and "too long to render" in shown.note

    def test_bytes_are_not_prose(self):
        assert isinstance(look("README.md", b"\0\1\2"), NoPreview)


class TestTables:
    def test_csv(self):
        shown = look("x.csv", b'name,age\n"Smith, J",40\nDoe,\n')

        assert isinstance(shown, Table)
        assert [column.name for column in shown.columns] == ["name", "age"]
        assert [column.is_number for column in shown.columns] == [False, True]
        assert shown.rows == [["Smith, J", "40"], ["Doe", ""]]
        assert shown.note == ""

    @pytest.mark.parametrize("mark", ";\t|")
    def test_other_separators_are_found(self, mark):
        assert look("x.csv", f"a{mark}b\n1,5{mark}2\n".encode()).rows == [["1,5", "2"]]

    def test_tsv(self):
        assert look("x.tsv", b"a,b\tc\n1\t2\n").rows == [["1", "2"]]

    def test_ragged_rows(self):
        assert look("x.csv", b"a,b\n1\n1,2,3\n").rows == [["1", None, None], ["1", "2", "3"]]

    def test_only_the_beginning_of_a_large_one_is_read(self):
        shown = table_preview.csv_rows(of(b"a,b\n" + b"1,2\n" * 10**5, 10**12))

        assert len(shown.rows) == MAX_ROWS
        assert shown.note == "These are the first 100 rows."

    def test_wide_ones_are_cut(self):
        shown = look("x.csv", (",".join(map(str, range(5000))) + "\n").encode() * 3)

        assert len(shown.columns) == MAX_COLUMNS == len(shown.rows[0])
        assert shown.note == "These are the first 50 of 5,000 columns."

    def test_a_huge_field(self):
        [[value]] = look("x.csv", b"a\n" + b"x" * 10**5 + b"\n").rows
        assert value == "x" * MAX_CELL + "…"

    @pytest.mark.parametrize("length", [2 * 10**5, 10**6])
    def test_a_field_that_is_too_long_for_a_table(self, length):
        shown = look("x.csv", b'a\n"' + b"x" * length)
        assert isinstance(shown, Text) and "shown as text" in shown.note

    @pytest.mark.parametrize("text", ["\n\n\n", '"', "\r", ",", "a\r\nb\r\n", "\ufeffa,b\n1,2"])
    def test_odd_ones(self, text):
        assert isinstance(look("x.csv", text.encode()), Table | Text)

    def test_bytes_are_no_table(self):
        assert isinstance(look("x.csv", b"\0\1\2"), NoPreview)

    def test_json_lines(self):
        shown = look("x.jsonl", b'{"a": 1, "b": {"c": [1]}}\n\n{"b": null, "d": "x"}\n7\n')

        assert [column.name for column in shown.columns] == ["a", "b", "d", "value"]
        assert shown.rows == [
            ["1", '{"c": [1]}', None, None],
            [None, None, "x", None],
            [None, None, None, "7"],
        ]

    @pytest.mark.parametrize("line", ["{", "[" * 10**5, "1" * 5000, '{"a": 1}{"b"'])
    def test_lines_that_are_no_json(self, line):
        assert isinstance(look("x.jsonl", f'{{"a": 1}}\n{line}\n'.encode()), Text)


class TestJson:
    def test_it_is_a_tree(self):
        assert look("x.json", b'{"a": [1, null]}') == Tree({"a": [1, None]})

    @pytest.mark.parametrize("text", ["[" * 500_000, '{"a":' * 100_000, "{", "1" * 5000, "nope", "[1,]"])
    def test_what_is_no_json_is_text(self, text):
        shown = look("x.json", text.encode())
        assert isinstance(shown, Text) and "shown as text" in shown.note

    def test_a_large_one_is_not_read(self):
        with pytest.raises(PreviewTooLarge):
            json_preview.show(Reader(MIB + 1, lambda offset, length: pytest.fail("read")))

"""Previews of texts and tables as people bring them, and as nobody should."""

import pytest

from artifacts.previews import json_preview, json_tree, table_preview, text_preview
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
from tests.web.sample_files import MIB, line_texts, make_preview, reader_of


class TestText:
    def test_code_is_coloured_by_its_name(self):
        preview = make_preview("train.py", b"import os  # why\n\ndef f():\n    return 'x'\n")

        assert isinstance(preview, Text)
        assert line_texts(preview) == ["import os  # why", "", "def f():", "    return 'x'"]
        assert ("k", "import") in preview.lines[0] and ("c", "# why") in preview.lines[0]
        assert ("s", "'x'") in preview.lines[3]

    @pytest.mark.parametrize("name", ["notes.txt", "run.log", "LICENSE", "x.unheard-of", "%s", "*", "[", "a" * 1000])
    def test_what_has_no_language_is_plain(self, name):
        assert make_preview(name, b"one\r\ntwo\n") == Text([[("", "one")], [("", "two")]])

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"])
    def test_the_usual_encodings_are_read(self, encoding):
        assert line_texts(make_preview("x.txt", "Grüße, 5 × 7\n".encode(encoding))) == ["Grüße, 5 × 7"]

    @pytest.mark.parametrize("name", ["page.html", "drawing.svg", "page.xhtml", "feed.xml"])
    def test_documents_are_rendered_as_their_source(self, name):
        source = "<svg onload='alert(1)'><script>alert(1)</script></svg>"
        preview = make_preview(name, source.encode())

        assert isinstance(preview, Text)
        assert line_texts(preview) == [source]

    @pytest.mark.parametrize("name", ["x.bin", "x.txt", "x.py", "x"])
    def test_bytes_that_are_no_text_have_no_preview(self, name):
        kind = f".{name.partition('.')[2]} files" if "." in name else "this file type"
        assert make_preview(name, b"\x80\x04\x95\0\0") == NoPreview(f"No preview for {kind}.")
        assert make_preview(name, bytes(range(256))) == NoPreview(f"No preview for {kind}.")

    def test_an_empty_file_says_so(self):
        assert make_preview("x.json", b"") == NoPreview("This file is empty.")

    @pytest.mark.parametrize("name", ["run.log", "x.py", "run.log.1"])
    def test_a_long_text_shows_its_beginning_and_its_end(self, name):
        lines = [f"line {number} é" for number in range(10**5)]
        data = "\n".join(lines).encode()
        preview = make_preview(name, data)

        assert line_texts(preview) == lines[: text_preview.MAX_HEAD_LINES]
        assert list(preview.end) == lines[-text_preview.MAX_TAIL_LINES :]
        assert preview.skipped == len("\n".join(lines[1000:-500]).encode()) + 1
        assert preview.note == "Showing the start and the end of the file. Download it for the rest."

    def test_one_that_is_a_little_too_long_is_shown_whole(self):
        lines = [f"{number}" for number in range(text_preview.MAX_LINES + 1)]
        preview = make_preview("x.log", "\n".join(lines).encode())

        assert [*line_texts(preview), *preview.end] == lines[:1000] + lines[-500:]
        short = [f"{number}" + "x" * 100 for number in range(1_400)]
        preview = make_preview("x.log", ("\r\n".join(short) + "\r\n").encode())
        assert [*line_texts(preview), *preview.end] == short
        assert (preview.skipped, preview.note) == (0, "")

    def test_a_line_of_ten_megabytes(self):
        preview = make_preview("x.txt", b"x" * (10 * MIB))

        assert line_texts(preview) == ["x" * text_preview.MAX_LINE + "…"]
        assert preview.note

    def test_of_a_text_of_a_terabyte_only_the_ends_are_read(self):
        reader = Reader(10**12, lambda offset, length: b"a line\n" * (length // 7 + 1))
        preview = text_preview.preview(reader, "x.txt")

        assert len(preview.lines) == text_preview.MAX_HEAD_LINES and len(preview.end) == text_preview.MAX_TAIL_LINES
        assert reader._bytes_left > 31 * MIB

    def test_a_character_may_be_cut_by_the_limit(self):
        text = "é" * text_preview.MAX_EXCERPT
        assert line_texts(make_preview("x.txt", b"x" + text.encode()))[0].startswith("xé")

    def test_deceptive_characters_are_rendered_by_their_names(self):
        [line] = line_texts(make_preview("x.py", "a = '\u202e' # \x1b[31m \x01 \u2066".encode()))
        assert "⟨U+202E⟩" in line and "⟨U+2066⟩" in line and "␛[31m" in line and "␁" in line

    @pytest.mark.parametrize(
        ("name", "text"),
        [("x.c", "/*" * 60_000), ("x.html", "<!--" * 30_000), ("x.sql", "'" * 10**5), ("x.js", "/" * 10**5)],
    )
    def test_a_lexer_that_backtracks_is_left_behind(self, name, text):
        lines = "\n".join(text[start : start + 900] for start in range(0, len(text), 900))
        preview = make_preview(name, lines.encode())

        assert "".join(line_texts(preview)) == text


class TestMarkdown:
    def test_it_is_rendered_as_markdown(self):
        assert make_preview("README.md", b"# Title\n") == Markdown("# Title\n")

    def test_a_long_one_is_text(self):
        preview = make_preview("README.md", b"*x* " * text_preview.MAX_MARKDOWN)
        assert isinstance(preview, Text) and "too long to render" in preview.note

    def test_bytes_are_not_prose(self):
        assert isinstance(make_preview("README.md", b"\0\1\2"), NoPreview)


class TestTables:
    def test_csv(self):
        preview = make_preview("x.csv", b'name,age\n"Smith, J",40\nDoe,\n')

        assert isinstance(preview, Table)
        assert [column.name for column in preview.columns] == ["name", "age"]
        assert [column.is_number for column in preview.columns] == [False, True]
        assert preview.rows == [["Smith, J", "40"], ["Doe", ""]]
        assert preview.note == ""

    @pytest.mark.parametrize("mark", ";\t|")
    def test_other_separators_are_detected(self, mark):
        assert make_preview("x.csv", f"a{mark}b\n1,5{mark}2\n".encode()).rows == [["1,5", "2"]]

    def test_tsv(self):
        assert make_preview("x.tsv", b"a,b\tc\n1\t2\n").rows == [["1", "2"]]

    def test_ragged_rows(self):
        assert make_preview("x.csv", b"a,b\n1\n1,2,3\n").rows == [["1", None, None], ["1", "2", "3"]]

    def test_only_the_beginning_of_a_large_one_is_read(self):
        preview = table_preview.csv_rows(reader_of(b"a,b\n" + b"1,2\n" * 10**5, 10**12))

        assert len(preview.rows) == MAX_ROWS
        assert preview.note == "These are the first 100 rows."

    def test_wide_ones_are_cut(self):
        preview = make_preview("x.csv", (",".join(map(str, range(5000))) + "\n").encode() * 3)

        assert len(preview.columns) == MAX_COLUMNS == len(preview.rows[0])
        assert preview.note == "These are the first 50 of 5,000 columns."

    def test_a_huge_field(self):
        [[value]] = make_preview("x.csv", b"a\n" + b"x" * 10**5 + b"\n").rows
        assert value == "x" * MAX_CELL + "…"

    @pytest.mark.parametrize("length", [2 * 10**5, 10**6])
    def test_a_field_that_is_too_long_for_a_table(self, length):
        preview = make_preview("x.csv", b'a\n"' + b"x" * length)
        assert isinstance(preview, Text) and "shown as text" in preview.note

    @pytest.mark.parametrize("text", ["\n\n\n", '"', "\r", ",", "a\r\nb\r\n", "\ufeffa,b\n1,2"])
    def test_odd_ones(self, text):
        assert isinstance(make_preview("x.csv", text.encode()), Table | Text)

    def test_bytes_are_no_table(self):
        assert isinstance(make_preview("x.csv", b"\0\1\2"), NoPreview)

    def test_json_lines(self):
        preview = make_preview("x.jsonl", b'{"a": 1, "b": {"c": [1]}}\n\n{"b": null, "d": "x"}\n7\n')

        assert [column.name for column in preview.columns] == ["a", "b", "d", "value"]
        assert preview.rows == [
            ["1", '{"c": [1]}', None, None],
            [None, None, "x", None],
            [None, None, None, "7"],
        ]

    @pytest.mark.parametrize("line", ["{", "[" * 10**5, "1" * 5000, '{"a": 1}{"b"'])
    def test_lines_that_are_no_json(self, line):
        assert isinstance(make_preview("x.jsonl", f'{{"a": 1}}\n{line}\n'.encode()), Text)


class TestJson:
    def test_it_is_a_tree(self):
        assert make_preview("x.json", b'{"a": [1, null]}') == Tree(json_tree.rows({"a": [1, None]}))

    @pytest.mark.parametrize("text", ["[" * 500_000, '{"a":' * 100_000, "{", "1" * 5000, "nope", "[1,]"])
    def test_what_is_no_json_is_text(self, text):
        preview = make_preview("x.json", text.encode())
        assert isinstance(preview, Text) and "shown as text" in preview.note

    def test_a_large_one_is_not_read(self):
        with pytest.raises(PreviewTooLarge):
            json_preview.preview(Reader(MIB + 1, lambda offset, length: pytest.fail("read")))

"""Previews of notebooks, whose cells and outputs are text, tables and raster images, and never HTML or scripts."""

import base64
import json

import pytest

from artifacts.previews import notebook_preview
from artifacts.previews.results import NoPreview, Notebook, Output, PreviewTooLarge, Text
from tests.web.sample_files import MIB, make_preview, parse, png

PNG = base64.b64encode(png()).decode()


def notebook(*cells: dict, **fields: object) -> bytes:
    return json.dumps({"nbformat": 4, "cells": list(cells)} | fields).encode()


def code(*outputs: dict, source: object = "1") -> dict:
    return {"cell_type": "code", "execution_count": 3, "source": source, "outputs": list(outputs)}


def data(**forms: object) -> dict:
    return {"output_type": "display_data", "data": {name.replace("_", "/"): text for name, text in forms.items()}}


def outputs_of(*outputs: dict) -> list[Output]:
    return parse("x.ipynb", notebook(code(*outputs))).cells[0].outputs


def test_cells_and_their_outputs():
    preview = make_preview(
        "x.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# Title\n", "**bold** <b>no</b>"]},
            code(
                {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
                {"output_type": "stream", "name": "stderr", "text": "careful"},
                data(image_png=PNG + "\n", text_plain="<Figure>"),
                {"output_type": "error", "ename": "E", "evalue": "x", "traceback": ["\x1b[0;31mE\x1b[0m: x", "at 1"]},
                source=["import os\n", "os"],
            ),
            {"cell_type": "raw", "source": "as it is"},
        ),
    )

    assert isinstance(preview, Notebook) and preview.note == "3 cells."
    title, cell, raw = preview.cells
    assert title.html == "<h3>Title</h3>\n<p><strong>bold</strong> &lt;b&gt;no&lt;/b&gt;</p>\n"
    assert (cell.number, cell.lines[0]) == ("3", [("k", "import"), ("", " os")])
    assert [(output.form, output.text) for output in cell.outputs] == [
        ("text", "one\ntwo"),
        ("error", "careful"),
        ("image", PNG),
        ("error", "E: x\nat 1"),
    ]
    assert cell.outputs[2].type == "image/png"
    assert raw.lines == [[("", "as it is")]]


def test_a_table_keeps_its_cells_and_nothing_else():
    html = (
        '<style>td {color: red}</style><table class="dataframe" onclick="x()" border=1><tr><td colspan=2 style="x">1'
        "<img src=x onerror=alert(1)><script>alert(1)</script><svg onload=alert(1)></svg></td></tr></table>"
        '<a href="x">a</a>'
    )
    assert outputs_of(data(text_html=[html], text_plain="1")) == [
        Output("html", '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>a')
    ]


def test_other_forms_are_shown_as_their_text():
    assert outputs_of(
        data(text_html="<script>alert(1)</script><iframe src=x></iframe>", text_plain="html"),
        data(image_svg="<svg onload=alert(1)>", text_plain="svg"),
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload=alert(1)>", "text/plain": "picture"}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}},
        data(image_png=base64.b64encode(b"<svg onload=alert(1)>").decode(), text_plain="no image"),
        data(image_png='not base64 " onerror=alert(1)', text_plain="no base64"),
        data(image_gif=PNG),
    ) == [
        Output("text", "html"),
        Output("text", "svg"),
        Output("text", "picture"),
        Output("text", "no image"),
        Output("text", "no base64"),
        Output("image", PNG, "image/png"),
    ]


def test_notebooks_of_format_3():
    cell = {
        "cell_type": "code",
        "input": "x",
        "prompt_number": 1,
        "outputs": [{"output_type": "pyout", "png": PNG}, {"output_type": "pyout", "text": "7"}],
    }
    preview = parse("x.ipynb", json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}).encode())

    assert preview.cells[0].number == "1" and preview.cells[0].lines == [[("", "x")]]
    assert [output.form for output in preview.cells[0].outputs] == ["image", "text"]


def test_the_language_of_the_notebook_colours_it():
    cells = code(source="func <- 1 # why")
    preview = make_preview("x.ipynb", notebook(cells, metadata={"language_info": {"name": "R"}}))
    assert ("c", "# why") in preview.cells[0].lines[0]


@pytest.mark.parametrize(
    "data",
    [b"[]", b"{}", b'{"cells": 7}', b'{"cells": []}', b"{", b"[" * 10**5, b"no", b'{"worksheets": [1, {"cells": {}}]}'],
)
def test_what_is_no_notebook_is_text(data):
    preview = parse("x.ipynb", data)
    assert isinstance(preview, Text) and "shown as text" in preview.note
    assert isinstance(parse("x.ipynb", b"\0\1"), NoPreview)


@pytest.mark.parametrize(
    "cell",
    [
        7, None, {}, {"cell_type": 7}, {"cell_type": "code", "source": 7, "outputs": 7},
        {"cell_type": "code", "source": [7], "execution_count": "<b>", "outputs": [7, None, {}, {"data": 7}]},
        {"cell_type": "code", "outputs": [{"output_type": "error", "traceback": 7}, {"data": {"image/png": 7}}]},
        {"cell_type": "code", "outputs": [{"data": {"text/html": [["<table>"]], "text/plain": {}}}]},
        {"cell_type": "markdown", "source": {"a": 1}},
    ],
)  # fmt: skip
def test_cells_of_other_shapes(cell):
    assert isinstance(parse("x.ipynb", notebook(cell, {"cell_type": "raw", "source": "x"})), Notebook)


def test_a_page_holds_only_so_much_of_it():
    picture = base64.b64encode(png() + bytes(MIB)).decode()
    cells = [code(data(image_png=picture), *[data(text_plain="x" * 10**5)] * 20)] * 4
    cells += [{"cell_type": "raw", "source": "y" * 10**5}] * 4 + [{"cell_type": "raw", "source": "z"}] * 400
    preview = make_preview("x.ipynb", notebook(*cells))

    outputs = [output for cell in preview.cells for output in cell.outputs]
    assert len(preview.cells) == notebook_preview.MAX_CELLS
    assert sum(len(output.text) for output in outputs if output.form == "image") <= notebook_preview.MAX_IMAGES
    assert sum(len(output.text) for output in outputs if output.form == "text") <= notebook_preview.MAX_TEXT
    assert preview.note == "408 cells. Not all of it is shown: download the notebook for the rest."


def test_hostile_markdown_is_shown_as_written():
    source = "[" * notebook_preview.MAX_MARKDOWN
    preview = make_preview("x.ipynb", notebook(*[{"cell_type": "markdown", "source": source}] * 15))
    assert isinstance(preview, Notebook) and len(preview.cells) == 15


def test_a_notebook_of_many_megabytes_is_too_large():
    with pytest.raises(PreviewTooLarge):
        parse("x.ipynb", b" " * (notebook_preview.MAX_NOTEBOOK + 1))

"""Jupyter notebooks as cells with their outputs. Scripts, widgets, SVG and styles of a notebook are left out.

Images are raster images by their own first bytes. HTML of an output, such as the table of a data frame, keeps tables
and text and loses every attribute.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import nh3

from artifacts.previews import image_preview, markdown_html, text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Notebook, NotebookCell, Output, PreviewTooLarge

MAX_NOTEBOOK = 16 * 2**20
MAX_CELLS = 300
MAX_OUTPUTS = 20
# Of the page, all cells together.
MAX_SOURCE = 256 * 2**10
MAX_TEXT = 256 * 2**10
MAX_IMAGES = 2 * 2**20
MAX_HTML = 128 * 2**10
# Rendering hostile Markdown takes time that is quadratic in its length.
MAX_MARKDOWN = 16 * 2**10
_TEXT_LINES = 200
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp")
# Colours of a terminal.
_ANSI = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
_HTML_TAG_NAMES = """
    b br caption code dd dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub sup
    table tbody td tfoot th thead tr u ul div
"""
_HTML_TAGS = set(_HTML_TAG_NAMES.split())
_HTML_ATTRIBUTES = {"td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
Lines = list[list[tuple[str, str]]]
_LANGUAGES = {"python": "py", "r": "R", "julia": "jl", "scala": "scala", "javascript": "js", "bash": "sh", "sql": "sql"}


class Budget:
    """How much more of each kind the page may hold."""

    def __init__(self) -> None:
        self.left = {"source": MAX_SOURCE, "text": MAX_TEXT, "image": MAX_IMAGES, "html": MAX_HTML}
        self.is_cut = False

    def take(self, kind: str, text: str) -> str:
        """As much of the text as fits."""
        return text if self.fits(kind, text) else text[: self.left[kind]]

    def fits(self, kind: str, text: str) -> bool:
        """Whether the whole of it fits; it counts against what is left."""
        has_room = len(text) <= self.left[kind]
        self.left[kind] = max(0, self.left[kind] - len(text))
        self.is_cut = self.is_cut or not has_room
        return has_room


def preview(reader: Reader) -> Notebook:
    """The cells as plain text. Raises `PreviewTooLarge` beyond `MAX_NOTEBOOK`."""
    notebook = _read(reader)
    budget = Budget()
    sources = _cells(notebook)
    cells = [_cell(item, budget) for item in sources[:MAX_CELLS]]
    note = f"{len(sources):,} cell{'' if len(sources) == 1 else 's'}."
    if len(sources) > MAX_CELLS or budget.is_cut:
        note += " Not all of it is shown: download the notebook for the rest."
    return Notebook(cells, note, _language(notebook))


def rendered(preview: Notebook, highlight: Callable[[str, str], Lines | None]) -> Notebook:
    """The same with its Markdown rendered and its code coloured. It may take long: the plain one is the way out."""
    return replace(preview, cells=[_rendered(cell, preview.language, highlight) for cell in preview.cells])


def _language(notebook: dict[str, Any]) -> str:
    """The suffix of files in the language of the notebook."""
    metadata = notebook.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    name = info.get("name") if isinstance(info, dict) else None
    return _LANGUAGES.get(str(name).lower(), "py")


def _read(reader: Reader) -> dict[str, Any]:
    if reader.size > MAX_NOTEBOOK:
        raise PreviewTooLarge
    text = text_preview.decode(reader.head(MAX_NOTEBOOK))
    try:
        notebook = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise FormatMismatch("This notebook is not valid JSON, so it is shown as text.") from error
    if not isinstance(notebook, dict) or not _cells(notebook):
        raise FormatMismatch("This notebook has no cells, so it is shown as text.")
    return notebook


def _cells(notebook: dict[str, Any]) -> list[Any]:
    """Of format 4, or of format 3 with its worksheets."""
    sheets = [notebook, *_list(notebook.get("worksheets"))]
    return [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]


def _cell(cell: Any, budget: Budget) -> NotebookCell:
    if not isinstance(cell, dict):
        return NotebookCell("raw")
    type = cell.get("cell_type") if cell.get("cell_type") in ("code", "markdown") else "raw"
    source = budget.take("source", _joined(cell.get("source", cell.get("input"))))
    number = cell.get("execution_count", cell.get("prompt_number"))
    outputs = _list(cell.get("outputs")) if type == "code" else []
    budget.is_cut = budget.is_cut or len(outputs) > MAX_OUTPUTS
    return NotebookCell(
        type,
        [[("", line)] for line in _lines(source)],
        number=str(number) if isinstance(number, int) and abs(number) < 10**9 else "",
        outputs=[displayed for output in outputs[:MAX_OUTPUTS] for displayed in _output(output, budget)],
    )


def _output(output: Any, budget: Budget) -> Iterator[Output]:
    """At most one: of several forms of the same, a picture comes first, then a table, then text."""
    if not isinstance(output, dict):
        return
    if output.get("output_type") in ("error", "pyerr"):
        lines = _joined(output.get("traceback"), "\n") or f"{output.get('ename')}: {output.get('evalue')}"
        yield Output("error", _text(lines, budget))
        return
    data = output.get("data") if isinstance(output.get("data"), dict) else _old_data(output)
    for type in _IMAGE_TYPES:
        if image := _image(_joined(data.get(type)), budget):
            yield image
            return
    html = _joined(data.get("text/html"))
    if "<table" in html.lower() and budget.fits("html", html):
        yield Output("html", _sanitised(html))
    elif text := _joined(data.get("text/plain", output.get("text"))):
        yield Output("error" if output.get("name") == "stderr" else "text", _text(text, budget))


def _old_data(output: dict[str, Any]) -> dict[str, Any]:
    """Of format 3, which has the data beside the rest."""
    names = {"png": "image/png", "jpeg": "image/jpeg", "text": "text/plain", "html": "text/html"}
    return {type: output[name] for name, type in names.items() if name in output}


def _image(text: str, budget: Budget) -> Output | None:
    """A raster image by its bytes, whatever the notebook calls it."""
    encoded = "".join(text.split())
    if not encoded or not budget.fits("image", encoded):
        return None
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    type = image_preview.safe_type(data)
    return Output("image", base64.b64encode(data).decode(), type) if type else None


def _rendered(cell: NotebookCell, language: str, highlight: Callable[[str, str], Lines | None]) -> NotebookCell:
    source = "\n".join(part for line in cell.lines for _, part in line)
    if cell.type == "markdown":
        return replace(cell, html=markdown_html.render(source) if len(source) <= MAX_MARKDOWN else "")
    if cell.type == "code":
        return replace(cell, lines=highlight(source, f"x.{language}") or cell.lines)
    return cell


def _sanitised(html: str) -> str:
    return nh3.clean(
        html,
        tags=_HTML_TAGS,
        attributes=_HTML_ATTRIBUTES,
        clean_content_tags={"script", "style", "svg", "math", "template", "title", "iframe", "object"},
        link_rel=None,
    )


def _text(text: str, budget: Budget) -> str:
    lines = _lines(_ANSI.sub("", text))
    budget.is_cut = budget.is_cut or len(lines) > _TEXT_LINES
    return budget.take("text", "\n".join(lines[:_TEXT_LINES]))


def _lines(text: str) -> list[str]:
    return text_preview.visible_lines(text)


def _joined(value: Any, separator: str = "") -> str:
    """A text, which notebooks may store line by line."""
    if isinstance(value, list):
        return separator.join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

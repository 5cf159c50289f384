"""A sandboxed process: makes the preview of one file."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from artifacts.previews import formats, notebook_preview, sandbox_worker, text_preview, torch_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, Notebook, Pickle, Preview, PreviewTooLarge, Table, Text, to_json


def main() -> None:
    job = sandbox_worker.read_job()
    name, reader = job["name"], Reader(job["size"], sandbox_worker.request_range)
    try:
        preview = formats.preview(name, reader, job["rows"])
    except PreviewTooLarge as error:
        sandbox_worker.write_message(too_large=str(error))
        return
    if better := _better(preview, name, reader):
        # The limits may end this process while the better one is made: then the plain one is shown.
        sandbox_worker.write_message(meanwhile=to_json(preview))
        with suppress(FormatMismatch, PreviewTooLarge):
            preview = better()
    sandbox_worker.write_message(done=to_json(preview))


def _better(preview: Preview, name: str, reader: Reader) -> Callable[[], Preview] | None:
    """What makes more of the preview in a while, if anything does."""
    match preview:
        case Text() if text_preview.is_code(name):
            return partial(_with_colours, preview, name)
        case Notebook():
            return partial(notebook_preview.rendered, preview, _highlight)
        case Pickle() if torch_preview.may_have_tensors(preview):
            return partial(torch_preview.with_tensors, preview, reader)
        case Table():
            return partial(formats.summarised, preview, name, reader)
    return None


def _with_colours(text: Text, name: str) -> Text:
    """The same text by the language of the name. A lexer can backtrack for minutes."""
    lines = _highlight("\n".join(part for line in text.lines for _, part in line), name)
    return replace(text, lines=lines) if lines else text


def _highlight(text: str, name: str) -> list[list[tuple[str, str]]] | None:
    # Pygments alone takes longer to load than most previews take.
    from artifacts.previews import highlight

    return highlight.highlight(text, name)


if __name__ == "__main__":
    main()

"""A sandboxed process: makes the preview of one file."""

from dataclasses import replace

from artifacts.previews import formats, sandbox_worker, text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import PreviewTooLarge, Text, to_json


def main() -> None:
    job = sandbox_worker.read_job()
    reader = Reader(job["size"], sandbox_worker.request_range)
    try:
        preview = formats.preview(job["name"], reader)
    except PreviewTooLarge as error:
        sandbox_worker.write_message(too_large=str(error))
        return
    if isinstance(preview, Text) and text_preview.is_code(job["name"]):
        preview = _with_colours(preview, job["name"])
    sandbox_worker.write_message(done=to_json(preview))


def _with_colours(text: Text, name: str) -> Text:
    """The same text by the language of the name. A lexer can backtrack for minutes: then the plain text is used."""
    sandbox_worker.write_message(meanwhile=to_json(text))
    # Pygments alone takes longer to load than most previews take.
    from artifacts.previews import highlight

    lines = highlight.highlight("\n".join(part for line in text.lines for _, part in line), name)
    return replace(text, lines=lines) if lines else text


if __name__ == "__main__":
    main()

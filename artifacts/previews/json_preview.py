"""JSON as a tree, of which only as much leaves this process as is shown."""

import json

from artifacts.previews import json_tree, text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, PreviewTooLarge, Tree

MAX_JSON = 2**20


def preview(reader: Reader) -> Tree:
    """A tree needs the whole file. Raises `PreviewTooLarge` beyond `MAX_JSON`."""
    if reader.size > MAX_JSON:
        raise PreviewTooLarge
    text = text_preview.decode(reader.head(MAX_JSON))
    if text is None:
        raise FormatMismatch("This is not JSON, despite its name.")
    try:
        return Tree(json_tree.rows(json.loads(text)))
    except RecursionError as error:
        raise FormatMismatch("This JSON is nested too deeply for a tree, so it is shown as text.") from error
    except ValueError as error:
        raise FormatMismatch("This is not valid JSON, so it is shown as text.") from error

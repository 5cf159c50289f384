"""JSON as a tree."""

import json

from artifacts.previews import texts
from artifacts.previews.reader import Reader
from artifacts.previews.shapes import Oversized, Tree, Unfit

MAX_JSON = 2**20


def show(reader: Reader) -> Tree:
    """A tree has no first part, so all of the file is read; `Oversized` beyond `MAX_JSON`."""
    if reader.size > MAX_JSON:
        raise Oversized
    text = texts.decode(reader.head(MAX_JSON))
    if text is None:
        raise Unfit("This is not JSON, whatever its name says.")
    try:
        return Tree(json.loads(text))
    except RecursionError as error:
        raise Unfit("This JSON is nested too deeply for a tree, so it is shown as text.") from error
    except ValueError as error:
        raise Unfit("This is not valid JSON, so it is shown as text.") from error

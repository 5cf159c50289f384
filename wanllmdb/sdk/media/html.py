"""The public class `Html`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.media.base import FileMedia, is_path


class Html(FileMedia):
    """A page: HTML as text, the path of a file, or an open file. Pages show it in a sandbox, without scripts.

    A text is a path if it ends in `.html` and there is such a file, unless `data_is_not_path`. Raises `Invalid`.
    """

    _type = "html-file"
    _directory = "html"

    @checked(ignored={"inject": "nothing is added to the page"}, leaves=("data",))
    def __init__(self, data: Any, data_is_not_path: bool = False) -> None:
        if is_path(data) and not data_is_not_path and _is_file(data):
            super().__init__(Path(data), "html")
            return
        text = data.read() if callable(getattr(data, "read", None)) else data
        if not isinstance(text, (str, bytes)):
            raise errors.Invalid("Html takes a text, the path of a file, or an open file")
        super().__init__(text.encode("utf-8", "replace") if isinstance(text, str) else text, "html")

    @classmethod
    def _to_list_record(cls, items: Sequence[Any], records: list[dict[str, Any]]) -> Any:
        return {"_type": "html", "count": len(records), "html": records}


def _is_file(data: Any) -> bool:
    text = str(data)
    return text.lower().endswith((".html", ".htm")) and len(text) < 4096 and "\0" not in text and Path(text).is_file()

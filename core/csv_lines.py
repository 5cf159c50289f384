"""CSV as spreadsheets read it, without letting a text of one person become a formula on the machine of another."""

import csv
import io
from collections.abc import Iterable, Iterator

# What spreadsheets take for the beginning of a formula; the last four are the wide forms of the first.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """A line for each; a text that a spreadsheet would take for a formula gets a `'` before it. Numbers stay."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for cells in rows:
        writer.writerow(map(_neutral, cells))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _neutral(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell

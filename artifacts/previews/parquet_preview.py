"""Parquet: the first rows, read by ranges from a file of any size."""

from artifacts.previews import sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Column, Table


def show(reader: Reader) -> Table:
    told = sandbox.parquet(reader, MAX_ROWS, MAX_COLUMNS, MAX_CELL)
    columns = [Column(each["name"], each["type"], each["is_number"]) for each in told["columns"]]
    rows = list(zip(*(each["values"] for each in told["columns"]), strict=False))
    note = f"{told['rows']:,} row{'' if told['rows'] == 1 else 's'} of {told['width']:,} columns."
    if told["rows"] > len(rows):
        note += f" The first {len(rows):,} are shown."
    return Table(columns, rows, note)

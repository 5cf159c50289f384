"""Parquet: the first rows, read by ranges from a file of any size."""

from artifacts.previews import sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Column, Table


def preview(reader: Reader) -> Table:
    data = sandbox.parquet(reader, MAX_ROWS, MAX_COLUMNS, MAX_CELL)
    columns = [Column(column["name"], column["type"], column["is_number"]) for column in data["columns"]]
    rows = list(zip(*(column["values"] for column in data["columns"]), strict=False))
    note = f"{data['rows']:,} row{'' if data['rows'] == 1 else 's'} of {data['width']:,} columns."
    if data["rows"] > len(rows):
        note += f" The first {len(rows):,} are shown."
    return Table(columns, rows, note)

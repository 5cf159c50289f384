"""Tables page by page, and the summaries of their columns."""

import pyarrow
import pytest

from artifacts.previews import parquet_preview, table_preview
from artifacts.previews.column_summary import MAX_DISTINCT, ColumnSummary
from artifacts.previews.reader import MAX_BYTES
from artifacts.previews.results import BAR_HEIGHT, Summary
from tests.web.sample_files import make_preview, parse, reader_of, table_file


def summary_of(*values: str | None) -> tuple[str, Summary]:
    summary = ColumnSummary()
    for value in values:
        summary.add([value])
    return summary.type, summary.result()


@pytest.mark.parametrize(
    ("values", "type", "least", "greatest", "nulls", "distinct"),
    [
        (["3", "-1", "", None, "3"], "integer", "-1", "3", "2", "2"),
        (["1e3", "0.5", "nan"], "number", "0.5", "1,000", "1", "2"),
        (["inf", "-inf", "1e400", "1"], "number", "1", "1", "0", "4"),
        (["1", "x", "2"], "text", "1", "x", "0", "3"),
        (["true", "false", "true"], "boolean", "false", "true", "0", "2"),
        (["2024-02-01", "2023-01-01"], "date", "2023-01-01", "2024-02-01", "0", "2"),
        (["2024-02-01T10:00:00", "soon"], "text", "2024-02-01T10:00:00", "soon", "0", "2"),
        (["", "NA", None], "", "", "", "3", "0"),
        ([], "", "", "", "0", "0"),
        (["9" * 400], "", "", "", "0", "1"),
    ],
)
def test_what_a_column_holds(values, type, least, greatest, nulls, distinct):
    found, summary = summary_of(*values)
    assert (found, summary.least, summary.greatest) == (type, least, greatest)
    assert (summary.nulls, summary.distinct) == (nulls, distinct)


def test_a_histogram_and_many_values():
    numbers = [str(number) for number in range(2 * MAX_DISTINCT)]
    summary = ColumnSummary()
    summary.add([*numbers, *["0"] * 10**5])
    result = summary.result()

    assert result.distinct == "over 5,000"
    assert result.bars[0] == BAR_HEIGHT and set(result.bars[1:]) == {1}
    assert result.boxes[1] == (5, BAR_HEIGHT - 1, 1)
    assert summary_of("5", "5")[1].bars == []
    assert summary_of("1e308", "-1e308")[1].bars == [BAR_HEIGHT, *[0] * (len(result.bars) - 2), BAR_HEIGHT]


CSV = "id;name\n" + "".join(f'{number};"a\nb {number}"\n' for number in range(250))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_pages_of_a_csv(encoding):
    data = (CSV + "250;é\n").encode(encoding)
    first = parse("x.csv", data)
    second = parse("x.csv", data, first.next)
    third = parse("x.csv", data, second.next)

    assert [page.first for page in (first, second, third)] == [1, 101, 201]
    rows = [row for page in (first, second, third) for row in page.rows]
    assert rows == [*([f"{number}", f"a\nb {number}"] for number in range(250)), ["250", "é"]]
    assert (third.next, third.end, third.has_pages) == (None, 251, True)
    assert [column.name for column in third.columns] == ["id", "name"]


def test_the_pages_of_json_lines():
    data = "".join(f'{{"a": "é{number}"}}\n' for number in range(150)).encode()
    first = parse("x.jsonl", data)
    second = parse("x.jsonl", data, first.next)

    assert [*first.rows, *second.rows] == [[f"é{number}"] for number in range(150)]
    assert second.next is None and not parse("x.jsonl", b'{"a": 1}').has_pages
    for name in ("x.jsonl", "X.JSONL"):
        [column] = table_preview.summarised(first, name, reader_of(data)).columns
        assert (column.type, column.summary.distinct) == ("text", "150")


def test_the_pages_of_a_parquet_file():
    data = table_file(pyarrow.table({"a": range(1050)}), row_group_size=130)
    pages = [parse("x.parquet", data)]
    while pages[-1].next:
        pages.append(parse("x.parquet", data, pages[-1].next))

    assert [row[0] for page in pages for row in page.rows] == [str(number) for number in range(1050)]
    assert (pages[3].previous, pages[3].last, pages[-1].first, pages[-1].last) == ("201", "1001", 1001, None)
    assert parse("x.parquet", data, "1001").rows == pages[-1].rows


@pytest.mark.parametrize("rows", ["0", "-5", "x", "9" * 400, "101-", "2-99999999999", "٣", "1 OR 1=1", "50", "5-7"])
def test_rows_that_nobody_was_offered(rows):
    for name, data in (("x.csv", CSV.encode()), ("x.parquet", table_file(pyarrow.table({"a": range(300)})))):
        assert parse(name, data, rows).rows


def test_a_large_csv_is_summarised_by_its_beginning():
    data = b"a,b\n" + b"".join(b"%d,%s\n" % (number, b"x" * 90) for number in range(60_000))
    preview = make_preview("x.csv", data)

    assert preview.columns[0].type == "integer" and preview.columns[0].summary.nulls == "0"
    assert preview.summarised.startswith("Columns of the first 4")
    assert make_preview("x.csv", data, preview.next).summarised == ""


def test_a_summary_of_parquet_is_of_the_whole_where_the_file_says_so():
    data = table_file(
        pyarrow.table({"n": range(20_000), "s": [f"{number % 7}" for number in range(20_000)], "v": [[1]] * 20_000}),
        row_group_size=4_000,
    )
    table = parquet_preview.summarised(parse("x.parquet", data), reader_of(data))

    assert [column.type for column in table.columns] == ["int64", "string", "list<element: int64>"]
    assert table.columns[0].summary.greatest == "19,999" and table.columns[0].summary.distinct == "5,000"
    assert table.columns[1].summary.distinct == "7"
    assert table.columns[2].summary == Summary(nulls="0")
    assert table.summarised.startswith("Distinct values and histograms of the first 5,000 rows")


def test_a_summary_reads_only_so_much():
    reader = reader_of(b"a,b\n" + b"1,2\n" * 1_100_000, 10**12)
    table_preview.summarised(parse("x.csv", b"a,b\n1,2\n"), "x.csv", reader)

    assert reader._bytes_left == MAX_BYTES - table_preview.MAX_SUMMARY

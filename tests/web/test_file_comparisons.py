"""What two files of a kind differ in: tensors, tables, images, by what their bytes say."""

import contextlib
import io
import random
import zipfile

import pyarrow
import pytest

from artifacts.previews import comparison_formats, sandbox
from artifacts.previews.comparison_results import (
    CellChange,
    ColumnChange,
    Comparison,
    ImagePair,
    NoComparison,
    TableChanges,
    TensorChange,
    TensorChanges,
)
from artifacts.previews.reader import Reader
from artifacts.previews.results import PreviewTooLarge
from tests.web.sample_files import MIB, layer, npy, png, reader_of, safetensors, table_file


def compare(name: str, before: bytes, after: bytes) -> Comparison:
    return sandbox.compare(name, reader_of(before), reader_of(after), "somebody")


def npz_of(**arrays: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)
    return body.getvalue()


def array(shape: str) -> bytes:
    return npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n")


def test_tensors_that_came_went_and_changed():
    header = {"a": layer(0), "b": layer(1), "c": layer(2), "d": layer(3)}
    other = {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]}
    before = safetensors(header, body=bytes(32))
    after = safetensors({"a": layer(0), "b": layer(1), "c": other, "e": layer(3)}, body=bytes(8) + b"x" * 8 + bytes(16))

    assert compare("model.safetensors", before, after) == TensorChanges(
        [
            TensorChange("b", "values", "F16 2 × 2", "F16 2 × 2"),
            TensorChange("c", "changed", "F16 2 × 2", "F32 2"),
            TensorChange("d", "removed", "F16 2 × 2", ""),
            TensorChange("e", "added", "", "F16 2 × 2"),
        ],
        {"values": 1, "changed": 1, "removed": 1, "added": 1},
        same=1,
    )


def test_large_tensors_are_compared_up_to_a_limit():
    size = 64 * MIB
    header = {
        name: {"dtype": "U8", "shape": [size], "data_offsets": [at, at + size]} for at, name in ((0, "a"), (size, "b"))
    }
    before = safetensors(header)
    changed = before + b"x"
    compared = sandbox.compare(
        "model.safetensors",
        reader_of(before, len(before) + 2 * size),
        reader_of(changed, len(before) + 2 * size),
        "somebody",
    )

    assert isinstance(compared, TensorChanges)
    assert ([change.name for change in compared.changes], compared.same, compared.unknown) == (["a"], 0, 1)


def test_arrays_of_an_archive():
    before = npz_of(same=array("(3,)"), shape=array("(3,)"), values=array("(2,)"), gone=array("()"))
    after = npz_of(same=array("(3,)"), shape=array("(4, 1)"), values=array("(2,)")[:-1] + b"x", new=array("(1,)"))

    assert compare("weights.npz", before, before).counts == dict.fromkeys(("added", "removed", "changed", "values"), 0)
    compared = compare("weights.npz", before, after)
    assert isinstance(compared, TensorChanges) and compared.same == 1
    assert {(change.name, change.change) for change in compared.changes} == {
        ("gone", "removed"),
        ("new", "added"),
        ("shape", "changed"),
        ("values", "values"),
    }
    assert {change.after for change in compared.changes} >= {"float32 4 × 1", "float32 2"}


def test_rows_are_matched_by_a_column_that_identifies_them():
    before = b"id,name,score\n1,ann,3\n2,bob,4\n3,cy,5\n"
    after = b"id,score,kind\n1,3,x\n3,7,y\n4,1,z\n"

    assert compare("people.csv", before, after) == TableChanges(
        [ColumnChange("name", "", None), ColumnChange("kind", None, "")],
        3,
        3,
        3,
        added=1,
        removed=1,
        changed=1,
        cells=[CellChange("3", "score", "5", "7")],
        cell_count=1,
        key="id",
    )


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        # As many rows, most of them alike: by their position.
        (b"a,b\n1,1\n1,1\n1,2\n", b"a,b\n1,1\n1,3\n1,2\n", (0, 0, 1)),
        # No column tells them apart.
        (b"a,b\n1,1\n1,1\n2,2\n", b"a,b\n1,1\n2,2\n2,2\n2,3\n", (2, 1, None)),
        (b"a\n", b"a\n1\n1\n", (2, 0, None)),
        (b"a\n1\n2\n3\n4\n", b"b\n1\n2\n3\n4\n", (0, 0, 0)),
    ],
    ids=["position", "counted", "empty", "nothing common"],
)
def test_rows_that_nothing_identifies(before, after, counts):
    compared = compare("t.csv", before, after)

    assert isinstance(compared, TableChanges)
    assert (compared.added, compared.removed, compared.changed) == counts


def test_parquet_tells_types_and_counts_all_rows():
    ids = list(range(30_000))
    before = table_file(pyarrow.table({"id": ids, "x": [float(number) for number in ids], "old": ["x"] * len(ids)}))
    values = [number + (number == 7) for number in ids[:29_000]]
    after = table_file(pyarrow.table({"id": ids[:29_000], "x": values, "new": [None] * 29_000}))

    compared = compare("t.parquet", before, after)
    assert isinstance(compared, TableChanges)
    assert [(column.name, column.change) for column in compared.columns] == [
        ("x", "changed"),
        ("old", "removed"),
        ("new", "added"),
    ]
    assert (compared.columns[0].before, compared.columns[0].after) == ("double", "int64")
    assert (compared.rows_before, compared.rows_after, compared.key) == (30_000, 29_000, "id")
    assert compared.note == "Only the first 20,000 rows were compared."


def test_json_lines_and_images():
    compared = compare("t.jsonl", b'{"a": 1, "b": {"c": 2}}\n', b'{"a": 1, "b": {"c": 3}}\n{"a": 2}\n')
    assert isinstance(compared, TableChanges)
    assert (compared.added, compared.cells) == (1, [CellChange("1", "b", '{"c": 2}', '{"c": 3}')])

    pair = compare("p.png", png(3, 2), png(4, 5))
    assert isinstance(pair, ImagePair)
    assert ((pair.before.width, pair.before.height), (pair.after.width, pair.after.height)) == ((3, 2), (4, 5))


def hostile() -> list[tuple[str, bytes]]:
    noise = random.Random(3).randbytes(100_000)
    many = {f"t{number}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for number in range(30_000)}
    return [
        ("not.safetensors", noise),
        ("offsets.safetensors", safetensors({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**62]}})),
        ("many.safetensors", safetensors(many)),
        ("not.npz", noise),
        ("array.npz", npz_of(**{"../../etc/passwd": b"\x93NUMPY", "a": noise})),
        ("wide.csv", b"," * 200_000 + b"\n" + b"1\n" * 20_000),
        ("quotes.csv", b'a\n"' + b"x" * 250_000),
        ("long.csv", b"a,b\n" + b"1,2\n" * 900_000),
        ("deep.jsonl", b"[" * 100_000),
        ("keys.jsonl", b"\n".join(b'{"%d": 1}' % number for number in range(20_000))),
        ("lone.jsonl", b'{"\\ud800": "\\udfff"}\n'),
        ("bomb.parquet", table_file(pyarrow.table({"a": pyarrow.repeat("x" * 1_000, 400_000)}))),
        ("cut.parquet", table_file(pyarrow.table({"a": range(1_000)}))[:-20] + b"PAR1"),
        ("not.png", b"<svg onload=alert(1)>"),
        ("large.png", png()[:16] + b"\0\1\0\0\0\1\0\0" + png()[24:]),
    ]


@pytest.mark.parametrize(("name", "data"), hostile(), ids=lambda value: value if isinstance(value, str) else "")
def test_hostile_files_have_a_comparison_or_a_reason(name, data):
    try:
        compared = compare(name, data, data[:-1] + b"x")
    except PreviewTooLarge:
        return
    assert isinstance(compared, NoComparison) or compared.kind in ("tensors", "table", "images")


def test_what_would_read_for_ever_ends():
    """A reader has its limits, whichever of the two files asks."""
    endless = Reader(2**50, lambda offset, length: (b"PAR1" * (length // 4 + 1))[:length])

    with contextlib.suppress(PreviewTooLarge):
        assert isinstance(sandbox.compare("t.parquet", endless, endless, "somebody"), NoComparison)


def test_only_names_decide():
    assert [comparison_formats.is_known(name) for name in ("a.CSV", "b/c.parquet", "d.png", "e.txt", "csv")] == [
        True, True, True, False, False,
    ]  # fmt: skip

"""Previews of Parquet, tensors and images, of which only the header is believed, and not much of that."""

import gzip
import io
import struct
import zipfile

import pyarrow
import pytest

from artifacts.previews import image_preview, json_tree, parquet_preview, tensor_preview
from artifacts.previews.reader import MAX_BYTES, Reader
from artifacts.previews.results import (
    MAX_ROWS,
    Document,
    FormatMismatch,
    Image,
    Media,
    NoPreview,
    PreviewTooLarge,
    Table,
    Tensors,
    Text,
    Total,
)
from tests.web.sample_files import (
    MIB,
    gguf,
    gguf_text,
    layer,
    make_preview,
    npy,
    npz,
    parse,
    png,
    reader_of,
    safetensors,
    table_file,
)


class TestParquet:
    def test_first_rows(self):
        table = pyarrow.table(
            {
                "id": range(1000),
                "name": [None, *(f"n{number}" for number in range(999))],
                "raw": [b"\0\1"] * 1000,
                "vector": [list(range(100))] * 1000,
                "at": [{"x": 1, "y": [2]}] * 1000,
            }
        )
        preview = make_preview("x.parquet", table_file(table, row_group_size=30))

        assert isinstance(preview, Table)
        assert [(column.name, column.type) for column in preview.columns][:2] == [("id", "int64"), ("name", "string")]
        assert len(preview.rows) == MAX_ROWS
        assert preview.rows[0][:3] == ["0", None, "2 bytes"]
        assert preview.rows[99][0] == "99" and preview.rows[0][3].endswith("… (100)]")
        assert preview.note == "1,000 rows of 5 columns. The first 100 are shown."

    def test_by_its_bytes_alone(self):
        assert isinstance(make_preview("part-0000", table_file(pyarrow.table({"a": [1]}))), Table)

    def test_no_rows_and_no_columns(self):
        assert make_preview("x.parquet", table_file(pyarrow.table({"a": pyarrow.array([], "int8")}))).rows == []
        assert make_preview("x.parquet", table_file(pyarrow.table({}))).columns == []

    def test_only_what_is_rendered_is_read(self):
        rows = 2_000_000
        data = table_file(
            pyarrow.table({"a": range(rows), "b": [str(number * 7919) for number in range(rows)]}),
            row_group_size=rows,
            compression="none",
            use_dictionary=False,
        )
        read = []

        def fetch(offset: int, length: int) -> bytes:
            read.append(length)
            return data[offset : offset + length]

        assert len(parquet_preview.preview(Reader(len(data), fetch)).rows) == 100
        assert len(data) > 30 * MIB
        assert sum(read) < 4 * MIB

    def test_columns_of_odd_names(self):
        names = ["a.b", "", "a b", "<b>", "a", "a"]
        table = pyarrow.Table.from_arrays([pyarrow.array([number]) for number in range(6)], names=names)
        preview = make_preview("x.parquet", table_file(table))
        assert [column.name for column in preview.columns] == names

    @pytest.mark.parametrize("keep", [4, 8, 100, 400, -1, -4, -9])
    def test_truncated_ones(self, keep):
        data = table_file(pyarrow.table({"a": range(1000)}))[:keep]
        assert isinstance(make_preview("x.parquet", data), NoPreview | Text)

    def test_one_with_noise_in_it(self):
        data = bytearray(table_file(pyarrow.table({"a": range(1000), "b": ["x"] * 1000})))
        for offset in range(0, len(data) - 8, 5):
            data[offset] ^= 0xA5
        assert isinstance(make_preview("x.parquet", bytes(data)), NoPreview)

    def test_a_few_bytes_that_ask_for_gigabytes(self):
        length = 30_000_000
        one_long_list = pyarrow.ListArray.from_arrays([0, length], pyarrow.repeat(0.0, length))
        bomb = table_file(pyarrow.table({"a": one_long_list}))
        assert len(bomb) < 2000

        with pytest.raises(PreviewTooLarge):
            make_preview("x.parquet", bomb)


class TestTensors:
    def test_safetensors(self):
        header = {
            "__metadata__": {"format": "pt"},
            "w": {"dtype": "BF16", "shape": [4, 2], "data_offsets": [0, 16]},
            "b": {"dtype": "F32", "shape": [], "data_offsets": [16, 20]},
        }
        preview = make_preview("model.safetensors", safetensors(header, body=bytes(20)))

        assert isinstance(preview, Tensors)
        assert [(tensor.name, tensor.dtype, tensor.dimensions, tensor.size) for tensor in preview.tensors] == [
            ("b", "F32", "scalar", 4),
            ("w", "BF16", "4 × 2", 16),
        ]
        assert preview.totals == [Total("BF16", 1, 8, 16), Total("F32", 1, 1, 4), Total("", 2, 9, 20)]
        assert (preview.metadata, preview.note) == (json_tree.rows({"format": "pt"}), "2 tensors, 9 parameters.")

    def test_only_the_header_is_read(self):
        data = safetensors({f"layer.{number}": layer(number) for number in range(1000)})
        preview = tensor_preview.safetensors(reader_of(data, 10**11))

        assert len(preview.tensors) == tensor_preview.MAX_TENSORS
        assert [tensor.name for tensor in preview.tensors[1:12:5]] == ["layer.1", "layer.6", "layer.11"]
        assert preview.note == "1,000 tensors, 4,000 parameters. The first 500 are shown."

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"1234567",
            safetensors({}, length=2**63),
            safetensors({}, length=1000),
            safetensors({}, length=0),
            safetensors(b"not json"),
            safetensors(b"[" * 10**5),
            safetensors([1, 2]),
            safetensors({"a": 1}),
            safetensors({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}),
            safetensors({"a": {"dtype": "F32", "shape": [2**70], "data_offsets": [0, 4]}}),
            safetensors({"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}),
            safetensors({"a": {"dtype": "F32", "shape": [1] * 100, "data_offsets": [0, 4]}}),
            safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}),
            safetensors({"a": {"dtype": "F32", "shape": 7, "data_offsets": [0, 4]}}),
        ],
    )
    def test_headers_that_lie(self, data):
        assert isinstance(make_preview("x.safetensors", data), NoPreview | Text)

    def test_a_header_too_long_is_not_read(self):
        with pytest.raises(PreviewTooLarge):
            tensor_preview.safetensors(reader_of(struct.pack("<Q", 50 * MIB), 100 * MIB))

    @pytest.mark.parametrize(
        ("literal", "dtype", "dimensions", "size"),
        [
            ("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n", "float64", "3 × 4", 96),
            ("{'descr': '|b1', 'fortran_order': True, 'shape': (7,), }\n", "bool", "7", 7),
            ("{'descr': '>i4', 'fortran_order': False, 'shape': (), }\n", "int32 (big-endian)", "scalar", 4),
            ("{'descr': '<U10', 'fortran_order': False, 'shape': (2,), }\n", "text of 10", "2", 80),
            ("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (2,), }\n", "M8[ns]", "2", 16),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", "object (pickled, never opened)", "2", None),
            (
                "{'descr': [('a', '<f4'), ('b', '<i2')], 'fortran_order': False, 'shape': (2,), }\n",
                "structured [('a', '<f4'), ('b', '<i2')]",
                "2",
                None,
            ),
        ],
    )
    def test_npy(self, literal, dtype, dimensions, size):
        for version in (1, 2, 3):
            [tensor] = make_preview("x.npy", npy(literal, version)).tensors
            assert (tensor.dtype, tensor.dimensions, tensor.size) == (dtype, dimensions, size)

    @pytest.mark.parametrize(
        "data",
        [
            b"\x93NUMPY",
            b"\x93NUMPY\x01\x00\xff\xff{'descr'",
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'",
            b"\x93NUMPY\x09\x00\x10\x00",
            npy("{'descr': __import__('os').system('x'), 'fortran_order': False}"),
            npy("(" * 10_000),
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1, " * 100 + "), }\n"),
        ],
    )
    def test_npy_that_lies(self, data):
        assert isinstance(make_preview("x.npy", data), NoPreview | Text)

    def test_npz(self):
        preview = make_preview("x.npz", npz({"w": "(3, 4)", "deep/b": "(5,)"}))

        assert [(tensor.name, tensor.dimensions) for tensor in preview.tensors] == [("deep/b", "5"), ("w", "3 × 4")]

    def test_npz_with_many_members(self):
        preview = make_preview("x.npz", npz({f"a{number}": "(1,)" for number in range(300)}))
        assert (len(preview.tensors), preview.note) == (50, "The first 50 of 300 arrays.")

    @pytest.mark.parametrize(
        "data", [b"PK\x03\x04", b"PK\x05\x06" + bytes(18), gzip.compress(b"x", mtime=0), b"x" * 100]
    )
    def test_npz_that_is_none(self, data):
        assert isinstance(make_preview("x.npz", data), NoPreview | Text | Tensors)

    def test_gguf(self):
        tokens = (
            gguf_text(b"tokens")
            + struct.pack("<IIQ", 9, 8, 30)
            + b"".join(map(gguf_text, [b"t%d" % n for n in range(30)]))
        )
        pairs = gguf_text(b"name") + struct.pack("<I", 8) + gguf_text(b"llama") + tokens
        tensors = b"".join(
            gguf_text(b"blk.%d.w" % layer) + struct.pack("<IQQIQ", 2, 256, 4, 12, 0) for layer in (10, 2)
        )
        preview = parse("model.gguf", gguf(tensors, 2, pairs, 2))

        assert [(one.name, one.dtype, one.dimensions, one.size) for one in preview.tensors] == [
            ("blk.2.w", "Q4_K", "4 × 256", 576),
            ("blk.10.w", "Q4_K", "4 × 256", 576),
        ]
        assert preview.totals == [Total("Q4_K", 2, 2048, 1152), Total("", 2, 2048, 1152)]
        assert {"name", "tokens"} <= {row.key for row in preview.metadata}
        assert any("10 more" in row.text for row in preview.metadata)

    @pytest.mark.parametrize(
        "data",
        [
            b"GGUF",
            gguf(version=1),
            gguf(count=2**60),
            gguf(pair_count=2**60),
            gguf(count=3),
            gguf(pairs=struct.pack("<Q", 2**63), pair_count=1),
            gguf(pairs=gguf_text(b"a") + struct.pack("<I", 77), pair_count=1),
            gguf(pairs=gguf_text(b"a") + struct.pack("<IIQ", 9, 8, 2**62), pair_count=1),
            gguf(pairs=gguf_text(b"a") + struct.pack("<IIQ", 9, 9, 1), pair_count=1),
            gguf(pairs=gguf_text(b"a") + struct.pack("<IIQ", 9, 77, 0), pair_count=2),
            gguf(pairs=gguf_text(b"a") + struct.pack("<IIQ", 9, 8, 30) + b"\xff" * 400, pair_count=1),
            gguf(gguf_text(b"t") + struct.pack("<I", 2**31), 1),
            gguf(gguf_text(b"t") + struct.pack("<IQQIQ", 2, 2**63, 2**63, 0, 0), 1),
        ],
    )
    def test_gguf_that_lies(self, data):
        assert isinstance(parse("x.gguf", data), NoPreview | Text)

    def test_npz_with_a_bomb_in_it(self):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.npy", bytes(100 * MIB))
        assert isinstance(make_preview("x.npz", sink.getvalue()), NoPreview)


class TestImages:
    def test_a_png_has_its_size(self):
        assert make_preview("x.png", png(30, 20)) == Image("image/png", 30, 20)

    @pytest.mark.parametrize(
        ("data", "image"),
        [
            (b"GIF89a\x10\x00\x20\x00" + bytes(20), Image("image/gif", 16, 32)),
            (
                b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc2\x00\x11\x08\x00\x20\x00\x10" + bytes(20),
                Image("image/jpeg", 16, 32),
            ),
            (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x0f\0\0\x1f\0\0", Image("image/webp", 16, 32)),
            (
                b"RIFF\0\0\0\0WEBPVP8L" + bytes(5) + struct.pack("<I", 15 | 31 << 14) + bytes(9),
                Image("image/webp", 16, 32),
            ),
            (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + b"\x10\0\x20\0", Image("image/webp", 16, 32)),
            (b"\0\0\0\x20ftypavif" + bytes(40), Image("image/avif")),
            (b"BM" + bytes(16) + struct.pack("<ii", 16, -32) + bytes(20), Image("image/bmp", 16, 32)),
        ],
    )
    def test_others_too_whatever_they_are_called(self, data, image):
        assert make_preview("x", data) == make_preview("x.png", data) == image

    @pytest.mark.parametrize("data", [png()[:12], b"\xff\xd8\xff" + b"\xff" * 50, b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X"])
    def test_cut_ones_have_no_size(self, data):
        assert (make_preview("x.png", data).width, make_preview("x.png", data).height) == (None, None)

    @pytest.mark.parametrize("source", ["<html><script>alert(1)</script>", "<svg xmlns='http://www.w3.org/2000/svg'/>"])
    def test_a_document_called_image_is_text(self, source):
        preview = make_preview("x.png", source.encode())
        assert isinstance(preview, Text)
        assert preview.note == "This is not an image in a known format, despite its name."

    def test_too_many_bytes_or_pixels(self):
        with pytest.raises(PreviewTooLarge):
            image_preview.preview(reader_of(png(), 21 * MIB))
        with pytest.raises(PreviewTooLarge):
            image_preview.preview(reader_of(png(1, 1)[:16] + struct.pack(">II", 60_000, 60_000) + bytes(50)))


class TestMedia:
    @pytest.mark.parametrize(
        ("head", "type"),
        [
            (b"\0\0\0\x20ftypisom", "video/mp4"),
            (b"\0\0\0\x20ftypM4A ", "audio/mp4"),
            (b"\x1a\x45\xdf\xa3" + b"\x42\x82\x84webm", "video/webm"),
            (b"\x1a\x45\xdf\xa3" + b"\x42\x82\x88matroska", "video/x-matroska"),
            (b"OggS" + bytes(24) + b"OpusHead", "audio/ogg"),
            (b"OggS" + bytes(24) + b"\x80theora", "video/ogg"),
            (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
            (b"fLaC", "audio/flac"),
            (b"ID3\x04", "audio/mpeg"),
            (b"\xff\xfb\x90\x64", "audio/mpeg"),
        ],
    )
    def test_the_type_is_what_the_bytes_say(self, head, type):
        for name in ("x.mp3", "x.mp4", "x"):
            assert parse(name, head + bytes(100)) == Media(type)

    def test_a_pdf(self):
        assert parse("x.pdf", b"%PDF-1.7\n" + bytes(99)) == parse("x", b"%PDF-1.7\n") == Document()
        for script in (b"<< /S /JavaScript /JS (app.alert(1)) >>", b"<< /#4aS 7 0 R >>"):
            assert parse("x.pdf", b"%PDF-1.7\n" + script) == Document(has_scripts=True)
        assert parse("x.pdf", b"%PDF-1.7\n/JSON 1") == Document()

    @pytest.mark.parametrize("name", ["x.mp3", "x.mp4", "x.pdf"])
    @pytest.mark.parametrize("data", [b"<html><script>alert(1)</script>", b"\xff\xff\xff\xff", b"%PD", b"\xff\xfb"])
    def test_what_is_none_is_text_or_nothing(self, name, data):
        assert isinstance(parse(name, data), Text | NoPreview)


class TestReader:
    def test_it_reads_within_the_file_and_its_allowance(self):
        reader = reader_of(bytes(10), 10 * MAX_BYTES)

        assert reader.read(10 * MAX_BYTES - 2, 10) == b"\0\0"
        assert reader.read(10 * MAX_BYTES, 10) == reader.read(-1, 5) == reader.read(5, -5) == b""
        with pytest.raises(PreviewTooLarge):
            reader.read(0, MAX_BYTES)

    def test_many_small_reads_are_too_many(self):
        reader = reader_of(bytes(1000))
        with pytest.raises(PreviewTooLarge):
            for offset in range(1000):
                reader.read(offset, 1)


def test_an_error_of_one_kind_is_reported_as_such():
    with pytest.raises(FormatMismatch):
        tensor_preview.npy(reader_of(b"x" * 100))

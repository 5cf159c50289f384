"""Files to be previewed, made of a few words, and how tests look at them."""

import base64
import io
import json
import struct
import zipfile
import zlib

import pyarrow
from pyarrow import parquet as arrow_parquet

from artifacts.previews import formats, sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import Preview, Text

MIB = 2**20


def reader_of(data: bytes, size: int | None = None) -> Reader:
    """A reader of these bytes; with a size, they are the beginning of a file of zeros."""
    size = len(data) if size is None else size
    return Reader(size, lambda offset, length: data[offset : offset + length].ljust(length, b"\0"))


def parse(name: str, data: bytes, rows: str = "") -> Preview:
    """The preview without the process around it, which takes half a second to start, and without colours."""
    return formats.preview(name, reader_of(data), rows)


def make_preview(name: str, data: bytes, rows: str = "") -> Preview:
    return sandbox.preview(name, reader_of(data), "somebody", rows)


def line_texts(text: Text) -> list[str]:
    return ["".join(part for _, part in line) for line in text.lines]


def png(width: int = 3, height: int = 2) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = zlib.compress(b"".join(b"\0" + bytes(3 * width) for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# What a stranger may have put into it must not become markup.
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "source": "# Look\n<script>alert(1)</script>"},
        {
            "cell_type": "code",
            "source": "print('<i>')",
            "outputs": [
                {"data": {"image/png": base64.b64encode(png()).decode()}},
                {"data": {"text/html": "<table><tr onclick=x><td>7<script>alert(1)</script></td></tr></table>"}},
            ],
        },
    ]
}


def safetensors(header: object, length: int | None = None, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def npy(literal: str, version: int = 1) -> bytes:
    form = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, len(literal)) + literal.encode() + bytes(64)


def table_file(table: pyarrow.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    arrow_parquet.write_table(table, sink, **options)
    return sink.getvalue()


def layer(number: int) -> dict:
    return {"dtype": "F16", "shape": [2, 2], "data_offsets": [number * 8, number * 8 + 8]}


def gguf(tensors: bytes = b"", count: int = 0, pairs: bytes = b"", pair_count: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, count, pair_count) + pairs + tensors


def gguf_text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def npz(shapes: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in shapes.items():
            literal = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"
            archive.writestr(f"{name}.npy", npy(literal))
    return sink.getvalue()

"""A file of each kind that people keep and browsers or pages show, small, and made of a few words."""

import base64
import collections
import gzip
import io
import json
import pickle
import struct
import subprocess
import tarfile
import zipfile
import zlib
from typing import Any

from tests import model_files


def png(width: int = 8, height: int = 8, colour: bytes = b"\x2f\x55\xc8") -> bytes:
    """A plain rectangle."""
    rows = b"".join(b"\0" + colour * width for _ in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav(seconds: float = 0.5, rate: int = 8_000) -> bytes:
    """A tone of 8-bit samples."""
    samples = bytes(128 + (40 if number // 10 % 2 else -40) for number in range(int(seconds * rate)))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pdf(text: str = "Hello", script: str = "") -> bytes:
    """A page with a line of text, and if there is one, a script that runs when it is opened."""
    stream = f"BT /F1 24 Tf 50 100 Td ({text}) Tj ET".encode()
    action = f" /OpenAction << /S /JavaScript /JS ({script}) >>".encode() if script else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R" + action + b" >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(data)
    return data + b"xref\n0 6\n" + table + end


def notebook(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode()


def code_cell(source: str, **data: str) -> dict[str, Any]:
    """A cell with one output, of the MIME types that the keywords name with an underscore for the slash."""
    forms = {name.replace("_", "/"): text for name, text in data.items()}
    outputs = [{"output_type": "display_data", "data": forms}] if forms else []
    return {"cell_type": "code", "execution_count": 1, "source": source, "outputs": outputs}


def zipped(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(sink.getvalue(), mtime=0)


class Command:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return subprocess.check_output, (["true"],)


def gguf() -> bytes:
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    pair = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    tensors = b"".join(
        text(b"blk.%d.attn_q.weight" % layer) + struct.pack("<IQQIQ", 2, 4096, 4096, kind, 0)
        for layer, kind in ((0, 12), (10, 14), (2, 12))
    )
    return b"GGUF" + struct.pack("<IQQ", 3, 3, 1) + pair + tensors


_LAYERS = {
    f"encoder.layers.{layer}.{name}": (storage, shape)
    for layer in range(12)
    for name, storage, shape in (
        ("self_attn.in_proj_weight", "HalfStorage", (2304, 768)),
        ("self_attn.in_proj_bias", "HalfStorage", (2304,)),
        ("norm.weight", "FloatStorage", (768,)),
    )
}


def _onnx() -> bytes:
    """A small convolutional network, without its values."""
    convolutions = [(f"backbone.{layer}.conv.weight", (64, 3 if layer == 0 else 64, 3, 3)) for layer in range(12)]
    graph = [model_files.node(operator) for _ in convolutions for operator in ("Conv", "Relu")]
    graph += [model_files.node("GlobalAveragePool"), model_files.node("Gemm")]
    graph += [model_files.initializer(name, 1, shape) for name, shape in [*convolutions, ("head.weight", (80, 64))]]
    graph += [model_files.graph_input("image", 1, ("batch", 3, 640, 640))]
    graph += [model_files.graph_input("scores", 1, ("batch", 80), kind=12)]
    return model_files.onnx(b"".join(graph), task="detect", stride="32")


def kept() -> dict[str, bytes]:
    """What ML people keep, by name."""
    table = "".join(f"{number},{number * number % 97},{['train', 'test'][number % 5 == 0]}\n" for number in range(260))
    cells = [
        {"cell_type": "markdown", "source": "# Ratings\n\nA **first** look."},
        code_cell(
            "import pandas as pd\nratings.head()",
            text_html="<table><tr><th>user</th><th>rating</th></tr><tr><td>7</td><td>4.5</td></tr></table>",
        ),
        code_cell("plot(ratings)", image_png=base64.b64encode(png(240, 90)).decode()),
        code_cell("print('done')", text_plain="done"),
    ]
    return {
        "explore.ipynb": notebook(*cells),
        "tone.wav": wav(),
        "clip.mp4": b"\0\0\0\x20ftypisom" + bytes(100),
        "paper.pdf": pdf("Hello PDF"),
        "ratings.csv": b"user,score,split\n" + table.encode(),
        "train.log": b"".join(b"step %d loss %.4f\n" % (step, 1 / (step + 1)) for step in range(6_000)),
        "data.zip": zipped({"images/0001.png": png(), "images/0002.png": png(), "labels.json": b"{}" * 500}),
        "data.tar.gz": tarred({"a.txt": b"a", "folder/b.txt": b"b" * 2_000}),
        "model.pkl": pickle.dumps([collections.OrderedDict(a=1), Command()]),
        "model.pt": model_files.torch_zip(model_files.state_dict(_LAYERS)),
        "detector.onnx": _onnx(),
        "model.gguf": gguf(),
        **{f"plots/epoch-{number:02}.png": png(80, 60, bytes((number * 20, 120, 200))) for number in range(12)},
    }

"""What people could type, name, write or store to run a script in somebody else's browser."""

import base64
import gzip
import io
import json
import struct
import zipfile
from typing import Any

import pyarrow
import pyarrow.parquet

from tests import model_files
from tests.browser import preview_files

# Short enough for a tag; every one of them sets the tripwire.
IMG = '"><img src=x onerror=__xss=1>'
WIRE = "window.__xss = 1; alert(1)"
LONG = f"""{IMG}'><svg onload="{WIRE}"></textarea></title></script><script>{WIRE}</script>{{{{ 7|add:7 }}}}<!--"""
MARKDOWN = f"""
[a](javascript:{WIRE.replace(" ", "")}) [b](JaVaScRiPt&colon;alert(1)) [c](data:text/html,<script>{WIRE}</script>)
[d](vbscript:x) ![e](x"onerror="{WIRE}) <a href="javascript:alert(1)">f</a> <javascript:alert(1)> [g][h]

<!-- <script>{WIRE}</script> --> <scr<script>ipt>{WIRE}</script> <iframe srcdoc="<script>{WIRE}</script>"></iframe>

<style>@import "//x"</style> <form action="javascript:alert(1)"><button formaction=javascript:alert(1)>i</button></form>

| <img src=x onerror="{WIRE}"> | `</code><script>{WIRE}</script>` |
|---|---|
| <svg/onload={WIRE}> | <math><mi xlink:href="javascript:alert(1)">j</mi></math> |

```"><script>{WIRE}</script>
</code></pre><script>{WIRE}</script>
```

[h]: javascript:alert(1) "onmouseover=alert(1)"
"""


def evil(name: str, text: str = LONG) -> str:
    """What is typed into the field of that name. Its beginning says where it came from."""
    return f"{name}{text}"


def tree(name: str) -> dict[str, Any]:
    return {evil(f"{name}-key"): evil(f"{name}-value"), "nested": [{evil(f"{name}-deep"): [f"javascript:{WIRE}"]}]}


# As a browser would trust them most, and as it would not understand them.
MIME_TYPES = {"drawing.svg": "image/svg+xml", "dot.png": "image/svg+xml", "odd.js": evil("mime-type", IMG)}


# Path and URI. What a browser would run by itself, such as `javascript:`, no version may refer to.
REFERENCES = {
    f"references/{evil('reference-path', IMG)}": f"s3://evil-bucket/{evil('reference-key', IMG)}",
    "references/link.html": f"https://example.org/{IMG.replace(' ', '/')}<script>{WIRE.replace(' ', '')}</script>?x='",
    "references/file.html": f"file:///{evil('reference-file', IMG)}",
    "references/other.html": f"javascript-x://example.org/{evil('reference-other', IMG)}",
}


def files(number: int) -> dict[str, bytes]:
    html = f"<!doctype html><script>{WIRE}</script>{evil('html')} {number}\n".encode()
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{WIRE}"><script>{WIRE}</script>{number}</svg>'.encode()
    text = f"{evil('text')}{MARKDOWN}{number}\n"
    quoted = evil("csv-cell").replace('"', '""')
    return {
        "page.html": html,
        "page.xhtml": html,
        "drawing.svg": svg,
        "fake.png": svg,
        "fake.gif": b"GIF89a\2\0\2\0" + html,
        "dot.png": preview_files.png(),
        "trailer.png": preview_files.png() + html,
        "README.md": f"{_front_matter()}{text}".encode(),
        "plain.txt": text.encode(),
        "train.py": f"x = '''{text}'''\n".encode(),
        "odd.js": f"`{text}`".encode(),
        "table.csv": f'a,b\n"{quoted}",=1\n"{quoted}",{number}\n'.encode(),
        "table.tsv": f"<b>{IMG[2:]}</b>\tb\n<i>{IMG[2:]}</i>\t{number}\n".encode(),
        "tree.json": json.dumps(tree("json") | {"n": number}).encode(),
        "lines.jsonl": (json.dumps(tree("jsonl")) + "\n").encode() * number,
        "book.ipynb": _notebook(text),
        "paper.pdf": preview_files.pdf("pdf", script="app.alert\\(1\\)"),
        "fake.pdf": html,
        "fake.mp4": html,
        "page.mp4": b"\0\0\0\x20ftypisom" + html,
        "page.pdf": b"%PDF-1.4\n" + html,
        "members.zip": preview_files.zipped({evil("zip-member", IMG): b"x"}),
        "members.tar.gz": preview_files.tarred({evil("tar-member", IMG): b"x"}),
        "model.pkl": b"\x80\x04" + b"".join(_short_text(evil(name, IMG)) for name in ("module", "import")) + b"\x93.",
        "model.pt": model_files.torch_zip(model_files.state_dict({evil("torch-tensor"): (evil("Storage", IMG), (2,))})),
        "model.onnx": _onnx(),
        "names.csv.gz": gzip.compress(f'"{quoted}"\n1\n'.encode()),
        "weights.safetensors": _safetensors(),
        "array.npy": _npy("npy"),
        "arrays.npz": _npz(),
        "rows.parquet": _parquet(),
        f"folder{IMG}/{evil('path', IMG)}.html": html,
        f"folder{IMG}/{evil('picture', IMG)}.png": preview_files.png(),
        f"folder{IMG}/javascript:alert(1)": text.encode(),
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E.txt": text.encode(),
        f"{{{{ 7|add:7 }}}}'-alert(1)-'&lt;b&gt;{IMG}.py": text.encode(),
    }


def run_files() -> dict[str, bytes]:
    """What a run saves, under names that the records of `media_row` have."""
    html = f"<!doctype html><script>{WIRE}</script>{evil('html')}".encode()
    cells = {"columns": [evil("table-column")], "data": [[evil("table-cell")], [{evil("cell-key"): 1}]]}
    return {
        "media/html/page.html": html,
        "media/table/t.table.json": json.dumps(cells).encode(),
        "media/images/fake.png": html,
        "media/images/drawing.svg": f'<svg xmlns="http://www.w3.org/2000/svg" onload="{WIRE}"/>'.encode(),
        f"{evil('saved', IMG)}.html": html,
    }


def media_row() -> dict[str, Any]:
    """A row of a history with a record of each kind."""
    caption = evil("caption")
    return {
        "_step": 0,
        evil("media-key"): {"_type": "image-file", "path": "media/images/fake.png", "caption": caption},
        "page": {"_type": "html-file", "path": "media/html/page.html", "caption": caption},
        "table": {"_type": "table-file", "path": "media/table/t.table.json", "nrows": IMG},
        "other": {"_type": "plotly-file", "path": f"{evil('saved', IMG)}.html", "caption": caption},
        "nowhere": {"_type": "audio-file", "path": f"javascript:{WIRE}", "caption": caption},
        "drawing": {"_type": "images/separated", "filenames": ["media/images/drawing.svg", IMG], "captions": [caption]},
        "histogram": {"_type": "histogram", "values": [1, IMG], "bins": [IMG, 2]},
    }


def _front_matter() -> str:
    """What a card says of itself, and how well it does."""
    texts = {name: evil(f"card-{name}", IMG) for name in ("license", "language", "base_model", "datasets", "tags")}
    links = {"license_link": f"javascript:{WIRE}", "library_name": ["</span><script>", f"javascript:{WIRE}"]}
    names = {name: evil(f"card-{name}", IMG) for name in ("name", "type", "split", "value")}
    results = {"task": names, "dataset": names, "metrics": [names]}
    index = {"model-index": [{"name": evil("card-model", IMG), "results": [results]}]}
    # JSON is YAML.
    return f"---\n{json.dumps(texts | links | index)}\n---\n"


def _notebook(text: str) -> bytes:
    """One whose cells and outputs are all of the kinds that Jupyter itself would run."""
    html = f"<table onclick=x><tr><td style=x>{text}</td></tr></table>{LONG}<script>{WIRE}</script>"
    forms = [
        {"text/html": html},
        {"image/svg+xml": f"<svg onload='{WIRE}'><script>{WIRE}</script></svg>", "text/plain": evil("svg", IMG)},
        {"application/javascript": WIRE, "text/plain": evil("javascript", IMG)},
        {"text/markdown": text, "text/latex": text, "text/plain": evil("latex", IMG)},
        {"image/png": f'x" onerror="{WIRE}', "text/plain": evil("no-image", IMG)},
        {"image/png": base64.b64encode(f"<svg onload='{WIRE}'/>".encode()).decode(), "text/plain": "svg"},
        {"image/png": base64.b64encode(preview_files.png()).decode()},
    ]
    outputs = [{"output_type": "display_data", "data": data} for data in forms]
    outputs += [{"output_type": "stream", "name": "stderr", "text": evil("stream")}]
    outputs += [{"output_type": "error", "ename": "E", "evalue": "", "traceback": [evil("traceback")]}]
    code = {"cell_type": "code", "execution_count": evil("count"), "source": evil("source"), "outputs": outputs}
    return json.dumps({"cells": [{"cell_type": "markdown", "source": [text]}, code]}).encode()


def _short_text(text: str) -> bytes:
    """An opcode of a pickle that pushes the text."""
    return b"\x8c" + bytes([len(text.encode())]) + text.encode()


def _safetensors() -> bytes:
    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    header = json.dumps({evil("tensor"): tensor, "__metadata__": {evil("tensor-key"): evil("tensor-value")}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(8)


def _onnx() -> bytes:
    graph = model_files.initializer(evil("onnx-tensor"), 1, (2,)) + model_files.node(evil("operator", IMG))
    graph += model_files.graph_input(evil("input", IMG), 1, (evil("dimension", IMG),))
    return model_files.onnx(graph, producer=evil("producer", IMG), opsets={evil("domain", IMG): 1})


def _npy(name: str) -> bytes:
    head = f"{{'descr': [({evil(name)!r}, '<f4')], 'fortran_order': False, 'shape': (2,), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(8)


def _npz() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{evil('npz')}.npy", _npy("inside"))
    return packed.getvalue()


def _parquet() -> bytes:
    rows = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({evil("parquet-column"): [evil("parquet-cell")]}), rows)
    return rows.getvalue()

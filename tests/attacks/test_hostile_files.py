"""Files that were made to hurt whoever looks at them: each has its page, and takes no memory of the server's."""

import gzip
import io
import json
import random
import resource
import struct
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote

import pyarrow
import pytest
from django.core.cache import caches

from artifacts import errors
from artifacts.previews import sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import NoPreview, PreviewTooLarge, Table, Text, Tree
from tests import model_files
from tests.artifacts.client import log
from tests.e2e.conftest import wait_until
from tests.web.sample_files import MIB, npy, npz, png, reader_of, safetensors, table_file
from web import markdown

VERSION = "/acme/demo/artifacts/dataset/data/v1"
# What a page may cost the process that serves it. A preview of these files took up to 1.1 GiB.
MAX_GROWTH = 96 * MIB
LONE = ["\\ud800", "\\udfff\\ud800", "x\\udc80y"]


def npy_of(shape: str, descr: str = "'<f8'") -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n")


def tables() -> Iterator[tuple[str, bytes]]:
    wide = ",".join(["1"] * 200_000).encode()
    yield "wide.csv", b"," * 125_000 + b"\n" + b"1\n" * 60_000
    yield "first-line-of-200000.csv", b"," * 200_000 + b"\n" + b"1\n" * 25_000
    yield "one-line.csv", wide[: 250 * 2**10]
    yield "wide-last.csv", b"a\n" * 100 + wide[: 200 * 2**10]
    yield "quotes.csv", b'"' * 250_000
    yield "quoted.csv", b'"a"' * 80_000
    yield "nul.csv", b"a,b\n\0,1\n"
    yield "returns.csv", b"a,b\r1,2\r" * 30_000
    yield "keys.jsonl", b"\n".join(b'{"%d": 1}' % number * 1 for number in range(20_000))
    yield "many-keys.jsonl", json.dumps(dict.fromkeys(map(str, range(30_000)))).encode() + b"\n{}" * 100
    yield "deep.jsonl", b"[" * 100_000
    for number, text in enumerate(LONE):
        yield f"lone-{number}.jsonl", f'{{"{text}": "{text}"}}\n'.encode()
    yield "wide.tsv", b"\t" * 250_000 + b"\n\n"
    columns = {f"c{number}": [1] for number in range(3_000)}
    yield "wide.parquet", table_file(pyarrow.table(columns))
    yield "bomb.parquet", table_file(pyarrow.table({"a": pyarrow.repeat("x" * 1_000, 400_000)}))
    yield "cell.parquet", table_file(pyarrow.table({"a": ["é" * 10**6]}))
    yield "cut.parquet", table_file(pyarrow.table({"a": range(1_000)}))[:-20] + b"PAR1"


def trees() -> Iterator[tuple[str, bytes]]:
    yield "arrays.json", b"[" + b"[]," * 300_000 + b"[]]"
    yield "objects.json", b"[" + b"{}," * 300_000 + b"{}]"
    yield "deep.json", b"[" * 400_000 + b"]" * 400_000
    yield "deep-object.json", b'{"a":' * 150_000 + b"1" + b"}" * 150_000
    yield "digits.json", b'{"a": ' + b"9" * 4_200 + b"}"
    yield "too-many-digits.json", b'{"a": ' + b"9" * 500_000 + b"}"
    yield "exponent.json", b"[1e999999, -1e999999, NaN, Infinity, 1e-999999]"
    yield "long.json", json.dumps(["x" * 10**6]).encode()
    yield "numbers.json", json.dumps(list(range(150_000))).encode()
    yield "same-keys.json", b"{" + b'"a": 1,' * 100_000 + b'"a": 2}'
    for number, text in enumerate(LONE):
        yield f"lone-{number}.json", f'{{"{text}": ["{text}"], "a{text}": {{"{text}": 1}}}}'.encode()
    yield "lone.ipynb", b'{"cells": ["\\ud83d"]}'
    yield "utf16.json", '{"a": "\U0001f600"}'.encode("utf-16")


def tensors() -> Iterator[tuple[str, bytes]]:
    digits = "9" * 590
    yield "huge.npy", npy_of(f"({digits},)")
    yield "many.npy", npy_of("(" + "9" * 17 + ", " + ", ".join(["99999999999999999"] * 30) + ")")
    yield "product.npy", npy_of("(4294967296, 4294967296)")
    yield "wide.npy", npy_of("(9223372036854775807,)", "'<U999999999'")
    yield "zeros.npy", npy_of("(0, 9223372036854775807)")
    yield "huge.npz", npz({"a": f"({digits},)", "b": "(2,)"})
    yield "surrogate.npz", npz({"\udcff".encode("utf-8", "surrogatepass").decode("utf-8", "replace"): "(1,)"})
    with io.BytesIO() as sink:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb.npy", bytes(200 * MIB))
        yield "bomb.npz", sink.getvalue()
    with io.BytesIO() as sink:
        with zipfile.ZipFile(sink, "w") as archive:
            for number in range(20_000):
                archive.writestr(f"{number}.npy", b"")
        yield "members.npz", sink.getvalue()
    surrogate = b"X" + struct.pack("<I", 3) + b"\xed\xa0\x80"
    weight = model_files.tensor("FloatStorage", (2,))
    yield "lone.pt", model_files.pickled(model_files.dictionary([surrogate + weight]))
    yield "many.pt", model_files.pickled(b"(" + weight * 15_000 + b"t")
    yield "nested.pt", model_files.pickled(weight + b"\x85" * 190_000)
    yield "deep.pt", model_files.pickled(b"(" * 190_000)
    yield "fields.onnx", model_files.onnx(model_files.node("Add") * 900_000)
    yield "values.onnx", model_files.onnx(model_files.graph_input("x", 1, ["n"] * 400_000))
    yield "tensors.onnx", model_files.onnx(model_files.initializer("w", 1, (1,)) * 300_000)
    huge = {"dtype": "F32", "shape": [2**62] * 32, "data_offsets": [0, 4]}
    yield "huge.safetensors", safetensors({"a": huge})
    spec = b'{"dtype": "\\udc00", "shape": [1], "data_offsets": [0, 4]}'
    yield "lone.safetensors", safetensors(b'{"__metadata__": {"\\ud800": "\\udfff"}, "\\ud801": %s}' % spec)
    many = {f"t{number}": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for number in range(40_000)}
    yield "many.safetensors", safetensors(many)
    yield "metadata.safetensors", safetensors({"__metadata__": {str(number): "x" * 40 for number in range(60_000)}})


def texts() -> Iterator[tuple[str, bytes]]:
    yield "table.md", ("|" + "a|" * 8_000 + "\n|" + "-|" * 8_000 + "\n" + "|\n" * 16_000).encode()[: 64 * 2**10]
    yield "brackets.md", b"[" * 64 * 2**10
    yield "links.md", b"[a](b" * 12_000
    yield "emphasis.md", b"*a **b " * 9_000
    yield "quotes.md", b">" * 60_000
    yield "entities.md", b"&#xD800;&#x0;&#55296;\n" * 1_000
    yield "comments.c", b"/*" * 60_000
    yield "one-token-each.py", b"a 1 " * 32_000
    yield "lines.txt", b"\n" * 10**6
    yield "zeros.txt", bytes(MIB)
    yield "controls.txt", bytes(range(1, 32)) * 4_000
    yield "surrogates.txt", b"\xed\xa0\x80" * 1_000
    yield "utf32.txt", b"\xff\xfe\0\0" + struct.pack("<I", 0xD800) * 100
    yield "utf7.txt", b"\xff\xfe" + b"\x00\xd8" * 100
    yield "overlong.txt", b"\xc0\xaf" * 1_000
    yield "random", random.Random(11).randbytes(200_000)
    yield "random.csv", random.Random(12).randbytes(200_000)
    yield "random.npz", b"PK\x03\x04" + random.Random(13).randbytes(200_000)
    yield "random.parquet", b"PAR1" + random.Random(14).randbytes(200_000) + b"PAR1"


def images() -> Iterator[tuple[str, bytes]]:
    yield "huge.png", png(1, 1)[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + bytes(50)
    yield "markers.jpg", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 15_000
    yield "svg.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    yield "cut.webp", b"RIFF\0\0\0\0WEBPVP8 "
    yield "negative.bmp", b"BM" + bytes(16) + struct.pack("<ii", -(2**31), -(2**31)) + bytes(20)


def archives() -> Iterator[tuple[str, bytes]]:
    with io.BytesIO() as sink:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb/data.pkl", b"N0" * (50 * MIB))
        yield "bomb.pt", sink.getvalue()
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *[0] * 6, 0, 1, 1, 0, 2**16 - 1, 2**16 - 1, *[0] * 4)
    yield "lengths.zip", entry * 9 + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 0, 0, 0)
    yield "zeros.tar.gz", gzip.compress(bytes(200 * MIB), 1)
    yield "zeros.csv.gz", gzip.compress(b"," * (20 * MIB), 1)
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 2**33
    yield "pax.tar", header.tobuf() + bytes(512)
    yield "random.tar.xz", b"\xfd7zXZ\0" + random.Random(15).randbytes(50_000)


def pickles() -> Iterator[tuple[str, bytes]]:
    yield "globals.pkl", b"".join(b"cm%d\nn\n0" % number for number in range(50_000)) + b"N."
    yield "long-name.pkl", b"c" + b"x" * MIB + b"\ny\n."
    yield "digits.pkl", b"I" + b"9" * MIB + b"\n."
    yield "claims.pkl", b"\x80\x04\x8d" + struct.pack("<Q", 2**62)
    yield "random.pkl", b"\x80\x04" + random.Random(16).randbytes(100_000)


def notebooks() -> Iterator[tuple[str, bytes]]:
    yield "deep.ipynb", b'{"cells": ' + b"[" * 300_000
    yield "markdown.ipynb", json.dumps({"cells": [{"cell_type": "markdown", "source": "[a](b" * 3_000}] * 100}).encode()
    tables = {"output_type": "display_data", "data": {"text/html": "<table>" * 15_000}}
    yield "tables.ipynb", json.dumps({"cells": [{"cell_type": "code", "outputs": [tables] * 20}]}).encode()
    yield (
        "outputs.ipynb",
        json.dumps({"cells": [{"cell_type": "code", "outputs": [{"text": "x\n" * 999}] * 99}] * 99}).encode(),
    )


KINDS = {kind.__name__: kind for kind in (tables, trees, tensors, texts, images, archives, pickles, notebooks)}


def peak() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_page_and_takes_no_memory_of_the_server(kind, browser, bob, vera, artifact):
    files = dict(KINDS[kind]())
    log(bob, artifact, files)
    client = browser(vera)
    client.get(f"{VERSION}/files/{next(iter(files))}")
    before = peak()

    for path in files:
        page = client.get(f"{VERSION}/files/{quote(path)}")
        assert page.status_code == 200, path
        assert len(page.content) < 4 * MIB, path
        assert client.get(f"{VERSION}/image/{quote(path)}").status_code in (200, 404), path
    assert peak() - before < MAX_GROWTH


def test_a_table_of_200000_columns_is_cut_before_it_is_built():
    preview = sandbox.preview("x.csv", reader_of(dict(tables())["first-line-of-200000.csv"]), "somebody")

    assert isinstance(preview, Table)
    assert len(preview.columns) == len(preview.rows[0]) == 50
    assert preview.note == "These are the first 100 rows and the first 50 of 200,001 columns."


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.ipynb", "x.safetensors"])
def test_half_of_a_surrogate_pair_is_replaced(name):
    header = b'{"a\\ud800": {"dtype": "F32\\udfff", "shape": [], "data_offsets": [0, 1]}}'
    if name == "x.ipynb":
        header = b'{"cells": [{"cell_type": "markdown", "source": "a\\ud800"}]}'
    preview = sandbox.preview(
        name, reader_of(safetensors(header, body=b"x") if "tensors" in name else header), "somebody"
    )

    text = json.dumps(preview, default=vars, ensure_ascii=False)
    assert "a\ufffd" in text
    assert text.encode()


def test_a_shape_that_no_memory_would_hold_is_reported():
    preview = sandbox.preview("x.npy", reader_of(npy_of("(4294967296, 4294967296)")), "somebody")

    assert preview == NoPreview("This NumPy array cannot be read: no memory would hold one of its shape.")


def test_a_tree_leaves_its_process_as_small_as_it_is_rendered():
    preview = sandbox.preview("x.json", reader_of(dict(trees())["arrays.json"]), "somebody")

    assert isinstance(preview, Tree)
    assert len(preview.rows) < 110


def test_a_lexer_that_is_ended_leaves_the_plain_text():
    preview = sandbox.preview("x.c", reader_of("\n".join(["/*" * 450] * 130).encode()), "somebody")

    assert isinstance(preview, Text)
    assert "".join(part for line in preview.lines for _, part in line) == "/*" * 450 * 130


def test_a_file_that_cannot_be_read_further_ends_the_process():
    def fetch(offset: int, length: int) -> bytes:
        raise errors.StoreUnavailable("The object store does not respond.")

    with pytest.raises(errors.StoreUnavailable):
        sandbox.preview("x.csv", Reader(100, fetch), "somebody")


def test_what_hostile_markdown_makes_is_bounded_and_made_once(monkeypatch):
    caches["markdown"].clear()
    calls = []
    render = sandbox.markdown
    monkeypatch.setattr(sandbox, "markdown", lambda text, person: calls.append(text) or render(text, person))
    hostile = dict(texts())["table.md"].decode()

    pages = {markdown.render(hostile, "somebody") for _ in range(3)}
    assert len(calls) == len(pages) == 1
    assert pages.pop().startswith("<pre>|a|a|")

    ordinary = "# Title\n\n" + "**Bold** text.\n\n" * 500
    assert "<strong>Bold</strong>" in markdown.render(ordinary, "a") == markdown.render(ordinary, "b")
    assert len(calls) == 2


@contextmanager
def previews_being_made(people: list[str]) -> Iterator[None]:
    """One for each of them, until the end."""
    go_on, reading = threading.Event(), threading.Semaphore(0)

    def fetch(offset: int, length: int) -> bytes:
        reading.release()
        go_on.wait(60)
        return b"a\n1\n"

    with ThreadPoolExecutor(len(people)) as threads:
        made = [threads.submit(sandbox.preview, "x.csv", Reader(4, fetch), person) for person in people]
        try:
            for _ in made:
                assert reading.acquire(timeout=60)
            yield
        finally:
            go_on.set()
    # They waited longer than the time limit where the machine is busy; the slots are free again all the same.
    assert all(isinstance(one.exception(), PreviewTooLarge | None) for one in made)


NOT_READY = "The preview is not ready: the server is busy with other previews. Try again in a moment."


def test_few_previews_are_made_at_once_and_other_pages_are_shown_without(monkeypatch, browser, bob, vera, artifact):
    log(bob, artifact, {"x.csv": b"a\n1\n"})
    monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 0.1)
    with previews_being_made(["one", "another"]):
        page = browser(vera).get(f"{VERSION}/files/x.csv")

    assert page.status_code == 200
    assert NOT_READY in page.content.decode() and f"{VERSION}/download/x.csv" in page.content.decode()
    assert NOT_READY not in browser(vera).get(f"{VERSION}/files/x.csv").content.decode()


def test_one_person_takes_one_slot_and_others_have_their_previews(monkeypatch, browser, bob, vera, artifact):
    log(bob, artifact, {"x.csv": b"a\n1\n"})
    monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 0.1)
    with previews_being_made([str(bob.pk)]):
        page = browser(bob).get(f"{VERSION}/files/x.csv")
        # Whoever is not bob waits for the other slot, as long as it takes on a machine that is busy.
        monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 60.0)
        other = browser(vera).get(f"{VERSION}/files/x.csv")

    assert (page.status_code, other.status_code) == (200, 200)
    assert NOT_READY in page.content.decode()
    assert NOT_READY not in other.content.decode()
    assert NOT_READY not in browser(bob).get(f"{VERSION}/files/x.csv").content.decode()


def test_a_few_pages_that_one_opens_at_once_are_shown_one_after_the_other(monkeypatch):
    """Only one of them waits for a slot, which others need too; and what is more than a few takes no thread."""
    monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 60.0)
    waits, acquire = threading.Semaphore(0), sandbox._slots.acquire
    with ThreadPoolExecutor(3) as threads, previews_being_made(["one", "another"]):
        monkeypatch.setattr(sandbox._slots, "acquire", lambda timeout: waits.release() or acquire(timeout=timeout))
        pages = [threads.submit(sandbox.preview, "x.csv", reader_of(b"a\n1\n"), "bob") for _ in range(3)]
        assert waits.acquire(timeout=60)
        wait_until(lambda: sandbox._requests["bob"] == 3)
        with pytest.raises(errors.Busy):
            sandbox.preview("x.csv", reader_of(b"a\n1\n"), "bob")
        assert not waits.acquire(blocking=False)
    assert all(isinstance(page.result(), Table) for page in pages)
    assert not sandbox._requests and not sandbox._served


def test_long_descriptions_and_notes_are_shown_as_written_meanwhile(monkeypatch, browser, bob, vera, project, artifact):
    monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 0.1)
    caches["markdown"].clear()
    text = "# Title\n\n" + "**Bold** text.\n\n" * 500
    version = log(bob, artifact, {"x": b"x"})
    for row, field in (
        (project, "description"),
        (artifact, "description"),
        (version, "description"),
        (version, "notes"),
    ):
        setattr(row, field, f"{field} of {row}\n\n{text}")
        row.save()
    urls = ["/acme/demo", VERSION.removesuffix("/v1"), VERSION]
    with previews_being_made([str(vera.pk)]):
        pages = [browser(vera).get(url) for url in urls]
        assert [page.status_code for page in pages] == [200] * 3
        assert all("**Bold** text." in page.content.decode() for page in pages)
        monkeypatch.setattr(sandbox, "_WAIT_SECONDS", 60.0)
        assert "<strong>Bold</strong>" in browser(bob).get(VERSION).content.decode()
    for url in urls:
        page = browser(vera).get(url).content.decode()
        assert "<strong>Bold</strong>" in page and "**Bold** text." not in page


def test_what_is_sent_as_json_with_half_a_surrogate_pair_is_refused(api, bob, artifact):
    client, url = api(bob), f"/api/v1/artifacts/{artifact.pk}"
    for text in LONE:
        for field in ('"description": "%s"', '"metadata": {"%s": 1}', '"metadata": {"a": ["%s"]}', '"tags": ["%s"]'):
            body = "{" + field % text + "}"
            response = client.generic("PATCH", url, body, content_type="application/json")
            assert response.status_code == 400, body

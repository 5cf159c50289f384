"""What records hold, as files: bytes as they are, frames as what is asked for, everything else as JSON."""

import hashlib
import io
import json
from typing import Any

import pandas
import pytest
from pyarrow import parquet

from accounts.actor import Actor
from hierarchies import hierarchies
from tests.artifacts.client import HTTP, fetch

PARQUET = "application/vnd.apache.parquet"
FRAME = {"columns": ["area", "kind"], "data": [[1.5, "flat"], [None, "house"]]}


def upload(hands, *bodies: bytes) -> list[str]:
    """The ids of these bytes, which are in the store after this."""
    specs = [{"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)} for body in bodies]
    answer = hands.post("/$payloads", {"payloads": specs})
    assert answer.status_code == 200, answer.content
    for row, body in zip(answer.json()["payloads"], bodies, strict=True):
        if row["put"]:
            sent = HTTP.request("PUT", row["put"]["url"], body=body, headers=row["put"]["headers"])
            assert sent.status == 200, sent.data
    return [row["id"] for row in answer.json()["payloads"]]


def attach(hands, body: bytes, data: Any = None, **fields: Any) -> dict[str, Any]:
    """A record with these bytes at `/content`."""
    payload = {"id": upload(hands, body)[0], "pointer": "/content", "content_type": "application/x-pickle"} | fields
    answer = hands.post("", {"data": data or {"content": None, "beside": 1}, "payloads": [payload]})
    assert answer.status_code == 201, answer.content
    return answer.json()


def name_of(answer) -> str:
    return answer["Content-Disposition"].partition('filename="')[2].rstrip('"')


@pytest.fixture
def frame() -> bytes:
    target = io.BytesIO()
    pandas.DataFrame({"area": [1.5, float("nan")], "kind": ["flat", "house"]}).to_parquet(target)
    return target.getvalue()


def test_an_object_is_four_words_in_the_data_and_bytes_in_a_download(hands, bob):
    editor = hands(bob)
    words = {"type": "LinearRegression", "module": "sklearn.linear_model", "repr": "LinearRegression()", "error": "no"}
    record = attach(editor, b"a pickle", kind="object", signature="s", **words)

    assert record["data"] == {
        "content": {
            "_type": "LinearRegression",
            "_module": "sklearn.linear_model",
            "_repr": "LinearRegression()",
            "_serialization_error": "no",
        },
        "beside": 1,
    }
    [payload] = record["payloads"]
    assert (payload["sha256"], payload["size"]) == (hashlib.sha256(b"a pickle").hexdigest(), 8)
    assert (payload["pointer"], payload["kind"], payload["signature"]) == ("/content", "object", "s")
    assert editor.get(f"/{record['id']}").json() == record
    for query in ("", "?pointer=/content", f"?payload={payload['id']}"):
        answer = editor.get(f"/{record['id']}/$download{query}")
        assert (answer.content, answer["Content-Type"]) == (b"a pickle", "application/x-pickle")
        assert name_of(answer) == f"{record['id']}-content.pkl"
        assert answer["Cache-Control"] == "private, no-store"
    assert editor.get(f"/{record['id']}/$download?pointer=/beside").content == b"1"
    head = editor.head(f"/{record['id']}/$download")
    assert (head["Content-Length"], head.content) == ("8", b"")


def test_large_bytes_come_from_the_store(hands, bob):
    editor, body = hands(bob), b"x" * (2**20 + 1)
    record = attach(editor, body)
    answer = editor.get(f"/{record['id']}/$download")
    assert answer.status_code == 302
    assert fetch(answer["Location"]) == body


def test_bytes_of_others_and_bytes_that_did_not_arrive_are_no_payloads(hands, bob, alice):
    payload = {"id": upload(hands(bob), b"of bob")[0], "pointer": "/x"}
    spec = {"sha256": "0" * 64, "size": 5}
    waiting = hands(alice).post("/$payloads", {"payloads": [spec]}).json()["payloads"][0]["id"]

    foreign = hands(alice).post("", {"data": {"x": 1}, "payloads": [payload]})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "PayloadNotFound")
    early = hands(alice).post("", {"data": {"x": 1}, "payloads": [{"id": waiting, "pointer": "/x"}]})
    assert (early.status_code, early.json()["code"]) == (409, "UploadIncomplete")


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "no type", "text/html; charset=utf-8"])
def test_no_browser_shows_what_somebody_uploaded(hands, bob, media_type):
    record = attach(hands(bob), b"<script>alert(1)</script>", content_type=media_type)
    answer = hands(bob).get(f"/{record['id']}/$download")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "query, accept, type, name",
    [
        ("", "*/*", PARQUET, "parquet"),
        ("", "text/csv", "text/csv", "csv"),
        ("", "application/json", "application/json", "json"),
        ("", "text/html,*/*;q=0.8", PARQUET, "parquet"),
        ("", "text/csv;q=0.5,application/json", "application/json", "json"),
        ("?format=csv", "application/json", "text/csv", "csv"),
        ("?format=parquet", "*/*", PARQUET, "parquet"),
    ],
)
def test_a_frame_comes_as_it_is_asked_for(hands, bob, frame, query, accept, type, name):
    record = attach(hands(bob), frame, kind="frame", content_type=PARQUET)
    answer = hands(bob).get(f"/{record['id']}/$download{query}", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, type), answer.content
    assert name_of(answer) == f"{record['id']}-content.{name}"
    if name == "parquet":
        assert answer.content == frame
    elif name == "csv":
        assert answer.content == b"area,kind\n1.5,flat\n,house\n"
    else:
        assert json.loads(answer.content)[1] == {"area": None, "kind": "house"}


def test_a_frame_that_is_none_is_refused(hands, bob):
    record = attach(hands(bob), b"nonsense", kind="frame", content_type=PARQUET)
    assert hands(bob).get(f"/{record['id']}/$download").content == b"nonsense"
    answer = hands(bob).get(f"/{record['id']}/$download?format=csv")
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidData")


def test_a_frame_in_json_comes_as_it_is_asked_for(hands, bob):
    editor = hands(bob)
    path = f"/{editor.make({'content': FRAME, 'content_type': 'application/vnd.chapkit.dataframe+json'})}/$download"
    assert editor.get(path).json() == FRAME
    assert editor.get(f"{path}?format=csv").content == b"area,kind\n1.5,flat\n,house\n"
    assert editor.get(path, headers={"Accept": "application/json"}).json()[1] == {"area": None, "kind": "house"}
    table = parquet.read_table(io.BytesIO(editor.get(f"{path}?format=parquet").content))
    assert table.to_pydict() == {"area": [1.5, None], "kind": ["flat", "house"]}

    mixed = editor.make({"columns": ["a"], "data": [[1], ["x"]]})
    assert editor.get(f"/{mixed}/$download?format=parquet").json()["code"] == "InvalidData"
    as_csv = editor.make({"content": FRAME, "content_type": "text/csv"})
    assert editor.get(f"/{as_csv}/$download")["Content-Type"] == "text/csv"


def test_other_data_comes_as_json_or_text(hands, bob):
    editor = hands(bob)
    record = editor.make({"content": "# Title", "content_type": "text/markdown", "a/b": [{"~": 5}]})
    answer = editor.get(f"/{record}/$download")
    assert (answer.content, answer["Content-Type"]) == (b"# Title", "text/markdown")
    assert name_of(answer) == f"{record}-content.md"
    assert editor.get(f"/{record}/$download?pointer=/a~1b/0/~0").json() == 5
    assert editor.get(f"/{record}/$download?pointer=").json()["content"] == "# Title"
    plain = editor.make({"n": 1})
    assert editor.get(f"/{plain}/$download").json() == {"n": 1}
    assert name_of(editor.get(f"/{plain}/$download")) == f"{plain}.json"


def test_data_over_64_kib_is_in_the_store_and_whole_where_one_asks_for_it(hands, bob):
    editor = hands(bob)
    data = {"name": "long", "text": "é" * 70_000, "metadata": {"a": 1}}
    made = editor.post("", {"data": data}).json()
    assert made["omitted"] == ["data"] and made["data"] == {"name": "long", "metadata": {"a": 1}}
    shown = editor.get(f"/{made['id']}").json()
    assert shown["data"] == data and "omitted" not in shown and shown["payloads"] == []
    [listed] = editor.get("?data.name=long").json()["items"]
    assert listed["omitted"] == ["data"]
    assert editor.get(f"/{made['id']}/$metadata").json() == {"a": 1}
    assert editor.get(f"/{made['id']}/$download?pointer=/text").content.decode() == data["text"]
    assert editor.get(f"/{made['id']}/$tree").json()["omitted"] == ["data"]


def test_a_download_that_is_switched_off(hands, alice, bob, hierarchy):
    record = hands(bob).make({"n": 1})
    hierarchies.update(Actor(alice), hierarchy, permissions={"download": False})
    assert hands(bob).get(f"/{record}/$download").status_code == 405
    assert hands(bob).get(f"/{record}").status_code == 200

"""What is in the object store for a record: shown by the sandbox, never loaded."""

import io
import os
import pickle

import pandas
import pytest

from accounts.actor import Actor
from hierarchies import records
from hierarchies.models import Record
from hierarchies.record_specs import RecordSpec
from tests.hierarchies.conftest import upload
from tests.web.record_pages import URL, hierarchy, open_to_all, switch_off
from wanllmdb.records.typed_data import DATAFRAME_CONTENT_TYPE, PICKLE_CONTENT_TYPE

__all__ = ["hierarchy", "upload"]


class Bomb:
    """Says what would be run by whoever unpickles it."""

    def __reduce__(self):
        return os.system, ("exit 1",)


@pytest.fixture
def record(bob, hierarchy, upload) -> Record:
    """A record with a frame, an object that would run a command, a table as JSON and plain bytes."""
    frame = io.BytesIO()
    pandas.DataFrame({"city": ["Oslo", "<b>Wien</b>"], "rain": [1.5, None]}).to_parquet(frame)
    table = b'{"columns": ["city"], "data": [["Kampala"]]}'
    parquet = "application/vnd.apache.parquet"
    specs = [
        upload(bob, frame.getvalue(), "/frame", content_type=parquet, kind="frame", type="DataFrame", module="pandas"),
        upload(
            bob, pickle.dumps(Bomb()), "/model", content_type=PICKLE_CONTENT_TYPE, type="Bomb", module="tests",
            repr="<script>alert(1)</script>",
        ),
        upload(bob, table, "/table", content_type=DATAFRAME_CONTENT_TYPE, kind="frame"),
        upload(bob, b"\x89PNG\r\n\x1a\n" + bytes(40), "/image", content_type="image/png", kind="bytes"),
    ]  # fmt: skip
    data = {spec.pointer[1:]: spec.placeholder for spec in specs} | {"rmse": 0.25}
    return records.create(Actor(bob), hierarchy, RecordSpec(data, payloads=specs))


def preview(client, record: Record, pointer: str, **query: str):
    return client.get(f"{URL}/{record.pk}/payload", {"pointer": pointer} | query)


def test_the_page_of_the_record_names_them_and_leads_to_their_bytes(
    browser, vera, record, django_assert_max_num_queries
):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(f"{URL}/{record.pk}").content.decode()

    assert "tests.Bomb: &lt;script&gt;" in page and "<script>alert" not in page
    assert "rmse:" in page
    assert f"{URL}/{record.pk}/payload?pointer=/model" in page
    assert f"/h/acme/demo/lineage/api/v1/artifacts/{record.pk}/$download?pointer=%2Fmodel" in page


def test_a_frame_is_a_table_and_comes_in_three_formats(browser, vera, record):
    page = preview(browser(vera), record, "/frame").content.decode()

    assert "Oslo" in page and "&lt;b&gt;Wien&lt;/b&gt;" in page and "<b>Wien" not in page
    assert all(label in page for label in ("Parquet", "CSV", "JSON"))
    assert "$download?pointer=%2Fframe&amp;format=csv" in page


def test_an_object_is_not_loaded_but_what_it_would_import_is_named(browser, vera, record):
    page = preview(browser(vera), record, "/model").content.decode()

    assert "Loading this file can run code." in page and "Can run commands" in page


def test_a_table_that_is_json_is_one_too_and_an_image_is_not_shown(browser, vera, record):
    assert "Kampala" in preview(browser(vera), record, "/table").content.decode()
    assert "download it" in preview(browser(vera), record, "/image").content.decode()


def test_long_data_is_read_for_the_page_and_previewed(browser, bob, vera, hierarchy):
    data = {"name": "long", "metadata": {"author": "alice"}, "log": "x" * 70_000}
    long = records.create(Actor(bob), hierarchy, RecordSpec(data))
    page = browser(vera).get(f"{URL}/{long.pk}").content.decode()

    assert "author" in page and "(70,002 characters)" in page and "all of it" in page
    assert "author" in preview(browser(vera), long, "").content.decode()
    form = browser(bob).get(f"{URL}/{long.pk}/edit").content.decode()
    assert 'name="data"' not in form and 'name="tags"' in form
    assert browser(bob).post(f"{URL}/{long.pk}/edit", {"tags": "kept"}).status_code == 302
    long.refresh_from_db()
    assert long.tags == ["kept"] and long.has_stored_data


def test_a_form_keeps_the_objects_of_the_data(browser, bob, record):
    client = browser(bob)
    text = client.get(f"{URL}/{record.pk}/edit").context["form"].initial["data"]
    assert client.post(f"{URL}/{record.pk}/edit", {"data": text.replace("0.25", "0.5"), "tags": ""}).status_code == 302

    record.refresh_from_db()
    assert record.data["rmse"] == 0.5
    assert set(record.payloads.values_list("pointer", flat=True)) == {"/frame", "/model", "/table", "/image"}


@pytest.mark.parametrize("pointer", ["", "/nothing", "x", "/model/" + "y" * 2000])
def test_where_there_is_none_is_404(browser, vera, record, pointer):
    assert preview(browser(vera), record, pointer).status_code == 404


def test_who_may_not_see_the_record_sees_none_of_them(browser, mallory, record, hierarchy):
    assert preview(browser(mallory), record, "/model").status_code == 404
    assert preview(browser(), record, "/model").status_code == 302
    open_to_all(hierarchy)

    assert "Kampala" in preview(browser(), record, "/table").content.decode()
    switch_off(hierarchy, "download")
    assert preview(browser(), record, "/table").status_code == 405
    assert "$download" not in browser().get(f"{URL}/{record.pk}").content.decode()

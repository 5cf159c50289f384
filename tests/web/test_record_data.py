"""What pages show of the data of a record: a title, a tree with objects in it, tables, a card by its type."""

from datetime import timedelta

import pytest

from artifacts.previews.dataframe_preview import is_frame
from web.hierarchies import data_tree, frames, record_query, typed_cards
from web.hierarchies.record_query import InvalidQuery
from web.hierarchies.titles import title

OBJECT = {
    "_type": "LinearRegression",
    "_module": "sklearn.linear_model._base",
    "_repr": "LinearRegression()",
    "_serialization_error": "LinearRegression is not JSON serializable",
}
METADATA = {
    "status": "success",
    "config_id": "01JZCNF000000000000000WTHR",
    "started_at": "2025-10-18T10:00:00Z",
    "completed_at": "some day",
    "duration_seconds": 300.0,
    "exit_code": 0,
    "stdout": "epoch 1\n",
    "metrics": {"rmse": 0.123456789, "nested": {"a": 1}},
    "host": "node-7",
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"name": "baseline", "version": 2}, "baseline"),
        ({"started_at": "2025", "experiment_name": "weather"}, "weather"),
        ({"title": "  Authentication \n Guide "}, "Authentication Guide"),
        ({"dataset_name": "customers"}, "customers"),
        ({"partition": "train", "rows": 800_000}, "partition: train"),
        ({"rows": 800_000}, "rows: 800000"),
        ({"score": 0.123456789}, "score: 0.12346"),
        ({"type": "ml_prediction", "metadata": {"status": "failed"}}, "Prediction, failed"),
        (
            {"type": "ml_training_workspace", "metadata": {"started_at": "2025-10-18T10:00:00Z", "status": "success"}},
            "Training 2025-10-18 10:00, success",
        ),
        ({"type": "note", "metadata": {"status": "draft"}}, "status: draft"),
        ({"name": "", "flag": False}, "flag: false"),
        ({"name": "\u202egnp.exe"}, r"\u202egnp.exe"),
        ({"nested": {"name": "x"}}, ""),
        ("just text", "just text"),
        (12.5, "12.5"),
        ([1, 2], ""),
        ({}, ""),
    ],
)
def test_a_record_is_called_what_its_data_says(data, expected):
    assert title(data) == expected


def test_a_title_has_an_end():
    assert len(title({"name": "x" * 10_000})) == 121


def test_an_object_is_one_row_of_the_tree_and_its_neighbours_stay():
    rows = data_tree.rows({"model": OBJECT, "rmse": 0.5, "deep": {"list": [OBJECT, 1]}})

    assert [(row.key, row.text) for row in rows if row.kind == "object"] == [
        ("model", "sklearn.linear_model._base.LinearRegression: LinearRegression()"),
        ("0", "sklearn.linear_model._base.LinearRegression: LinearRegression()"),
    ]
    assert [row.key for row in rows if row.act == "leaf"] == ["model", "rmse", "0", "1"]
    assert sum({"open": 1, "close": -1}.get(row.act, 0) for row in rows) == 0


def test_data_that_is_an_object_alone_is_one_row():
    assert [row.kind for row in data_tree.rows(OBJECT)] == ["object"]


def test_what_only_looks_like_an_object_is_shown_as_it_is():
    rows = data_tree.rows({"a": {"_type": "x", "own": 1}, "b": {"_repr": "y"}, "c": {"_type": {"deep": 1}}})

    assert not any(row.kind == "object" for row in rows)
    assert {row.key for row in rows if row.act == "leaf"} == {"_type", "own", "_repr", "deep"}


def test_a_tree_is_bounded_and_closed_where_it_ends():
    rows = data_tree.rows({f"key-{number}": {"a": [OBJECT] * 50} for number in range(500)})

    assert len(rows) < 1_100
    assert sum({"open": 1, "close": -1}.get(row.act, 0) for row in rows) == 0


def test_tables_in_the_data_are_found_with_their_pointers():
    frame = {"columns": ["city", "rain"], "data": [["Oslo", 1.5], ["Wien", None]]}
    found = frames.find({"content": frame, "a/b": {"c~d": frame}, "metadata": {"columns": []}})

    assert [each.name for each in found] == ["/content", "/a~1b/c~0d"]
    table = found[0].table
    assert [(column.name, column.is_number) for column in table.columns] == [("city", False), ("rain", True)]
    assert table.rows == [["Oslo", "1.5"], ["Wien", None]]
    assert table.note == "2 rows of 2 columns."


def test_a_table_is_bounded():
    frame = {"columns": [f"c{number}" for number in range(80)], "data": [["x" * 500] * 80] * 300}
    [found] = frames.find(frame)

    assert (len(found.table.columns), len(found.table.rows)) == (50, 100)
    assert max(len(cell) for row in found.table.rows for cell in row) == 201
    assert found.table.note == "300 rows of 80 columns. The first 100 are shown."


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"columns": ["a"]},
        {"columns": [], "data": []},
        {"columns": ["a"], "data": [[1, 2]]},
        {"columns": ["a"], "data": [1]},
        {"columns": "a", "data": [[1]]},
    ],
)
def test_other_values_are_no_tables(value):
    assert not is_frame(value)


def test_the_card_of_a_training():
    data = {"metadata": METADATA, "content": OBJECT, "content_type": "application/x-pickle", "content_size": 512}
    card = typed_cards.of("ml_training_workspace", data)

    assert (card.title, card.status, card.is_good, card.exit_code) == ("Training", "success", True, 0)
    assert card.duration == timedelta(minutes=5)
    assert card.moments[0][1].year == 2025 and card.moments[1] == ("Completed", "some day")
    assert card.metrics == [("rmse", "0.12346")]
    assert card.content == "sklearn.linear_model._base.LinearRegression"
    assert [(output.name, output.text) for output in card.outputs] == [("stdout", "epoch 1\n")]
    assert card.rest == {"host": "node-7"}


def test_of_a_long_output_the_end_is_shown():
    [output] = typed_cards.of("ml_prediction", {"metadata": {"stdout": "x" * 30_000 + "end"}}).outputs

    assert output.text.endswith("end") and output.omitted == 30_003 - typed_cards.MAX_OUTPUT


def test_generic_data_has_its_metadata_as_it_is():
    card = typed_cards.of("generic", {"metadata": {"author": "alice", "status": "draft"}, "content": 1})

    assert (card.title, card.status, card.rest) == ("Metadata", "", {"author": "alice", "status": "draft"})


@pytest.mark.parametrize("data", [None, [], {}, {"metadata": {}}, {"metadata": "x"}, {"content": 1}])
def test_without_metadata_there_is_no_card(data):
    assert typed_cards.of("ml_prediction", data) is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"duration_seconds": "long", "exit_code": "1", "status": 5, "config_id": [], "stdout": 7, "started_at": 2},
        {"duration_seconds": 1e300, "started_at": "9999-99-99T00:00:00Z", "metrics": "none"},
    ],
)
def test_what_old_data_has_instead_breaks_no_card(metadata):
    assert typed_cards.of("ml_training_workspace", {"metadata": metadata}) is not None


LABELS = {"0": "experiment", "1": "Trained Model"}


def test_a_query_names_data_type_tag_level_and_words():
    query = record_query.parse(
        'data.metrics.rmse:0.25 type:ml_prediction tag:"two words" level:experiment level:3 rain "a b"', LABELS
    )

    assert len(query.members) == 1
    assert (query.types, query.tags, query.levels) == (["ml_prediction"], ["two words"], [0, 3])
    assert query.words == ["rain", "a b"]
    assert record_query.parse('level:"trained model"', LABELS).levels == [1]
    assert record_query.parse("01jz0000000000000000000exp", LABELS).ids == ["01JZ0000000000000000000EXP"]
    assert not record_query.parse("  ", LABELS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("color:red", "no “color”"),
        ("level:top", "is no level"),
        ("level:-1", "is no level"),
        ("data.:x", "is not a filter"),
        ("data.a..b:x", "no path of data"),
        ('data.a:"open', "is not a filter"),
        ("tag:", "is not a filter"),
        ("x" * 501, "at most 500"),
        ("a b c d e f g h i", "at most 8"),
    ],
)
def test_what_is_no_query_is_told(text, message):
    with pytest.raises(InvalidQuery, match=message):
        record_query.parse(text, LABELS)

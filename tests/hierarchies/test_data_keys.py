"""Members of data as texts: what a filter finds, the same on both databases, and that no path reaches into the SQL."""

import pytest

from accounts.actor import Actor
from hierarchies import data_keys, errors, records
from hierarchies.models import Hierarchy, Record
from hierarchies.records import RecordSpec


def found(hierarchy: Hierarchy, path: str, text: str) -> list[Record]:
    return list(hierarchy.records.filter(data_keys.equals(data_keys.parse(path), text)))


def make(user, hierarchy: Hierarchy, *data: object) -> list[Record]:
    return records.create_many(Actor(user), hierarchy, [RecordSpec(value) for value in data])


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("x", ["x"]),
        ("", [""]),
        ("1.0", ["1.0"]),
        (1, ["1"]),
        (-3, ["-3"]),
        (1.0, ["1.0"]),
        (0.01, ["0.01"]),
        (0.1234567890123456, ["0.1234567890123456"]),
        (12345678901234567890, ["12345678901234567890"]),
        (1e-05, ["1e-05", "0.00001", "1E-5"]),
        (1e22, ["1e+22", "1e22"]),
        (True, ["true"]),
        (False, ["false"]),
        (None, ["null"]),
        ("ключ ✓ 'quoted' \"twice\" \\", ["ключ ✓ 'quoted' \"twice\" \\"]),
        ("a%sb", ["a%sb"]),
    ],
)
def test_the_text_of_a_value(bob, hierarchy, value, texts):
    record, _ = make(bob, hierarchy, {"a": value}, {"a": "other"})

    for text in texts:
        assert found(hierarchy, "a", text) == [record], text


@pytest.mark.parametrize("value", [{}, {"b": 1}, [], [1]])
def test_objects_and_lists_have_none(bob, hierarchy, value):
    make(bob, hierarchy, {"a": value}, {}, [1], "text", 5)

    for text in ("", "null", "{}", "[]", "[1]", "1", '{"b": 1}'):
        assert found(hierarchy, "a", text) == []


@pytest.mark.parametrize(
    "path", ["a.b", "a.b-c.d_e", "A1._x", "ключ", "two words", "a.'; DROP TABLE x; --", "a.%s", "a.{b},c", "a.$", "a.?"]
)
def test_paths_of_any_keys(bob, hierarchy, path):
    data: object = "here"
    for key in reversed(path.split(".")):
        data = {key: data}
    record, _ = make(bob, hierarchy, data, {"a": {"b": "there"}})

    assert found(hierarchy, path, "here") == [record]
    assert found(hierarchy, path, "'") == []


def test_a_number_is_a_key_and_no_place_in_a_list(bob, hierarchy):
    record, _ = make(bob, hierarchy, {"a": {"x0": "here"}}, {"a": ["here"]})

    assert found(hierarchy, "a.x0", "here") == [record]


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", 'a"b', "a\\b", "a\nb", "a\0b", "k" * 65, ".".join("abcdefghi")]
)
def test_what_is_no_path(path):
    with pytest.raises(errors.Invalid):
        data_keys.parse(path)


@pytest.mark.parametrize("text", ["x" * 256, "a\0b"])
def test_texts_that_are_not_compared(text):
    with pytest.raises(errors.Invalid):
        data_keys.equals(("a",), text)


def test_long_texts_are_equal_only_as_a_whole(bob, hierarchy):
    record, _ = make(bob, hierarchy, {"a": "x" * 255}, {"a": "x" * 256})

    assert found(hierarchy, "a", "x" * 255) == [record]


@pytest.mark.parametrize("key", ["a", "_", "Ab-c_9", "x0"])
def test_plain_keys(key):
    assert data_keys.is_plain([key])


@pytest.mark.parametrize("key", ["0a", "-a", "a'", 'a"', "a b", "ä", "a,b", "a}", "a%", "a\n", "", "a;--", "$"])
def test_keys_that_no_sql_has(key):
    assert not data_keys.is_plain([key])
    for vendor in ("sqlite", "postgresql"):
        with pytest.raises(ValueError, match="plain"):
            data_keys.index_sql(vendor, ["fine", key])

"""The bounds of what goes into JSON columns, tags and texts; the cursor that programs read lists by."""

from uuid import UUID

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts import teams
from accounts.actor import Actor
from accounts.models import Team
from api.artifacts.upload_serializers import Finalize, UploadsRequest
from api.errors import MAX_FIELD_ERRORS
from api.fields import BoundedDictField, BoundedListField, JSONObjectField, LineField, ProseField, TagsField
from api.pagination import CursorQuery, cursor_page
from api.projects.serializers import HistoryAppend
from api.serialization import validate
from artifacts.content.arrivals import CompletedUpload
from artifacts.content.uploads import PackEntry
from core import errors, validators
from projects import runs


def nested(depth: int) -> dict:
    value: dict = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


ODD_OBJECTS = {
    "a list": [],
    "a text": "{}",
    "nothing": None,
    "NaN": {"a": float("nan")},
    "infinity": {"a": [1, {"b": float("-inf")}]},
    "a NUL": {"a": ["x\0"]},
    "a NUL in a key": {"a": {"x\0": 1}},
    "half a surrogate pair": {"a": "\ud800"},
    "half a surrogate pair in a key": {"\udfff": 1},
    "too deep": nested(65),
    "far too deep": nested(100_000),
    "too large": {"a": "x" * 2**20},
}


@pytest.mark.parametrize("value", ODD_OBJECTS.values(), ids=ODD_OBJECTS.keys())
def test_odd_objects_are_refused(value):
    with pytest.raises(ValidationError):
        JSONObjectField().run_validation(value)


def test_plain_objects_come_back_from_the_database_as_they_were(project, bob):
    value = {"i": 2**63, "f": -1.5e-7, "t": "ü 🏴 \\u0000", "l": [None, True, [], {}], "deep": nested(63), "": 0}
    run = runs.start(Actor(bob), project, config=JSONObjectField().run_validation(value))

    run.refresh_from_db()
    assert run.config == value


class NeverAsked(ProseField):
    def run_validation(self, data: object = None) -> str:
        pytest.fail("An item was looked at.")


def test_of_lists_that_are_too_long_no_item_is_looked_at():
    for field, value in [
        (BoundedListField(child=NeverAsked(), max_length=3), ["a"] * 4),
        (BoundedDictField(child=NeverAsked(), max_length=3), dict.fromkeys("abcd")),
        (TagsField(child=NeverAsked()), ["a"] * 10_001),
    ]:
        with pytest.raises(ValidationError, match="no more than"):
            field.run_validation(value)


def test_of_thousands_of_invalid_items_those_that_are_reported_are_looked_at():
    serializer = HistoryAppend(data={"rows": [{}] * 5000})
    assert not serializer.is_valid()
    assert list(serializer.errors["rows"]) == list(range(MAX_FIELD_ERRORS))


HASH = "0" * 64
PART = {"number": 1, "etag": "a"}
ODD_ITEMS = {
    "upload": (Finalize, {"uploads": [{"id": HASH[:32]}, {}]}, "Upload 1: expected an object with its id."),
    "id": (Finalize, {"uploads": [{"id": "7"}]}, "Upload 0: expected"),
    "parts of an upload": (Finalize, {"uploads": [{"id": HASH[:32], "parts": None}]}, "may not be null"),
    "part": (Finalize, {"uploads": [{"id": HASH[:32], "parts": [PART, 7]}]}, "Upload 0: Part 1: expected"),
    "number": (Finalize, {"uploads": [{"id": HASH[:32], "parts": [PART | {"number": True}]}]}, "number must be"),
    "etag": (Finalize, {"uploads": [{"id": HASH[:32], "parts": [PART | {"etag": "<>"}]}]}, "etag must be"),
    "too many parts": (
        Finalize, {"uploads": [{"id": HASH[:32], "parts": [PART] * 10_001}]}, "One call takes at most 10,000 of these.",
    ),
    "hash": (UploadsRequest, {"kind": "file", "parts": [HASH, "x"]}, "Part 1: expected 64"),
    "member": (UploadsRequest, {"kind": "pack", "members": [HASH]}, "Member 0: expected an object"),
    "offset": (UploadsRequest, {"kind": "pack", "members": [{"sha256": HASH, "offset": -1}]}, "offset and size"),
    "size": (UploadsRequest, {"kind": "pack", "members": [{"sha256": HASH, "offset": 0, "size": {}}]}, "and size"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "data", "error"), ODD_ITEMS.values(), ids=ODD_ITEMS)
def test_the_first_odd_item_of_a_plain_list_is_named(form, data, error):
    if form is UploadsRequest:
        data = {"objects": [{"sha256": HASH, "size": 1} | data]}
    serializer = form(data=data)
    assert not serializer.is_valid()
    assert error in str(serializer.errors)


def test_plain_lists_give_what_the_verbs_take():
    parts = [PART, {"number": "2", "etag": '"b"'}]
    finalize = validate(Finalize, {"uploads": [{"id": "0" * 32, "parts": parts}, {"id": str(UUID(int=1))}]})
    assert finalize["uploads"] == [
        CompletedUpload(str(UUID(int=0)), {1: "a", 2: "b"}), CompletedUpload(str(UUID(int=1))),
    ]  # fmt: skip
    sent = {"kind": "pack", "sha256": HASH, "size": 9, "members": [{"sha256": HASH, "offset": "3"}], "parts": [HASH]}
    [request] = validate(UploadsRequest, {"objects": [sent]})["objects"]
    assert (request.members, request.part_hashes) == ((PackEntry(HASH, 3),), (HASH,))


def test_no_json_is_read_further_than_it_may_be_long(monkeypatch):
    monkeypatch.setattr(validators.json, "dumps", lambda *args, **options: pytest.fail("It was written as JSON."))
    for value in (dict.fromkeys(map(str, range(300_000))), {"a": [0] * 600_000}, {"a": [[[]]] * 300_000}):
        with pytest.raises(ValidationError, match="Larger than 1024 KiB"):
            JSONObjectField().run_validation(value)


def test_tags_are_distinct_and_keep_their_order():
    assert TagsField().run_validation(["b", "a", " b ", "c"]) == ["b", "a", "c"]
    assert TagsField().run_validation([f"t{number % 100}" for number in range(300)])[-1] == "t99"
    for odd in (
        "a",
        {"a": 1},
        [""],
        [1.5, "x" * 129],
        ["a\tb"],
        [f"t{number}" for number in range(101)],
        [None],
        [["a"]],
    ):
        with pytest.raises(ValidationError):
            TagsField().run_validation(odd)


def test_texts_are_bounded():
    assert ProseField().run_validation("  two\nlines ") == "  two\nlines "
    for field, odd in [(LineField(), "two\nlines"), (LineField(max_length=3), "four"), (ProseField(), "x" * 65537)]:
        with pytest.raises(ValidationError):
            field.run_validation(odd)


def ask(query: str) -> Request:
    return Request(APIRequestFactory().get(f"/?{query}"))


def test_a_cursor_leads_through_all_rows_once(alice):
    for number in range(6):
        teams.create(Actor(alice), f"team{number}")
    seen, cursor = [], ""
    while cursor is not None:
        rows, cursor = cursor_page(ask(f"limit=3&cursor={cursor}"), Team.objects.all(), "name")
        seen += [team.name for team in rows]

    assert seen == ["alice", *(f"team{number}" for number in range(6))]
    by_id, after = cursor_page(ask("limit=6"), Team.objects.all(), "id")
    assert cursor_page(ask(f"cursor={after}"), Team.objects.all(), "id") == ([Team.objects.order_by("id").last()], None)
    assert len(by_id) == 6


def test_a_cursor_costs_one_query(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        cursor_page(ask("limit=1"), Team.objects.all(), "name")


@pytest.mark.parametrize("cursor", ["x", "!!!!", "AAAA", "%FF", "YWJj", "z" * 2049])
def test_cursors_that_were_not_given_out_are_refused(alice, cursor):
    with pytest.raises((errors.Invalid, ValidationError)):
        cursor_page(ask(f"cursor={cursor}"), Team.objects.all(), "id")


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x"])
def test_limits_are_bounded(alice, limit):
    with pytest.raises(ValidationError):
        cursor_page(ask(f"limit={limit}"), Team.objects.all(), "id", CursorQuery)

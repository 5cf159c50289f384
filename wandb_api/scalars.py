"""The scalars of the schema: how their values are read from a request and written into an answer."""

import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema, ValueNode
from graphql.utilities import value_from_ast_untyped

_MAX_INT = 2**63 - 1
# What a text of JSON may hold, and no database: NUL, or half of a surrogate pair.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def without_nan(value: Any) -> Any:
    """The value with the texts `NaN`, `Infinity` and `-Infinity` for the numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    return value


def to_json(value: Any) -> str:
    """The value as the text of a `JSONString`."""
    return json.dumps(without_nan(value), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str) -> Any:
    """The value of a `JSONString`, with texts for numbers that JSON does not have. Raises `GraphQLError`.

    Characters that no database stores become U+FFFD.
    """
    try:
        value = without_nan(json.loads(text))
        return _storable(value) if _SUSPECT.search(text) else value
    except (ValueError, RecursionError) as error:
        raise GraphQLError(f"A JSONString is not JSON: {error}") from error


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _NO_TEXT.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value


def _json_string(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)


def _read_json_string(value: Any) -> Any:
    if not isinstance(value, str):
        raise GraphQLError("A JSONString is a text.")
    return from_json(value)


def _date_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1 or abs(value) > _MAX_INT:
        raise GraphQLError(f"{value!r} is not an integer of 64 bits.")
    return int(value)


def _read_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return value_from_ast_untyped(node, variables)


def bind(schema: GraphQLSchema) -> None:
    """Give the scalars of the schema their functions."""
    functions: dict[str, dict[str, Any]] = {
        "JSONString": {"serialize": _json_string, "parse_value": _read_json_string},
        "JSON": {"serialize": without_nan, "parse_value": without_nan},
        "DateTime": {"serialize": _date_time},
        "Int64": {"serialize": int, "parse_value": _read_integer},
        "Duration": {"serialize": int, "parse_value": _read_integer},
    }
    for name, by_role in functions.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        for role, function in by_role.items():
            setattr(scalar, role, function)
        # The names of the same two since graphql-core 3.3, which it asks for.
        scalar.coerce_output_value, scalar.coerce_input_value = scalar.serialize, scalar.parse_value
        read = by_role.get("parse_value", without_nan)
        scalar.parse_literal = lambda node, variables=None, read=read: read(_read_literal(node, variables))

"""The API reference: what the OpenAPI document says, as the values that its page shows. Made once for each process."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from api import examples

Schema = dict[str, Any]
_REF = "#/components/schemas/"
_FORMATS = {"uuid": "UUID", "date-time": "date and time", "uri": "URL", "int64": "integer", "email": "e-mail address"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a type: text, and the schema that it names, if it does."""

    text: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    parts: list[Part]
    is_required: bool
    notes: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    text: str
    parts: list[Part]
    example: str


@dataclass(frozen=True, slots=True)
class Operation:
    """`parameters` are those of path, query and headers, `fields` those of the body, of which `body` are the types."""

    id: str
    method: str
    path: str
    title: str
    text: str
    parameters: list[Field]
    body: list[Part]
    fields: list[Field]
    answers: list[Answer]
    errors: list[str]
    curl: str
    python: str


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: str
    text: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    parts: list[Part]
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Reference:
    groups: list[Group]
    models: list[Model]
    errors: dict[str, str]


@cache
def load() -> Reference:
    """The reference of this server. The first call generates the document, which takes a second or two."""
    return build(SchemaGenerator().get_schema(public=True))


def build(document: Schema) -> Reference:
    """The reference of an OpenAPI document of ours: JSON bodies, one tag for each operation, named schemas."""
    reader = _Reader(document["components"]["schemas"])
    operations, errors = defaultdict(list), {}
    for path, methods in document["paths"].items():
        for method, entry in methods.items():
            operations[entry["tags"][0]].append(reader.operation(method.upper(), path, entry))
            errors |= {code: row["description"] for code, row in entry["responses"].items() if code >= "400"}
    groups = [
        Group(_slug(tag["name"]), tag["name"], tag["description"], operations[tag["name"]])
        for tag in document["tags"]
        if tag["name"] in operations
    ]
    return Reference(groups, list(reader.models()), dict(sorted(errors.items())))


class _Reader:
    """Reads schemas, and keeps in mind which of them were named, so that those are shown as well."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.schemas = schemas
        self.named: dict[str, None] = {}

    def operation(self, method: str, path: str, entry: Schema) -> Operation:
        requested = entry.get("requestBody", {})
        body, media_type = _content(requested), next(iter(requested.get("content", {})), "")
        parameters = [self._field(row["name"], row, row["schema"]) for row in entry.get("parameters", [])]
        sent = examples.of(body, self.schemas, is_request=True) if body else None
        title = entry["summary"]
        return Operation(
            id=entry["operationId"].replace("_", "-"),
            method=method,
            path=path,
            title=title,
            text=_beside(title, entry["description"]),
            parameters=sorted(parameters, key=lambda field: ("path", "query", "header").index(field.location)),
            body=[part for part in self._parts(body) if part.schema not in self._inlined(body)],
            fields=self._fields(body),
            answers=[self._answer(code, row) for code, row in entry["responses"].items() if code < "400"],
            errors=[code for code in entry["responses"] if code >= "400"],
            curl=examples.curl(method, path, sent, media_type, is_public=entry.get("security") == [{}]),
            python=examples.python(method, path, sent),
        )

    def models(self) -> Iterator[Model]:
        """The schemas that were named, and those that these name in turn, by name."""
        found: dict[str, Model] = {}
        while waiting := [name for name in self.named if name not in found]:
            for name in waiting:
                schema = self.schemas[name]
                fields = self._fields(schema)
                found[name] = Model(name, [] if fields else self._parts(schema), fields)
        yield from (found[name] for name in sorted(found))

    def _answer(self, code: str, row: Schema) -> Answer:
        schema = _content(row)
        text = row["description"] or {"200": "OK", "201": "Created", "202": "Accepted"}.get(code, "")
        example = examples.pretty(examples.of(schema, self.schemas)) if schema else ""
        return Answer(code, text, self._parts(schema), example)

    def _fields(self, schema: Schema) -> list[Field]:
        schema = self._resolved(schema)
        required = schema.get("required", [])
        rows = schema.get("properties", {}).items()
        return [self._field(name, {"required": name in required}, value) for name, value in rows]

    def _field(self, name: str, row: Schema, schema: Schema) -> Field:
        notes = [row.get("description", ""), *self._notes(schema)]
        return Field(
            name, self._parts(schema), row.get("required", False), " ".join(filter(None, notes)), row.get("in", "")
        )

    def _parts(self, schema: Schema) -> list[Part]:
        """The type, in words."""
        if "$ref" in schema:
            return self._named_parts(schema["$ref"].removeprefix(_REF))
        if "allOf" in schema:
            return self._parts(schema["allOf"][0])
        if "oneOf" in schema:
            return _joined([self._parts(one) for one in schema["oneOf"]])
        kinds = schema.get("type", [])
        return _joined([self._parts_of(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)])

    def _named_parts(self, name: str) -> list[Part]:
        if "enum" in self.schemas[name]:
            return self._parts(self.schemas[name])
        self.named[name] = None
        return [Part(name, name)]

    def _parts_of(self, kind: str, schema: Schema) -> list[Part]:
        if kind == "array":
            return [Part("array of "), *self._parts(schema["items"])]
        values = schema.get("additionalProperties")
        if kind == "object" and values:
            return [Part("map of names to "), *self._parts(values)]
        return [Part(_FORMATS.get(schema.get("format", ""), kind) if kind == "string" else kind)]

    def _notes(self, schema: Schema) -> Iterator[str]:
        """What is to be known of values beside their type."""
        resolved = self._resolved(schema)
        # Of choices, the generator lists each with its label once more.
        yield schema.get("description", "").partition("* `")[0].strip()
        if "enum" in resolved:
            yield "One of " + ", ".join(f"`{value}`" for value in resolved["enum"]) + "."
        if "maxLength" in resolved:
            yield f"Up to {resolved['maxLength']:,} characters."
        if "maxItems" in resolved:
            yield f"Up to {resolved['maxItems']:,}."
        if "maximum" in resolved and resolved["maximum"] < 2**31:
            yield f"From {resolved.get('minimum', 0):,} to {resolved['maximum']:,}."
        if schema.get("default") not in (None, "", [], {}):
            yield f"`{json.dumps(schema['default']).strip(chr(34))}` by default."

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema or "allOf" in schema:
            schema = self.schemas[schema["$ref"].removeprefix(_REF)] if "$ref" in schema else schema["allOf"][0]
        return schema

    def _inlined(self, body: Schema) -> set[str]:
        """The schema whose fields the operation shows itself."""
        return {body.get("$ref", "").removeprefix(_REF)} if self._resolved(body).get("properties") else set()


def _content(row: Schema) -> Schema:
    """The schema of a body, or {} for one that has none."""
    return next((content.get("schema", {}) for content in row.get("content", {}).values()), {})


def _joined(alternatives: list[list[Part]]) -> list[Part]:
    parts: list[Part] = []
    for alternative in alternatives:
        parts += [Part(" or "), *alternative] if parts else alternative
    return parts


def _beside(title: str, description: str) -> str:
    """What the description says beyond the title, which it begins with."""
    rest = description.removeprefix(title).lstrip(" .,;:")
    return rest[:1].upper() + rest[1:]


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.lower())

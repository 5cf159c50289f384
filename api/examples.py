"""Examples of requests and answers, made up from their schemas: what they mean is in the names of their fields."""

import json
import re
import shlex
from typing import Any

_REF = "#/components/schemas/"
_JSON = "application/json"
_MAX_DEPTH = 4
_SHORT_LINE = 80
_PATH_FIELD = re.compile(r"{(\w+)}")
_ID = "01a1fa3f-7512-74a6-9dc4-398839ede2f1"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_FORMATS = {"uuid": _ID, "date-time": "2026-01-31T09:30:00Z", "uri": "https://example.org/hook"}
# By the name of the field: what a schema cannot say.
_VALUES = {
    "alias": "production",
    "aliases": ["production"],
    "pattern": "prod-*",
    "project": "perception/signs",
    "project_name": "perception/signs",
    "team": "perception",
    "name": "sign-detector",
    "username": "bob",
    "path": "model.safetensors",
    "uri": "s3://acme-data/model.safetensors",
    "reference_uri": "s3://acme-data/model.safetensors",
    "reference_identity": "etag:9b2cf535f27731c974343645a3985328",
    "etag": "9b2cf535f27731c974343645a3985328",
    "sha256": _SHA256,
    "size": 1048576,
    "tags": ["vision"],
    "metadata": {"mAP": 0.71},
    "config": {"lr": 0.001},
    "summary": {"loss": 0.12},
    "version": "v3",
    "first": "production",
    "second": "staging",
    "email": "bob@example.org",
    "created_by": "alice",
    "detail": "Enter a name.",
    "endpoint": "https://minio.example.org",
    "region": "eu-central-1",
}


def of(schema: dict[str, Any], schemas: dict[str, Any], *, is_request: bool = False) -> Any:
    """A value that fits the schema. Of a request only what it needs, or its first two fields where it needs none."""
    return _Maker(schemas, is_request).value("", schema, 0)


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def curl(method: str, path: str, body: Any, media_type: str = _JSON, *, is_public: bool = False) -> str:
    """The request as a command for a shell that has WANLLMDB_BASE_URL and WANLLMDB_API_KEY in its environment."""
    options = "" if method in ("GET", "POST") and (method == "GET" or body is not None) else f" --request {method}"
    # Of a path such as `/$tree` the shell is not to take the word for a variable.
    url = _PATH_FIELD.sub(lambda field: f"${field[1].upper()}", path.replace("$", "\\$"))
    lines = [f'curl{options} "$WANLLMDB_BASE_URL{url}"']
    if not is_public:
        lines.append('--header "Authorization: Bearer $WANLLMDB_API_KEY"')
    if body is not None:
        data = f"--data {shlex.quote(_compact(body))}" if media_type == _JSON else "--data-binary @lines.jsonl"
        lines += [f'--header "Content-Type: {media_type}"', data]
    return " \\\n  ".join(lines)


def python(method: str, path: str, body: Any) -> str:
    """The request as a call of the function `api`, which the page explains."""
    url = f'f"{path}"' if "{" in path else f'"{path}"'
    return f'api("{method}", {url}' + ("" if body is None else f", {_literal(body)}") + ")"


def _compact(body: Any) -> str:
    """In one line, if it is a short one."""
    line = json.dumps(body, ensure_ascii=False)
    return line if len(line) <= _SHORT_LINE else pretty(body)


def _literal(body: Any) -> str:
    """JSON as Python writes it: no text of an example holds a quote, or one of these words."""
    text = _compact(body)
    for json_word, python_word in (("null", "None"), ("true", "True"), ("false", "False")):
        text = text.replace(f": {json_word}", f": {python_word}")
    return text


class _Maker:
    def __init__(self, schemas: dict[str, Any], is_request: bool) -> None:
        self.schemas = schemas
        self.is_request = is_request

    def value(self, name: str, schema: dict[str, Any], depth: int) -> Any:
        if "$ref" in schema:
            return self.value(name, self.schemas[schema["$ref"].removeprefix(_REF)], depth)
        for word in ("allOf", "oneOf"):
            if word in schema:
                return self.value(name, schema[word][0], depth)
        if schema.get("default") not in (None, "", [], {}):
            return schema["default"]
        if "enum" in schema:
            return schema["enum"][0]
        kinds = schema.get("type", "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        return self._of_kind(kind, name, schema, depth)

    def _of_kind(self, kind: str, name: str, schema: dict[str, Any], depth: int) -> Any:
        if kind == "object":
            return self._object(name, schema, depth)
        if kind == "array":
            return self._array(name, schema, depth)
        known = _VALUES.get(name)
        if kind in ("integer", "number"):
            return known if isinstance(known, int) else max(1, schema.get("minimum", 1))
        if kind == "boolean":
            return True
        if kind == "null":
            return None
        return _FORMATS.get(schema.get("format", "")) or (known if isinstance(known, str) else "…")

    def _array(self, name: str, schema: dict[str, Any], depth: int) -> Any:
        known = _VALUES.get(name)
        if isinstance(known, list) and schema["items"].get("type") == "string":
            return known
        return [] if depth >= _MAX_DEPTH else [self.value("", schema["items"], depth + 1)]

    def _object(self, name: str, schema: dict[str, Any], depth: int) -> Any:
        fields = schema.get("properties", {})
        if not fields and schema.get("additionalProperties"):
            return {"production": self.value("version", schema["additionalProperties"], depth + 1)}
        if not fields:
            known = _VALUES.get(name)
            return known if isinstance(known, dict) else {}
        if depth >= _MAX_DEPTH:
            return {}
        names = fields
        if self.is_request:
            names = schema.get("required") or list(fields)[:2]
        return {field: self.value(field, fields[field], depth + 1) for field in names}

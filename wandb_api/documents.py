"""The documents that clients send: parsed, bounded and validated once each."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    parse,
    type_from_ast,
    validate,
)

from core import errors
from wandb_api.schema import SCHEMA

# The longest of the client's own has a tenth of each.
MAX_LENGTH = 100_000
MAX_TOKENS = 8_000
MAX_DEPTH = 20
MAX_FIELDS = 4_000
# Each bounds what it does by itself; the client sends one.
MAX_MUTATIONS = 5
# Of a list in the variables; the client sends as many files at once.
MAX_ITEMS = 10_000
# The client has a few hundred, of up to 2,200 characters. Long ones of others would fill the memory.
_CACHED = 500
_CACHED_LENGTH = 5_000
# PostgreSQL stores none. In JSON around the document, a NUL is refused already.
_NUL = re.compile(r"\\u(?:0000|\{0+\})")


class Document(NamedTuple):
    """One that can be executed, or what is wrong with it."""

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    @property
    def operation(self) -> OperationDefinitionNode:
        """The only one."""
        assert self.node is not None
        return next(one for one in self.node.definitions if isinstance(one, OperationDefinitionNode))


def read(text: str) -> Document:
    """The document of this text."""
    if len(text) > MAX_LENGTH:
        return _refused(f"The document is over {MAX_LENGTH:,} characters.")
    return _read_cached(text) if len(text) <= _CACHED_LENGTH else _read(text)


def _read(text: str) -> Document:
    if _NUL.search(text):
        return _refused("The document has a NUL character in a text.")
    try:
        node = parse(text, no_location=True, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        return Document(None, (GraphQLError(error.message),))
    except RecursionError:
        return _refused("The document is nested too deeply.")
    operations = [one for one in node.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) != 1:
        return _refused(f"A document holds one operation, this one {len(operations)}.")
    if problem := _too_large(node, operations[0]):
        return _refused(problem)
    return Document(node, tuple(validate(SCHEMA, node, max_errors=5)))


_read_cached = lru_cache(maxsize=_CACHED)(_read)


def without_unknown_keys(document: Document, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables without keys of inputs that the schema does not have: newer clients know more.

    Raises `Invalid` for lists of more than `MAX_ITEMS`.
    """
    values = dict(variables)
    for definition in document.operation.variable_definitions or ():
        name = definition.variable.name.value
        if name in values:
            values[name] = _known(type_from_ast(SCHEMA, definition.type), values[name])
    return values


def _known(type_: Any, value: Any) -> Any:
    if isinstance(type_, GraphQLNonNull):
        return _known(type_.of_type, value)
    if isinstance(type_, GraphQLList) and isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise errors.Invalid(f"A list of the variables has over {MAX_ITEMS:,} items: send them in parts.")
        return [_known(type_.of_type, one) for one in value]
    if isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
        return {key: _known(type_.fields[key].type, one) for key, one in value.items() if key in type_.fields}
    return value


def _refused(message: str) -> Document:
    return Document(None, (GraphQLError(message),))


def _too_large(node: DocumentNode, operation: OperationDefinitionNode) -> str | None:
    """What is too much: fragments count wherever they are spread."""
    fragments = {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)}
    waiting: list[tuple[SelectionSetNode, int, frozenset[str]]] = [(operation.selection_set, 1, frozenset())]
    fields = mutations = 0
    while waiting:
        selections, depth, inside = waiting.pop()
        if depth > MAX_DEPTH:
            return f"The document is nested over {MAX_DEPTH} levels deep."
        for one in selections.selections:
            fields += 1
            if fields > MAX_FIELDS:
                return f"The document selects over {MAX_FIELDS:,} fields."
            if depth == 1 and isinstance(one, FieldNode) and operation.operation == OperationType.MUTATION:
                mutations += 1
                if mutations > MAX_MUTATIONS:
                    return f"The document has over {MAX_MUTATIONS} mutations: send them one by one."
            match one:
                case FieldNode(selection_set=SelectionSetNode() as below):
                    waiting.append((below, depth + 1, inside))
                case InlineFragmentNode():
                    waiting.append((one.selection_set, depth, inside))
                case FragmentSpreadNode() if one.name.value in fragments and one.name.value not in inside:
                    name = one.name.value
                    waiting.append((fragments[name].selection_set, depth, inside | {name}))
    return None

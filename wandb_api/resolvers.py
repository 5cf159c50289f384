"""How fields of the schema get their values: from an attribute of the row, or from a function of the same name."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    is_abstract_type,
    is_introspection_type,
)

from core import errors

logger = logging.getLogger(__name__)
Resolver = Callable[..., Any]


class NotServed(errors.Invalid):
    """A part of the schema that is there for the client's documents to be valid, and has nothing behind it yet."""


_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Resolvers:
    """The functions for fields of one type, each named like its field in snake case.

    A function takes the row, `info`, whose `context` is a `Context`, and the arguments of the field in snake case.
    """

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name
        self.functions: dict[str, Resolver] = {}

    def __call__(self, function: Resolver | None = None, *, name: str = "") -> Any:
        """Make the function the resolver of the field of that name, or else of its own, without a `_` at its end."""
        if function is None:
            return partial(self, name=name)
        self.functions[name or function.__name__.rstrip("_")] = function
        return function


@lru_cache(maxsize=2000)
def snake_case(name: str) -> str:
    """`runID` is `run_id`."""
    return _WORD.sub("_", name).lower()


def get_attribute(row: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """The attribute or key of the same name; of a missing key None.

    Raises `NotServed` where the row has none: a 500 would make the client try again for minutes.
    """
    name = snake_case(info.field_name)
    if isinstance(row, Mapping):
        return row.get(name)
    if row is None or not hasattr(row, name):
        field = f"{info.parent_type.name}.{info.field_name}"
        _log_once(field)
        raise NotServed(f"This server does not serve `{field}` of the wandb client.")
    return getattr(row, name)


@lru_cache(maxsize=2000)
def _log_once(field: str) -> None:
    """Of a resolver that was forgotten nobody would learn otherwise. The cache remembers what was logged."""
    logger.warning("No resolver serves %s, which a client asked for.", field)


def selected_fields(info: GraphQLResolveInfo) -> set[str]:
    """The names of all fields below this one that the document selects."""
    found: set[str] = set()
    waiting: list[Any] = list(info.field_nodes)
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in seen:
                seen.add(name)
                waiting.append(info.fragments[name])
            continue
        if isinstance(node, FieldNode):
            found.add(node.name.value)
        if node.selection_set:
            waiting.extend(node.selection_set.selections)
    return found


def bind(
    schema: GraphQLSchema, resolvers: Iterable[Resolvers], types: Mapping[type, str | Callable[[Any], str]]
) -> None:
    """Give the fields their functions, arguments and keys of inputs their names in Python, and rows their types.

    Raises `LookupError` for a function whose field the schema does not have.
    """
    functions: dict[str, dict[str, Resolver]] = {}
    for one in resolvers:
        functions.setdefault(one.type_name, {}).update(one.functions)
    for type_ in schema.type_map.values():
        if is_introspection_type(type_):
            continue
        if isinstance(type_, GraphQLInputObjectType):
            _name_keys(type_.fields)
        elif isinstance(type_, GraphQLObjectType):
            _bind_fields(type_, functions.pop(type_.name, {}))
        elif is_abstract_type(type_):
            _tell_types(type_, types)
    if functions:
        raise LookupError(f"The schema has no types {sorted(functions)}.")


def _bind_fields(type_: GraphQLObjectType, functions: dict[str, Resolver]) -> None:
    for name, field in type_.fields.items():
        resolver = functions.pop(snake_case(name), get_attribute)
        field.resolve = _uncounted(resolver) if type_.name == "Mutation" else resolver
        _name_keys(field.args)
    if functions:
        raise LookupError(f"{type_.name} has no fields {sorted(functions)}.")


def _uncounted(mutation: Resolver) -> Resolver:
    """A mutation bounds what it reads by itself; what is selected of its result is counted."""

    def resolve(root: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        with info.context.query_hook.paused():
            return mutation(root, info, **arguments)

    return resolve


def _name_keys(keys: Mapping[str, Any]) -> None:
    for name, key in keys.items():
        key.out_name = snake_case(name)


def _tell_types(type_: GraphQLAbstractType, types: Mapping[type, str | Callable[[Any], str]]) -> None:
    def resolve(row: Any, info: GraphQLResolveInfo, abstract_type: GraphQLAbstractType) -> str:
        found = getattr(row, "wire_type", None) or types[type(row)]
        return found if isinstance(found, str) else found(row)

    type_.resolve_type = resolve

"""Executing what `POST /graphql` brings: one operation, and its answer with refusals in words."""

import logging
from typing import Any, NamedTuple

from graphql import FieldNode, GraphQLError, OperationType, execute_sync

from core import database_errors, errors
from wandb_api import documents
from wandb_api.context import Context, NotSignedIn
from wandb_api.schema import SCHEMA

logger = logging.getLogger(__name__)
# What may be asked without a key.
_PUBLIC = {"viewer", "serverInfo", "__schema", "__type", "__typename"}
SIGN_IN = "Invalid API key: copy one from /profile, and run `wandb login --relogin`, or set WANDB_API_KEY."


class Answer(NamedTuple):
    status: int
    body: dict[str, Any]
    retry_after: int | None = None


def execute(context: Context, body: Any) -> Answer:
    """Execute the operation of a request's body."""
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return failed(400, "Send a JSON object with the key `query`.")
    variables = body.get("variables") or {}
    if not isinstance(variables, dict):
        return failed(400, "`variables` is an object.")
    document = documents.read(body["query"])
    if document.errors:
        return Answer(400, {"errors": [{"message": error.message} for error in document.errors]})
    if context.caller is None and not _is_public(document):
        return failed(401, SIGN_IN)
    if document.operation.operation == OperationType.MUTATION:
        try:
            context.require_write()
        except errors.RegistryError as refusal:
            return Answer(200, {"data": None, "errors": [_told(refusal)]})
    elif document.operation.operation != OperationType.QUERY:
        return failed(400, "There are no subscriptions.")
    values = documents.without_unknown_keys(document, variables)
    assert document.node is not None
    # `operationName` is ignored: there is one operation, and clients send "".
    with context.query_hook.active():
        result = execute_sync(SCHEMA, document.node, context_value=context, variable_values=values)
    return _answer(result.data, result.errors or [])


def failed(status: int, message: str, retry_after: int | None = None) -> Answer:
    return Answer(status, {"errors": [{"message": message}]}, retry_after)


def _is_public(document: documents.Document) -> bool:
    selections = document.operation.selection_set.selections
    return all(isinstance(one, FieldNode) and one.name.value in _PUBLIC for one in selections)


def _answer(data: dict[str, Any] | None, problems: list[GraphQLError]) -> Answer:
    # Without `locations` and `path`, which the client prints before the sentence.
    told = []
    for problem in problems:
        match problem.original_error:
            case NotSignedIn():
                return failed(401, SIGN_IN)
            case errors.Unavailable() as refusal:
                return failed(refusal.status, str(refusal), refusal.retry_after)
            case errors.RegistryError() as refusal:
                told.append(_told(refusal))
            case None:
                told.append({"message": problem.message})
            case error if refusal := database_errors.refusal(error):
                return failed(refusal.status, str(refusal), refusal.retry_after)
            case GraphQLError() as error:
                told.append({"message": error.message})
            case error:
                logger.error("A resolver failed at %s.", problem.path, exc_info=error)
                return failed(500, "Something went wrong on the server. Its log has the details.")
    # Variables that the schema does not take leave no data at all.
    status = 400 if data is None and all(problem.original_error is None for problem in problems) and told else 200
    # A document that costs too much is refused the same at each of its fields.
    told = [one for number, one in enumerate(told) if number == 0 or one != told[number - 1]]
    return Answer(status, {"data": data} | ({"errors": told} if told else {}))


def _told(refusal: errors.RegistryError) -> dict[str, Any]:
    return {"message": str(refusal), "extensions": {"code": refusal.code}}

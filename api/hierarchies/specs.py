"""From the fields of a body to what the verbs take."""

from typing import Any

from hierarchies.record_specs import PayloadSpec, RecordSpec


def record_spec(data: dict[str, Any]) -> RecordSpec:
    fields = {name: data[name] for name in ("parent_id", "type", "tags", "id") if name in data}
    return RecordSpec(data=data["data"], payloads=payload_specs(data.get("payloads", ())), **fields)


def payload_specs(payloads: Any) -> list[PayloadSpec]:
    return [PayloadSpec(**(payload | {"id": str(payload["id"])})) for payload in payloads]

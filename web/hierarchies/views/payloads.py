"""What of a record is in the object store, as a preview that the sandbox makes. Its bytes come from the API."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts.actor import Actor
from core.client_ip import client_ip
from hierarchies import access
from hierarchies.models import Operation
from web import rendering
from web.hierarchies import contexts, downloads, payload_previews, rows
from web.hierarchies.lookups import get_payload, login_unless_public


@login_unless_public
@require_safe
def payload_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    payload = get_payload(request, **url_kwargs)
    record = payload.record
    access.require(Actor.from_page(request), record.hierarchy, Operation.DOWNLOAD)
    rows.prepare([record], record.hierarchy)
    person = str(request.user.pk or client_ip(request.META))
    preview = payload_previews.preview(payload, person, request.GET.get("rows", ""))
    context = contexts.hierarchy_context(record.hierarchy) | {
        "record": record,
        "payload": payload,
        "preview": preview,
        "downloads": downloads.of(payload),
        # As templates of previews know what they are about.
        "file": {"name": payload.pointer or "data", "size": payload.size},
    }
    return rendering.render_page(request, "hierarchies/payload.html", context)

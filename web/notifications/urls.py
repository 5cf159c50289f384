"""URLs of the pages about webhooks, the inbox and watches."""

from django.urls import path

from web.converters import ARTIFACT, PROJECT
from web.notifications.views import deliveries, digests, inbox, watches, webhooks

_WEBHOOK = f"{PROJECT}/webhooks/<uuid:webhook_id>"
_DELIVERY = f"{_WEBHOOK}/deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("inbox", inbox.inbox_page, name="inbox"),
    path("inbox/digest", digests.digest, name="digest"),
    path("inbox/unsubscribe/<str:token>", digests.unsubscribe, name="digest-unsubscribe"),
    path("inbox/read", inbox.read, name="inbox-read"),
    path("inbox/<uuid:notice_id>", inbox.item, name="notice"),
    path("watches", watches.watch_list, name="watches"),
    path("watches/<uuid:watch_id>/end", watches.watch_end, name="watch-end"),
    path("teams/<str:team>/watch", watches.team_watch, name="team-watch"),
    path(f"{PROJECT}/watch", watches.project_watch, name="project-watch"),
    path(f"{ARTIFACT}/watch", watches.artifact_watch, name="artifact-watch"),
    path(f"{PROJECT}/webhooks", webhooks.webhook_list, name="project-webhooks"),
    path(f"{PROJECT}/webhooks/new", webhooks.webhook_new, name="webhook-new"),
    path(f"{PROJECT}/webhooks/preview", webhooks.webhook_preview, name="webhook-preview"),
    path(_WEBHOOK, webhooks.webhook_page, name="webhook"),
    path(f"{_WEBHOOK}/edit", webhooks.webhook_edit, name="webhook-edit"),
    path(f"{_WEBHOOK}/delete", webhooks.webhook_delete, name="webhook-delete"),
    path(f"{_WEBHOOK}/secret", webhooks.webhook_secret, name="webhook-secret"),
    path(f"{_WEBHOOK}/test", webhooks.webhook_test, name="webhook-test"),
    path(f"{_WEBHOOK}/pause", webhooks.webhook_pause, name="webhook-pause"),
    path(f"{_WEBHOOK}/resume", webhooks.webhook_resume, name="webhook-resume"),
    path(_DELIVERY, deliveries.delivery_page, name="webhook-delivery"),
    path(f"{_DELIVERY}/redeliver", deliveries.redeliver, name="webhook-redeliver"),
]

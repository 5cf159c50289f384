"""URLs of notifications under /api/v1/."""

from django.urls import path

from api.notifications import views

urlpatterns = [
    path("projects/<uuid:project_id>/webhooks", views.WebhookList.as_view(), name="webhook-list"),
    path("projects/<uuid:project_id>/webhooks/preview", views.WebhookPreview.as_view(), name="webhook-preview"),
    path("webhooks/<uuid:webhook_id>", views.WebhookDetail.as_view(), name="webhook-detail"),
    path("webhooks/<uuid:webhook_id>/test", views.WebhookTest.as_view(), name="webhook-send-test"),
    path("webhooks/<uuid:webhook_id>/secret", views.WebhookSecret.as_view(), name="webhook-renew-secret"),
    path("webhooks/<uuid:webhook_id>/deliveries", views.DeliveryList.as_view(), name="delivery-list"),
    path(
        "webhook-deliveries/<uuid:delivery_id>/redeliver", views.DeliveryRedeliver.as_view(), name="delivery-redeliver"
    ),
    path("inbox", views.InboxList.as_view(), name="inbox-list"),
    path("inbox/digest", views.InboxDigest.as_view(), name="inbox-digest"),
    path("inbox/read", views.InboxMark.as_view(), name="inbox-mark"),
    path("watches", views.WatchList.as_view(), name="watch-list"),
    path("watches/<uuid:watch_id>", views.WatchDetail.as_view(), name="watch-detail"),
]

"""What admins of a team do with the webhooks of its projects."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core import encryption, row_limits, url_policy
from events import kinds, outbox
from notifications import errors, signatures, tasks
from notifications.message_formats import WebhookFormat
from notifications.models import Attempt, Delivery, Webhook
from notifications.webhook_events import WEBHOOK_TEST
from projects.models import Project


@transaction.atomic
def create(
    actor: Actor,
    project: Project,
    url: str,
    *,
    events: Iterable[str],
    format: str = WebhookFormat.GENERIC,
    description: str = "",
    active: bool = True,
) -> Webhook:
    """A new webhook, with its secret. Raises `AddressRefused` for an address it may not call, `TooManyWebhooks`."""
    permissions.require(actor, project.team, Role.ADMIN)
    events = _check_events(events)
    url_policy.find(url, url_policy.for_webhooks())
    limit = settings.WEBHOOKS_A_PROJECT
    refusal = errors.TooManyWebhooks(f"A project has at most {limit} webhooks.")
    row_limits.require_room(project, Webhook.objects.filter(project=project), limit, refusal)
    return Webhook.objects.create(
        project=project,
        url=url,
        format=format,
        description=description,
        events=events,
        active=active,
        secret=signatures.new_secret(),
        created_by=actor.user,
    )


def update(actor: Actor, webhook: Webhook, **changes: Any) -> Webhook:
    """Change url, format, description, events or active. To make it active also ends a pause."""
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    if "events" in changes:
        changes["events"] = _check_events(changes["events"])
    if changes.get("url", webhook.url) != webhook.url:
        url_policy.find(changes["url"], url_policy.for_webhooks())
    active = changes.pop("active", None)
    for column, value in changes.items():
        setattr(webhook, column, value)
    webhook.save(update_fields=[*changes, "updated_at"])
    if active is None:
        return webhook
    return resume(actor, webhook) if active else pause(actor, webhook)


def delete(actor: Actor, webhook: Webhook) -> None:
    """Remove it with the log of its deliveries."""
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    with transaction.atomic():
        Attempt.objects.filter(delivery__webhook=webhook).delete()
        Delivery.objects.filter(webhook=webhook).delete()
        webhook.delete()


def renew_secret(actor: Actor, webhook: Webhook) -> Webhook:
    """Give it another secret. What is sent from now on, also once more, is signed with that one."""
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    webhook.secret = signatures.new_secret()
    webhook.save(update_fields=["encrypted_secret", "updated_at"])
    return webhook


def renew_encryption() -> tuple[int, int]:
    """Encrypt all secrets under the current `SECRET_KEY`. How many that were, and how many cannot be decrypted."""
    renewed = failed = 0
    for pk, before in Webhook.objects.values_list("pk", "encrypted_secret").iterator():
        try:
            after = encryption.renew(before)
        except encryption.Undecryptable:
            failed += 1
        else:
            # A secret that was replaced meanwhile is encrypted under the current key already.
            Webhook.objects.filter(pk=pk, encrypted_secret=before).update(encrypted_secret=after)
            renewed += 1
    return renewed, failed


def pause(actor: Actor, webhook: Webhook) -> Webhook:
    """Switch it off. What waits for it goes on waiting; what happens from now on is not for it."""
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    webhook.active = False
    webhook.save(update_fields=["active", "updated_at"])
    return webhook


@transaction.atomic
def resume(actor: Actor, webhook: Webhook) -> Webhook:
    """Switch it on, whoever or whatever paused it. What waits is sent."""
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    webhook.active, webhook.failures, webhook.paused_at, webhook.pause_reason = True, 0, None, ""
    webhook.save(update_fields=["active", "failures", "paused_at", "pause_reason", "updated_at"])
    tasks.deliver.delay_on_commit(str(webhook.pk))
    return webhook


@transaction.atomic
def test(actor: Actor, webhook: Webhook) -> Delivery:
    """Send it an event that says nothing, once, also while it is paused."""
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    project = webhook.project
    data = {
        "project": project.full_name,
        "url": settings.BASE_URL + webhook.get_absolute_url(),
        "webhook": {"id": str(webhook.pk), "description": webhook.description},
        "by": actor.user.username,
        "at": timezone.now().isoformat(),
    }
    event = outbox.record(WEBHOOK_TEST, project, data, actor=actor.user)
    delivery = Delivery.objects.create(webhook=webhook, event=event)
    tasks.deliver.delay_on_commit(str(webhook.pk))
    return delivery


@transaction.atomic
def redeliver(actor: Actor, delivery: Delivery) -> Delivery:
    """Send it again, under the same id and with all attempts before it. Raises `WebhookPaused`."""
    webhook = delivery.webhook
    permissions.require(actor, webhook.project.team, Role.ADMIN)
    if not webhook.is_live and delivery.event.kind != WEBHOOK_TEST.name:
        raise errors.WebhookPaused("This webhook is paused: resume it first.")
    row = Delivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    row.state, row.attempt_count, row.next_attempt_at, row.finished_at = Delivery.State.PENDING, 0, timezone.now(), None
    row.save(update_fields=["state", "attempt_count", "next_attempt_at", "finished_at"])
    tasks.deliver.delay_on_commit(str(webhook.pk))
    return Delivery.objects.for_display().get(pk=row.pk)


def _check_events(events: Iterable[str]) -> list[str]:
    """The kinds in their usual order, each once. Raises `Invalid` for none, and for one that cannot be chosen."""
    chosen, known = set(events), [kind.name for kind in kinds.subscribable()]
    if not chosen or not chosen <= set(known):
        raise errors.Invalid(f"Choose one or more of the events {', '.join(known)}.")
    return [name for name in known if name in chosen]

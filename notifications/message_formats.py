"""What is sent to a webhook: the event as JSON for programs, or a message in the shape that a chat takes.

Names and reasons are users' text: each chat gets them where it reads no markup, or with its markup escaped, and no
longer than it takes. What these shapes are is said at

- https://docs.slack.dev/reference/block-kit/blocks/section-block and …/messaging/formatting-message-text
- https://discord.com/developers/docs/resources/webhook#execute-webhook and …/resources/message#embed-limits
- https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (Workflows)
"""

import json
import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import TextChoices

from events.models import Event


class WebhookFormat(TextChoices):
    """Who reads what is sent: any program, or the chat that the URL belongs to."""

    GENERIC = "generic", "JSON (Standard Webhooks)"
    SLACK = "slack", "Slack"
    DISCORD = "discord", "Discord"
    TEAMS = "teams", "Microsoft Teams"


_OPEN = "Open in wanLLMDB"
# In characters, of the text as it is sent.
_SLACK_TEXT, _SLACK_BLOCK = 3000, 3000
_DISCORD_TITLE, _DISCORD_DESCRIPTION = 256, 4000
# A message may have 28 KiB, in which a character can take six bytes.
_TEAMS_TEXT = 2000
_DISCORD_MARKUP = re.compile(r"([\\*_~`|<>#\[\]()@:+\-.!])")


def payload(event: Event, format: str) -> dict[str, Any]:
    """What is sent of the event in this format, as JSON."""
    return _FORMATS[WebhookFormat(format)](event)


def body(event: Event, format: str) -> bytes:
    """The payload as it is sent and signed: the same bytes each time."""
    return json.dumps(payload(event, format), ensure_ascii=False, separators=(",", ":")).encode()


def _slack(event: Event) -> dict[str, Any]:
    """`text` is for notifications and reads markup; the blocks show the rest, where users' text is plain."""
    message, details = event.message, _details(event)
    texts = [message, details] if details else [message]
    blocks = [{"type": "section", "text": _slack_plain(text)} for text in texts]
    link = f"<{_slack_escaped(_url(event), _SLACK_BLOCK)}|{_OPEN}>"
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]})
    text = _slack_escaped(message, _SLACK_TEXT)
    return {"text": text, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _slack_plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": _clipped(text, _SLACK_BLOCK), "emoji": False}


def _slack_escaped(text: str, limit: int) -> str:
    return _escaped(text, limit, lambda part: part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _discord(event: Event) -> dict[str, Any]:
    embed = {
        "title": _discord_escaped(event.message, _DISCORD_TITLE),
        "url": _url(event),
        "timestamp": event.created_at.isoformat(),
        "footer": {"text": "wanLLMDB"},
    }
    if details := _details(event):
        embed["description"] = _discord_escaped(details, _DISCORD_DESCRIPTION)
    # Whatever the text says, nobody is pinged.
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _discord_escaped(text: str, limit: int) -> str:
    return _escaped(text, limit, lambda part: _DISCORD_MARKUP.sub(r"\\\1", part))


def _teams(event: Event) -> dict[str, Any]:
    """An adaptive card; a text run, unlike a text block, reads no Markdown."""
    texts = [_teams_text(event.message, weight="Bolder")]
    if details := _details(event):
        texts.append(_teams_text(details))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": texts,
        "actions": [{"type": "Action.OpenUrl", "title": _OPEN, "url": _url(event)}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _teams_text(text: str, **style: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": _clipped(text, _TEAMS_TEXT)} | style
    return {"type": "RichTextBlock", "inlines": [run]}


def _url(event: Event) -> str:
    return settings.BASE_URL + event.get_absolute_url()


def _details(event: Event) -> str:
    """What was said, as far as the message does not say it already."""
    return "" if event.details in event.message else event.details


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _escaped(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """The text, escaped and not longer than the limit; what is cut off ends no escape in the middle."""
    whole = escape(text)
    if len(whole) <= limit:
        return whole
    kept: list[str] = []
    left = limit - 1
    for character in text:
        part = escape(character)
        left -= len(part)
        if left < 0:
            break
        kept.append(part)
    return "".join(kept) + "…"


_FORMATS: dict[WebhookFormat, Callable[[Event], dict[str, Any]]] = {
    WebhookFormat.GENERIC: lambda event: event.payload,
    WebhookFormat.SLACK: _slack,
    WebhookFormat.DISCORD: _discord,
    WebhookFormat.TEAMS: _teams,
}

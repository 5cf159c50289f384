"""What chats are sent: in the shape that each takes, with nothing in users' text that it would read as markup."""

import json
import re

import pytest

from accounts.actor import Actor
from artifacts.aliases import aliases
from events import kinds
from notifications import message_formats, webhook_previews, webhooks
from notifications.message_formats import WebhookFormat
from notifications.models import Delivery, Webhook
from tests.conftest import HTMX

BAD = "<!channel> <@U1> & *b* _i_ `c` [x](https://evil.example) ||s|| @everyone \\ ~~d~~"


@pytest.fixture
def event(alice, project):
    def make(reason: str = BAD, kind: str = "alias.moved"):
        made = webhook_previews.example(Actor(alice), project, kind)
        made.data["reason"] = reason
        return made

    return make


def test_slack_gets_blocks_of_plain_text(event):
    sent = message_formats.payload(event(), "slack")

    message, reason, link = sent["blocks"]
    assert message["text"] == {
        "type": "plain_text",
        "text": "alice moved production of acme/demo/sign-detector from v2 to v3",
        "emoji": False,
    }
    assert reason["text"] == {"type": "plain_text", "text": BAD, "emoji": False}
    url = event().get_absolute_url()
    assert link["elements"][0]["text"].startswith("<http") and f"{url}|Open in wanLLMDB>" in link["elements"][0]["text"]
    assert sent["text"] == message["text"]["text"]


def test_what_slack_reads_as_markup_is_escaped(event):
    made = event()
    made.data["by"] = BAD
    text = message_formats.payload(made, "slack")["text"]

    assert "&lt;!channel&gt; &lt;@U1&gt; &amp;" in text and "<" not in text


def test_discord_gets_an_embed_that_pings_nobody(event):
    sent = message_formats.payload(event(), "discord")

    assert sent["allowed_mentions"] == {"parse": []} and "content" not in sent
    [embed] = sent["embeds"]
    assert embed["url"].endswith(event().get_absolute_url())
    # Each mark has its own backslash, so that none is read.
    assert re.sub(r"\\(.)", r"\1", embed["description"]) == BAD
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`|<>~\[\]()@]", embed["description"])


def test_teams_gets_a_card_of_text_runs(event):
    [attachment] = message_formats.payload(event(), "teams")["attachments"]
    card = attachment["content"]

    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["type"] for block in card["body"]] == ["RichTextBlock", "RichTextBlock"]
    assert card["body"][1]["inlines"] == [{"type": "TextRun", "text": BAD}]
    assert card["actions"][0]["url"].endswith(event().get_absolute_url())


def test_no_text_is_longer_than_a_chat_takes(event):
    for character in ("<", "*", "ü", "\x07", "😀"):
        made = event(character * 20_000 + "!")
        made.data["by"] = character * 20_000
        slack, discord = (message_formats.payload(made, name) for name in ("slack", "discord"))
        assert max(len(block["text"]["text"]) for block in slack["blocks"][:-1]) <= 3000 >= len(slack["text"])
        assert not re.search(r"&(?!amp;|lt;|gt;)|&\w*…", slack["text"])
        [embed] = discord["embeds"]
        assert len(embed["title"]) <= 256 and len(embed["description"]) <= 4096
        assert not embed["title"].removesuffix("…").endswith("\\") or embed["title"].count("\\") % 2 == 0
        assert len(message_formats.body(made, "teams")) < 28 * 1024


@pytest.mark.parametrize("format", WebhookFormat.values)
def test_every_kind_has_a_preview_in_every_format(event, format):
    for kind in kinds.subscribable():
        made = event("why", kind.name)
        assert json.loads(message_formats.body(made, format)) == message_formats.payload(made, format)
        assert "nowhere" not in made.message


def test_a_webhook_sends_its_format(alice, bob, project, artifact, v1, receiver, work):
    made = [webhooks.create(Actor(alice), project, receiver.url, events=["alias.created"], format="discord")]
    made.append(webhooks.update(Actor(alice), webhooks.create(
        Actor(alice), project, receiver.url, events=["alias.created"]), format="slack"))  # fmt: skip
    aliases.move(Actor(bob, reason="better"), artifact, "best", v1)
    work()

    bodies = [json.loads(sent.body) for sent in receiver.sent]
    assert {tuple(body) for body in bodies} == {
        ("embeds", "allowed_mentions"),
        ("text", "blocks", "unfurl_links", "unfurl_media"),
    }
    assert [delivery.payload for delivery in Delivery.objects.order_by("webhook_id")] == bodies


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_format_is_chosen_and_previewed(browser, api, alice, vera, project, headers):
    client, url = browser(alice), "/acme/demo/webhooks"
    form = client.get(f"{url}/new", headers=headers).content.decode()
    assert '<option value="slack">Slack</option>' in form and f'hx-get="{url}/preview"' in form
    fields = {"url": "https://8.8.8.8/", "events": ["alias.moved"], "format": "slack"}
    answer = client.post(f"{url}/new", fields, headers=headers)

    webhook = Webhook.objects.get()
    assert webhook.format == "slack" and b"whsec_" not in answer.content
    assert "Slack" in client.get(webhook.get_absolute_url()).content.decode()
    preview = client.get(f"{url}/preview?format=teams", headers=headers).content.decode()
    assert "AdaptiveCard" in preview and "alice moved production" in preview
    assert client.get(f"{url}/preview?format=irc", headers=headers).status_code == 400
    assert client.get(f"{url}/preview?event=webhook.test", headers=headers).status_code == 400
    sent = api(alice).get(f"/api/v1/projects/{project.pk}/webhooks/preview?format=slack").json()
    assert sent["format"] == "slack" and sent["payload"]["blocks"]
    assert api(alice).get(f"/api/v1/projects/{project.pk}/webhooks/preview?format=x").status_code == 400
    assert api(vera).get(f"/api/v1/projects/{project.pk}/webhooks/preview").status_code == 403
    assert client.post(f"{url}/new", fields | {"format": "irc"}, headers=headers).status_code == 422

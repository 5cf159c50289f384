"""Theme, times and shortcuts: chosen in a form, kept in a cookie, and in the page before anything is drawn."""

from datetime import date, timedelta

import pytest
from django.test import Client

from tests.conftest import HTMX
from web import charts

URL = "/settings/display"


def frame(client: Client) -> str:
    """The tag that all of the page is in."""
    page = client.get("/profile", follow=True).content.decode()
    return " ".join(page[page.index("<html") : page.index("<head>")].split())


def test_a_browser_begins_with_what_the_system_says(browser, vera):
    assert frame(browser(vera)) == '<html lang="en" data-theme="system" data-times="relative" data-shortcuts="on">'


def test_one_button_changes_one_setting_and_leads_back(browser, vera):
    client = browser(vera)
    client.post(URL, {"times": "absolute"})
    response = client.post(URL, {"theme": "dark"}, headers={"Referer": "http://testserver/artifacts?q=x"})

    assert response.status_code == 302 and response["Location"] == "/artifacts?q=x"
    assert frame(client) == '<html lang="en" data-theme="dark" data-times="absolute" data-shortcuts="on">'
    cookie = client.cookies["display"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and int(cookie["max-age"]) > 10**7


def test_a_visitor_has_them_too_also_from_the_dialog(client, db):
    response = client.post(URL, {"theme": "light", "shortcuts": "off"}, headers=HTMX)

    assert response.status_code == 204 and response["HX-Redirect"] == "/"
    assert frame(client).endswith('data-theme="light" data-times="relative" data-shortcuts="off">')
    assert client.get(URL).context["form"].initial == {"theme": "light", "times": "relative", "shortcuts": "off"}


@pytest.mark.parametrize("referer", ["https://evil.example/x", "//evil.example", "javascript:alert(1)", ""])
def test_nobody_leads_elsewhere(client, db, referer):
    assert client.post(URL, {"theme": "dark"}, headers={"Referer": referer})["Location"] == "/"


def test_what_is_no_choice_is_refused_and_a_cookie_of_others_counts_for_nothing(client, db):
    response = client.post(URL, {"theme": '"><script>'})
    assert response.status_code == 422 and "display" not in response.cookies
    assert '"><script>' not in response.content.decode()
    client.cookies["display"] = 'dark"><script>.absolute.none.' + "x" * 5000
    assert frame(client) == '<html lang="en" data-theme="system" data-times="absolute" data-shortcuts="on">'


def test_every_time_is_there_both_ways(browser, alice):
    page = browser(alice).get("/profile").content.decode()

    today = alice.date_joined
    assert f'title="{today:%Y-%m-%d %H:%M:%S} UTC"' in page
    assert f'<span class="at">{today:%Y-%m-%d %H:%M}</span>' in page


def test_a_chart_has_a_scale_dates_and_a_count_for_each_day():
    days = [date(2026, 1, 1) + timedelta(days=index) for index in range(30)]
    chart = charts.daily([(day, 1_207 if index == 4 else index) for index, day in enumerate(days)])

    assert chart.ticks == [1300, 650, 0]
    assert chart.days == [date(2026, 1, 1), date(2026, 1, 16), date(2026, 1, 30)]
    assert [bar.count for bar in chart.bars[:6]] == [0, 1, 2, 3, 1207, 5]
    assert all(0 <= bar.y <= bar.y + bar.height <= chart.height for bar in chart.bars)
    assert [charts.daily([(days[0], count)]).ticks[0] for count in (0, 1, 3, 9, 45, 100)] == [2, 2, 4, 10, 46, 100]

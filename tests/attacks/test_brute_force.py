"""Who guesses passwords is slowed down, wherever from and however many processes there are; nobody else is."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from accounts import login_throttle
from accounts.models import SignInLimit
from accounts.tasks import prune_sign_in_limits
from core.client_ip import TrustedProxies

PASSWORD = "a good long password"
HERE, THERE = "203.0.113.9", "198.51.100.1"
FREE = login_throttle.NAME_AT_IP.free


@pytest.fixture(autouse=True)
def patience(monkeypatch) -> None:
    """Waits so long that none ends by itself, however busy the machine is."""
    for name in ("NAME_AT_IP", "GUESSED_NAME_AT_IP", "IP", "DEVICE"):
        policy = getattr(login_throttle, name)
        longer = dataclasses.replace(policy, longest_wait=policy.longest_wait * 3600, first_wait=3600)
        monkeypatch.setattr(login_throttle, name, longer)
    monkeypatch.setattr(login_throttle, "FORGET_AFTER", timedelta(days=30))


def sign_in(username: str, password: str = PASSWORD, ip: str = HERE, client: Client | None = None) -> int:
    """By way of a proxy on the same machine. The status: 302 is in, 422 is wrong, 429 is to wait."""
    answer = (client or Client()).post(
        "/login", {"username": username, "password": password}, headers={"X-Forwarded-For": ip}
    )
    if answer.status_code == 429:
        assert int(answer["Retry-After"]) > 0
        assert b"Too many failed attempts. Wait " in answer.content
    return answer.status_code


def guess(times: int, username: str = "alice", ip: str = HERE) -> Counter[int]:
    return Counter(sign_in(username, f"guess {number}", ip) for number in range(times))


def let_time_pass(seconds: float) -> None:
    for row in SignInLimit.objects.all():
        row.free_at = row.free_at and row.free_at - timedelta(seconds=seconds)
        row.last_failed_at -= timedelta(seconds=seconds)
        row.save()


def test_guessing_has_to_wait_longer_and_longer(alice):
    assert guess(FREE + 5) == {422: FREE, 429: 5}

    waits = []
    for _ in range(8):
        answer = Client().post("/login", {"username": "alice", "password": "x"}, headers={"X-Forwarded-For": HERE})
        waits.append(int(answer["Retry-After"]) / 3600)
        let_time_pass(waits[-1] * 3600)
        assert sign_in("alice", "wrong") == 422
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_right_password_gets_in_after_the_wait_and_ends_it(alice):
    guess(FREE + 1)
    assert sign_in("alice") == 429
    let_time_pass(2 * 3600)

    assert sign_in("alice") == 302
    assert guess(FREE) == {422: FREE}


def test_a_right_password_gets_in_from_elsewhere_while_others_guess(alice):
    for host in range(login_throttle.GUESSED_AT // FREE + 2):
        guess(FREE, ip=f"198.51.100.{host + 2}")

    assert sign_in("alice") == 302
    # An address that nobody has seen yet has one attempt at a name that so many guess at, not ten.
    assert guess(3, ip=THERE) == {422: 1, 429: 2}
    assert sign_in("alice", ip="192.0.2.1") == 302


def test_a_browser_that_is_known_gets_in_from_where_others_guess(alice, mallory):
    browser = Client()
    assert sign_in("alice", client=browser) == 302
    browser.post("/logout")
    guess(FREE + 1)
    for name in range(60):
        sign_in(f"name-{name}", "wrong")

    assert sign_in("alice") == 429
    assert sign_in("alice", client=browser) == 302
    # It is known as alice's alone, and has a count of its own.
    browser.post("/logout")
    assert sign_in("mallory", client=browser) == 429
    assert Counter(sign_in("alice", "wrong", client=browser) for _ in range(FREE + 2)) == {422: FREE, 429: 2}


def test_a_cookie_that_was_made_up_helps_nobody(alice):
    browser = Client()
    browser.cookies["device"] = "known:alice:1vabcd:c2lnbmF0dXJl"
    guess(FREE)

    assert sign_in("alice", client=browser) == 429


def test_ten_wrong_guesses_behind_a_proxy_lock_nobody_out(alice, bob):
    guess(FREE + 5)

    assert sign_in("bob") == 302
    assert sign_in("alice", ip=THERE) == 302


def test_behind_a_proxy_that_is_not_configured_there_is_a_wait_and_no_lock(settings, alice):
    settings.TRUSTED_PROXIES = TrustedProxies.parse([])
    guess(500)
    let_time_pass(login_throttle.NAME_AT_IP.longest_wait)

    assert sign_in("alice") == 302


def test_an_invented_ip_does_not_start_anew(alice):
    answers = Counter(
        Client()
        .post(
            "/login",
            {"username": "alice", "password": "wrong"},
            headers={"X-Forwarded-For": f"10.0.0.{number}, {HERE}"},
        )
        .status_code
        for number in range(FREE + 5)
    )

    assert answers == {422: FREE, 429: 5}


def test_new_names_wait_too_and_cost_little(alice, django_assert_max_num_queries):
    cache.set("of-pages", "kept", None)
    answers = Counter(sign_in(f"name-{number}", "wrong") for number in range(login_throttle.IP.free + 100))

    assert answers[422] == login_throttle.IP.free
    assert SignInLimit.objects.count() == 2 * login_throttle.IP.free + 1
    assert cache.get("of-pages") == "kept"
    with django_assert_max_num_queries(1):
        assert sign_in("name-x", "wrong") == 429
    assert sign_in("alice", ip=THERE) == 302


def test_what_is_counted_is_forgotten(alice):
    guess(FREE)
    guess(1, "bob", THERE)
    SignInLimit.objects.update(last_failed_at=timezone.now() - login_throttle.FORGET_AFTER - timedelta(seconds=1))
    guess(1, "bob", THERE)
    assert SignInLimit.objects.filter(failures=1).count() == 3

    prune_sign_in_limits()
    assert SignInLimit.objects.count() == 3


def test_names_are_kept_nowhere(alice):
    guess(1, "my password is hunter2")

    assert "hunter2" not in str(list(SignInLimit.objects.values()))


def test_names_that_exist_and_others_wait_alike(alice):
    assert guess(FREE + 3, "nobody") == guess(FREE + 3, "alice", THERE)


def test_the_admin_and_the_current_password_are_no_bypass(alice):
    alice.is_staff = True
    alice.save()
    guess(FREE)
    fields = {"username": "alice", "password": PASSWORD}
    refused = Client().post("/admin/login/", fields, headers={"X-Forwarded-For": HERE})
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)

    browser = Client()
    browser.force_login(alice)
    change = {"current": PASSWORD, "new": "another long password", "again": "another long password"}
    assert browser.post("/password", change, headers={"X-Forwarded-For": HERE}).status_code == 429
    assert browser.get("/admin/password_change/")["Location"] == "/password"
    let_time_pass(3600)
    assert browser.post("/password", change, headers={"X-Forwarded-For": HERE}).status_code == 302


def at_once(number: int, act: Callable[[int], int]) -> Counter[int]:
    """What so many threads get that begin together, each on a connection of its own."""
    answers: list[int] = []
    start = threading.Barrier(number)

    def run(index: int) -> None:
        start.wait()
        try:
            answers.append(act(index))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(answers)


@pytest.mark.django_db(transaction=True)
def test_a_crowd_at_once_has_no_more_guesses_than_one_after_the_other(alice):
    assert connection.vendor in ("sqlite", "postgresql")
    crowd = FREE + 14

    assert at_once(crowd, lambda index: sign_in("alice", f"guess {index}")) == {422: FREE, 429: crowd - FREE}


@pytest.mark.django_db(transaction=True)
def test_right_passwords_at_once_all_get_in(alice, bob, vera):
    names = ["alice", "bob", "vera"] * 4

    assert at_once(len(names), lambda index: sign_in(names[index])) == {302: len(names)}
    assert set(SignInLimit.objects.values_list("failures", flat=True)) <= {0}


@pytest.mark.django_db(transaction=True)
def test_counts_are_pruned_while_others_guess(alice):
    def guess_or_prune(index: int) -> int:
        if index % 4:
            return sign_in(f"name-{index}", "wrong", f"198.51.100.{index}")
        SignInLimit.objects.update(last_failed_at=timezone.now() - 2 * login_throttle.FORGET_AFTER)
        prune_sign_in_limits()
        return 0

    assert at_once(16, guess_or_prune) == {422: 12, 0: 4}

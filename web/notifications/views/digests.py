"""How often the reader gets a digest by e-mail, and the link in each that ends it."""

from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.actor import Actor
from core import mail
from notifications import digests
from web import rendering
from web.notifications.forms import DigestForm


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def digest(request: HttpRequest) -> HttpResponse:
    form = DigestForm(request.POST or None, initial={"frequency": digests.frequency_of(request.user)})
    if form.is_valid():
        digests.choose(Actor.from_page(request), form.cleaned_data["frequency"])
        return rendering.redirect_with_message(request, "Saved.", "watches")
    message = "" if request.user.email else "Your account has no e-mail address yet: add one on your profile."
    if not mail.is_configured():
        message = "This server sends no e-mail: ask its administrator to set it up."
    return rendering.render_form(request, form, "E-mail digest", message, submit_label="Save", back="watches")


@login_not_required
@never_cache
# Mail programs post to it by themselves, as RFC 8058 says: without a cookie, and without a token of the page. The
# signed link is what lets them, and all that it does is to end one digest.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    context = {"username": digests.subscriber(token).username, "is_done": request.method == "POST"}
    if request.method == "POST":
        digests.unsubscribe(token)
    return rendering.render_page(request, "notifications/unsubscribe.html", context)

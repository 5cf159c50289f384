"""The settings of this browser: theme, times, shortcuts. For visitors too, who read the API reference."""

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from web import display, rendering


class DisplayForm(forms.Form):
    theme = forms.ChoiceField(choices=display.CHOICES["theme"])
    times = forms.ChoiceField(choices=display.CHOICES["times"])
    shortcuts = forms.ChoiceField(
        choices=display.CHOICES["shortcuts"],
        label="Single-key shortcuts",
        help_text="Turn them off if you use speech input, or often press a key by accident.",
    )


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def display_settings(request: HttpRequest) -> HttpResponse:
    """Fields that are not sent stay as they are, so that a menu can change one of them. Leads back to the page
    that it was sent from."""
    current = display.of(request)._asdict()
    form = DisplayForm(current | request.POST.dict() if request.method == "POST" else None, initial=current)
    back = rendering.referring_page(request)
    if form.is_valid():
        response = rendering.redirect_with_message(request, "Display settings saved.", back)
        return display.remember(response, display.Display(**form.cleaned_data))
    return rendering.render_form(request, form, "Display settings", submit_label="Save", back=back)

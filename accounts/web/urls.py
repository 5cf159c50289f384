"""Addresses of the pages about oneself."""

from django.contrib.auth import views as auth
from django.urls import path

urlpatterns = [
    path("login", auth.LoginView.as_view(template_name="accounts/sign_in.html"), name="sign-in"),
    path("logout", auth.LogoutView.as_view(next_page="sign-in"), name="sign-out"),
]

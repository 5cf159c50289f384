"""The URLs that the official `wandb` client asks for."""

from django.urls import path

from wandb_api import views

urlpatterns = [
    path("graphql", views.graphql, name="wandb-graphql"),
    path("ready", views.ready, name="wandb-ready"),
    path("authorize", views.authorize, name="wandb-authorize"),
    path("sdk/otel/v1/<str:kind>", views.telemetry, name="wandb-telemetry"),
]

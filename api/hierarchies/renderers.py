"""Responses whose type follows from what they are, whatever the client accepts. Problems are JSON all the same."""

from rest_framework.renderers import JSONRenderer


class AnyTypeRenderer(JSONRenderer):
    media_type = "*/*"

"""URLs of the registry, which lists collections, and of the forms that link versions into them."""

from django.urls import path

from web.converters import ARTIFACT, VERSION
from web.registry.views import links, registry

urlpatterns = [
    path("registry", registry.registry, name="registry"),
    path("registry/new", registry.collection_new, name="collection-new"),
    path(f"{VERSION}/link", links.link_version, name="version-link"),
    path(f"{ARTIFACT}/link", links.link_into, name="collection-link"),
]

"""URLs of the registry, which lists collections, and of the forms that link versions into them."""

from django.urls import path

from web.converters import ARTIFACT, TEAM, VERSION
from web.registry.views import links, registry

urlpatterns = [
    path("registry", registry.registry, name="registry"),
    path("registry/new", registry.collection_new, name="collection-new"),
    path(f"{TEAM}/registry/model", links.printed_by_client, name="link-printed"),
    path("orgs/<str:organization>/registry/<str:registry>", links.printed_by_client, name="link-printed-in-registry"),
    path(f"{VERSION}/link", links.link_version, name="version-link"),
    path(f"{ARTIFACT}/link", links.link_into, name="collection-link"),
]

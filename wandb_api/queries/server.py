"""What the server is and can do."""

from typing import Any

from graphql import GraphQLResolveInfo

from wandb_api.resolvers import Resolvers

query = Resolvers("Query")

# Each saves requests, or opens a part of what is served. What is not named is off.
FEATURES = (
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_REGISTRY_SEARCH",
    "ARTIFACT_TAGS",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "CLIENT_IDS",
    "FILESTREAM_GZIP",
    "INCLUDE_ARTIFACT_TYPES_IN_REGISTRY_CREATION",
    "LARGE_FILENAMES",
    "MARK_RUN_FILES_UPLOADED",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
)


@query
def server_info(root: Any, info: GraphQLResolveInfo) -> dict[str, Any]:
    return {
        "cli_version_info": {"max_cli_version": "99.0.0", "min_cli_version": "0.8.0"},
        "features": [{"name": name, "is_enabled": True} for name in FEATURES],
        "settings": {"server_messages": []},
    }

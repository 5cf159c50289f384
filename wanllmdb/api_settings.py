"""Settings of Django REST framework and of drf-spectacular, the same for every deployment."""

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # No view is accessible by omission: each sets its own permissions, which a test checks.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "wanLLMDB",
    "DESCRIPTION": "Artifacts, their versions and aliases. Errors are `application/problem+json`.",
    "VERSION": "1",
    "PREPROCESSING_HOOKS": ["api.schema.keep_dollar_signs"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.document_problems",
        "api.schema.document_titles",
    ],
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # The values are listed already, and most of them say what they mean.
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ArtifactKindEnum": "artifacts.models.Artifact.Kind",
        "ArtifactTypeEnum": "artifacts.validators.TYPES",
        "RunStateEnum": "projects.models.State",
        "VersionStateEnum": "artifacts.models.ArtifactVersion.State",
        "ListedVersionStateEnum": ["draft", "finalized"],
        "EventKindEnum": "events.kinds.choices",
        "DeliveryStateEnum": "notifications.models.Delivery.State",
        "ProposalStateEnum": "artifacts.models.AliasProposal.State",
        "DataIndexStateEnum": "hierarchies.models.DataIndex.State",
        "PayloadKindEnum": "hierarchies.models.RecordPayload.Kind",
        "RoleEnum": "accounts.models.Role",
        "RuleRoleEnum": [("editor", "Editor"), ("admin", "Admin")],
    },
}

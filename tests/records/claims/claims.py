"""What the two founding documents promise, a sentence each, and the test that holds us to it.

`STORAGE` is the guide of hierarchical storage, `TYPED` the page of typed examples. A claim is named by where it stands
in its document. The tests are named for the claim: `test_claims_are_tested` compares both.
"""

STORAGE = {
    "Stores models, datasets, results, document versions and other structured data in parent–child trees": (
        "test_trees",
        "test_any_structured_data_is_stored_in_a_tree",
    ),
    "Quick start: a hierarchy is a name and labels of levels": (
        "test_hierarchy",
        "test_a_hierarchy_is_a_name_and_labels",
    ),
    "Quick start: a manager is made of a repository, which is made of a session, and a hierarchy": (
        "test_quick_start",
        "test_a_manager_is_made_of_a_repository_of_a_session",
    ),
    "Quick start: `ArtifactRouter.create(prefix, tags, manager_factory, entity_in_type, entity_out_type)`": (
        "test_quick_start",
        "test_the_router_is_created_as_the_guide_does",
    ),
    "Quick start: the service has a health check and says what it is": (
        "test_quick_start",
        "test_the_service_has_health_and_info",
    ),
    "Quick start: the database is named by `sqlite+aiosqlite:///./data.db`": (
        "test_quick_start",
        "test_the_database_is_named_by_its_url",
    ),
    "Architecture: the tree of an experiment, two models and three predictions has levels 0, 1 and 2": (
        "test_trees",
        "test_the_tree_of_the_architecture",
    ),
    "Benefit: complete lineage": ("test_trees", "test_every_ancestor_of_a_record_is_found"),
    "Benefit: versions are immutable": ("test_trees", "test_a_new_version_changes_no_other"),
    "Benefit: several children for each parent": ("test_trees", "test_a_parent_has_several_children"),
    "Benefit: flexible depth": ("test_trees", "test_hierarchies_are_as_deep_as_they_need"),
    "Labels give each level a meaning": ("test_hierarchy", "test_labels_name_levels"),
    "The name of a hierarchy identifies it": ("test_hierarchy", "test_a_name_is_unique_in_its_project"),
    "Validates parent-child relationships": ("test_hierarchy", "test_a_parent_that_cannot_be_one_is_refused"),
    "Enforces level constraints": ("test_hierarchy", "test_a_level_beyond_the_labels_is_refused"),
    "Artifact: `parent_id` is optional": ("test_fields", "test_a_record_without_a_parent_is_a_root"),
    "Artifact: `id` is a ULID, generated": ("test_fields", "test_the_id_is_a_generated_ulid"),
    "Artifact: `level` is computed from the parent": ("test_fields", "test_the_level_is_computed_from_the_parent"),
    "Artifact: `data` is any JSON": ("test_fields", "test_data_is_any_json"),
    "Artifact: `created_at` and `updated_at`": ("test_fields", "test_times_of_creation_and_update"),
    "ArtifactManager: saves a root, saves a child, builds a tree": (
        "test_trees",
        "test_the_manager_saves_a_root_and_a_child_and_builds_their_tree",
    ),
    "POST creates: 201, with the record": ("test_rest", "test_post_creates"),
    "GET lists: page 1 and size 50 unless asked otherwise": ("test_rest", "test_a_list_has_page_1_and_size_50"),
    "GET lists `items`, `total`, `page`, `size` and `pages`": ("test_rest", "test_a_list_counts_its_pages"),
    "GET by id": ("test_rest", "test_get_by_id"),
    "PUT updates data": ("test_rest", "test_put_updates_data"),
    "DELETE deletes": ("test_rest", "test_delete"),
    "DELETE fails if there are children": ("test_rest", "test_delete_fails_with_children"),
    "POST $tree takes `root_id` and `max_depth`": ("test_rest", "test_tree_takes_a_root_and_a_depth"),
    "The tree nests children in `children`": ("test_rest", "test_a_tree_nests_children"),
    "POST $expand answers all ancestors and descendants": (
        "test_rest",
        "test_expand_answers_all_ancestors_and_descendants",
    ),
    "Pattern: a data frame becomes JSON, and a data frame again": (
        "test_storage_patterns",
        "test_a_data_frame_is_stored_as_json",
    ),
    "Pattern: large binary data is stored elsewhere, and the record points to it": (
        "test_storage_patterns",
        "test_a_record_points_to_a_blob_elsewhere",
    ),
    "Pattern: a model is pickled by hand, as base64": ("test_storage_patterns", "test_a_model_is_pickled_by_hand"),
    "Use case: ML model lineage": ("test_examples", "test_a_use_case_runs[ml_lineage]"),
    "Use case: document versioning": ("test_examples", "test_a_use_case_runs[document_versions]"),
    "Use case: dataset versioning": ("test_examples", "test_a_use_case_runs[dataset_partitions]"),
    "The unit test of the guide": ("test_guide_sample", "test_artifact_hierarchy"),
    "The cURL block of the guide, against the server": ("test_curl_block", "test_the_curl_block_runs[server]"),
    "The cURL block of the guide, against a service": ("test_curl_block", "test_the_curl_block_runs[service]"),
    "Production: SQLite by default, and `du -h data.db` tells its size": (
        "test_production",
        "test_the_size_of_the_database_is_that_of_its_file",
    ),
    'Production: `sqlite3 data.db "SELECT COUNT(*) FROM artifacts;"`': (
        "test_production",
        "test_artifacts_are_counted_with_sqlite3",
    ),
    "Production: retention policies": ("test_production", "test_old_children_are_retired"),
    "Production: old records are archived outside": ("test_production", "test_old_records_are_archived_outside"),
    "Production: growth of what is stored can be watched": ("test_production", "test_growth_can_be_watched"),
    "Production: PostgreSQL for large deployments": ("test_production", "test_postgresql_keeps_a_hierarchy"),
    "Production: `id`, `parent_id`, `level` and `created_at` are indexed": (
        "test_production",
        "test_the_four_columns_are_indexed",
    ),
    "Production: an index of one's own on a member of the data": (
        "test_production",
        "test_a_member_of_the_data_can_be_indexed",
    ),
    "Production: `.backup` of sqlite3, and the copy works": ("test_production", "test_an_online_backup_is_restored"),
    "Complete example: a document versioning service": ("test_examples", "test_the_document_service_answers"),
    "Next steps: records are made in background tasks": (
        "test_production",
        "test_records_are_made_in_background_tasks",
    ),
    "Next steps: creation rates for Prometheus": ("test_production", "test_creation_rates_are_metrics"),
}

TYPED = {
    "01_basic_artifacts.py runs": ("test_examples", "test_an_example_runs[01_basic]"),
    "02_hierarchical_artifacts.py runs": ("test_examples", "test_an_example_runs[02_hierarchical]"),
    "03_generic_artifacts.py runs": ("test_examples", "test_an_example_runs[03_generic]"),
    "Typed schemas are validated": ("test_typed_data", "test_wrong_metadata_is_refused"),
    "Trained models are stored with structured metadata": (
        "test_typed_data",
        "test_a_model_is_stored_with_structured_metadata",
    ),
    "Artifacts are found by id": ("test_queries", "test_find_by_id"),
    "Python objects survive storage": ("test_python_objects", "test_an_object_is_given_back"),
    "Metadata and content are read separately": ("test_typed_data", "test_metadata_and_content_are_read_separately"),
    "Retrieved models predict, in another process too": (
        "test_python_objects",
        "test_a_model_predicts_in_another_process",
    ),
    "Training is on level 0, predictions are on level 1": (
        "test_typed_data",
        "test_training_is_on_level_0_and_predictions_on_level_1",
    ),
    "Trees are navigated": ("test_queries", "test_a_tree_is_navigated"),
    "Generic metadata takes fields of any name": ("test_typed_data", "test_generic_metadata_takes_any_field"),
    "Generic content is any JSON": ("test_typed_data", "test_generic_content_is_any_json"),
    "Records are queried by level": ("test_queries", "test_records_are_queried_by_level"),
    "The metadata of ML has status, config_id, two timestamps and a duration, all required": (
        "test_typed_data",
        "test_ml_metadata_is_required_whole",
    ),
    "Content has a type and a size": ("test_typed_data", "test_content_has_a_type_and_a_size"),
    "A dict with the object is the way to keep the object": (
        "test_python_objects",
        "test_a_dict_with_the_object_keeps_it",
    ),
    "`find_all` finds all": ("test_queries", "test_find_all"),
    "`build_tree` from a root": ("test_queries", "test_build_tree_from_a_root"),
    "Members of members are read with []": ("test_queries", "test_nested_members_are_read"),
    "A pipeline is labelled training, prediction, evaluation": ("test_hierarchy", "test_a_pipeline_of_three_levels"),
    "Database: in memory, with `create_async_engine` and `create_all`": (
        "test_databases",
        "test_an_engine_in_memory_with_create_all",
    ),
    "Database: a file": ("test_databases", "test_a_file_keeps_records"),
    "Database: `postgresql+asyncpg://user:pass@localhost/db`": (
        "test_databases",
        "test_the_url_of_postgresql_is_understood",
    ),
    "Predictions hold a data frame": ("test_typed_data", "test_predictions_hold_a_data_frame"),
    "The content type of generic data is configurable": (
        "test_typed_data",
        "test_the_content_type_of_generic_data_is_configurable",
    ),
    "Use: batch pipelines store trainings and predictions": ("test_uses", "test_a_batch_pipeline"),
    "Use: notebooks, in whose event loop the library works": ("test_uses", "test_a_notebook_with_a_running_loop"),
    "Use: command-line management": ("test_uses", "test_the_command_line"),
    "Use: tests of workflows, each with a database of its own": ("test_uses", "test_two_tests_share_nothing"),
    "Use: bulk import and export": ("test_uses", "test_bulk_export_and_import"),
    "Use: extract, transform, load": ("test_uses", "test_extract_transform_load"),
    "Use: experiment tracking": ("test_uses", "test_experiments_are_compared"),
    "Use: version control of documents and code": ("test_uses", "test_versions_of_code"),
}

"""What people from outside, and parts that fail, may not do to the server. By the kind, the tests that try it:

- a listener that asks nobody who speaks: `test_inner_ports`, `e2e/test_make_stack`
- a thread that waits for a client: `test_slow_clients`, `test_slow_readers`, `test_large_bodies`, `e2e/test_front`
- bytes that are called verified and are others: `test_signed_urls`, `sdk/live/test_unchecking_store`
- a protected name that comes to mean something else: `test_names`, `artifacts/test_former_names`
- a part that hangs, is busy or full: `test_hanging_parts`, `test_busy_database`, `test_sqlite_lock`,
  `core/test_postgres_locks`, `core/test_postgres_timeout`
- a process that is killed: `test_process_deaths`, `e2e/test_process_kills`, `e2e/test_make_run`
- a slow receiver of others in the way of what we promise: `notifications/test_slow_hosts`
- what was deleted and is not freed: `artifacts/content/test_deletions`, `…/test_reconciliation`
- guessing, from one address or many: `test_guessing`, `core/test_client_ip`, `core/test_throttle`
- a page that names what is private: `test_page_contents`, `web/test_permission_matrix`
- a file that is made to hurt its preview: `test_hostile_files`
- much of one thing: `test_long_lists`, `test_numbers_of_children`, `api/test_request_limits`
- what is told to others, kept by a browser or written to the log: `core/test_log_filters`, `e2e/test_make_run`,
  `web/test_team_pages`, `notifications/test_secrets_at_rest`, `artifacts/test_health`
"""

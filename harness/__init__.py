"""What tests and benchmarks run on: real servers, and the users of a running stack."""

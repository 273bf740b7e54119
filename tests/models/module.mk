# The kernel's algorithms as models, for spin.
TESTS += tests/models/run.sh
TESTS_BESIDE += tests/models/run.sh
.PHONY: record-models
record-models:
	tests/models/run.sh --record

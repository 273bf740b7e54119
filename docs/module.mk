# The ABI reference is generated; a test keeps it up to date.
TESTS += tests/docs/abi.sh
.PHONY: docs
docs:
	docs/abi.py

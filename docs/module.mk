# The ABI reference is generated; a test keeps it up to date. Another follows the links of all documents.
TESTS += tests/docs/abi.sh tests/docs/links.py
.PHONY: docs
docs:
	docs/abi.py

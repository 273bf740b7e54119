# The tests are tested: one small change of the code under test after another, each of which some test has to notice.
.PHONY: mutation-ready-verifier record-mutation-verifier
# Says what tests/mutation/suites.py needs to know of the build.
mutation-ready-verifier: $$(VERIFIER_CORPUS_FILES)
	@printf '%s\n' 'CC=$(CC)' 'HOST_CFLAGS=$(HOST_CFLAGS)' 'TRUSTED_CFLAGS=$(TRUSTED_CFLAGS)' 'SANITIZE=$(SANITIZE)'
record-mutation-verifier: mutation-ready-verifier
	tests/mutation/mutate.py verifier --record
TESTS += tests/mutation/sample.sh
tests/mutation/sample.sh: mutation-ready-verifier
TESTS_BESIDE += tests/mutation/sample.sh

.PHONY: mutation-ready-kernel record-mutation-kernel
mutation-ready-kernel: $$(VERIFIER_TABLE)
	@printf '%s\n' 'CC=$(CC)' 'HOST_CFLAGS=$(HOST_CFLAGS)' 'TRUSTED_CFLAGS=$(TRUSTED_CFLAGS)' 'SANITIZE=$(SANITIZE)'
record-mutation-kernel: mutation-ready-kernel
	tests/mutation/mutate.py kernel --record
TESTS += tests/mutation/sample-kernel.sh
tests/mutation/sample-kernel.sh: mutation-ready-kernel
TESTS_BESIDE += tests/mutation/sample-kernel.sh

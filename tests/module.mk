TESTS += tests/run-test.sh

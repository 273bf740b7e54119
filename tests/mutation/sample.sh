#!/bin/bash
# A fixed sample of the mutants of the verifier: each is noticed by a test. All of them: make record-mutation-verifier.
# timeout: 300
exec tests/mutation/mutate.py verifier --sample 40 --seed 5 -j 1 --quick --tap

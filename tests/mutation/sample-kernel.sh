#!/bin/bash
# A fixed sample of the mutants of the kernel's checks: each is noticed by a test. All of them: make record-mutation-kernel.
# timeout: 300
exec tests/mutation/mutate.py kernel --sample 40 --seed 7 -j 1 --quick --tap

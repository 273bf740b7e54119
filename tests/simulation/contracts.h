/* The contracts of the simulated programs. */
#ifndef TESTS_SIMULATION_CONTRACTS_H
#define TESTS_SIMULATION_CONTRACTS_H

#include "simulation.h"
#include "tests/kernel/support.h"

#define CONTRACT_BYTES 1024

/* One of them, with queues of some length. -> its length. */
size_t contract_write(struct random *random, uint8_t *bytes);

#endif

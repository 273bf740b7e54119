/* What the files of port/sim share among themselves. */
#ifndef PORT_SIM_INSIDE_H
#define PORT_SIM_INSIDE_H

#include "port/sim/sim.h"

#define RULE(condition) ((condition) ? (void)0 : port_panic(__FILE__, __LINE__, #condition))

/* The kernel is without the lock here and will take it again: others may act. */
void sim_point(void);
/* Something of memory is asked for: is there any? */
bool sim_have_memory(void);

#endif

/* Drawing with graphviz. Used by contractc and by `signet graph`; draw.c. */
#ifndef CONTRACTC_DRAW_H
#define CONTRACTC_DRAW_H

#include <stdbool.h>
#include <stdio.h>

/* Runs dot as a child: what has been written to `diagram` (a file that can be rewound) becomes SVG in `out`. False:
 * errno says why; `program` is named where dot is missing. */
bool draw_svg(FILE *diagram, FILE *out, const char *program);

#endif

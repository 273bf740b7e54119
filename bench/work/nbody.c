/* Planets pulling at each other: doubles, division and square roots in a short dependent loop. */
#include <math.h>
#include <string.h>

#include "measure.h"

#define BODIES 5

struct body {
  double x, y, z, vx, vy, vz, mass;
};

static struct body bodies[BODIES];

static void advance(double step) {
  for (int i = 0; i < BODIES; i++)
    for (int j = i + 1; j < BODIES; j++) {
      struct body *p = &bodies[i], *q = &bodies[j];
      double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
      double square = dx * dx + dy * dy + dz * dz;
      double pull = step / (square * sqrt(square));
      p->vx -= dx * q->mass * pull, p->vy -= dy * q->mass * pull, p->vz -= dz * q->mass * pull;
      q->vx += dx * p->mass * pull, q->vy += dy * p->mass * pull, q->vz += dz * p->mass * pull;
    }
  for (int i = 0; i < BODIES; i++) {
    bodies[i].x += step * bodies[i].vx;
    bodies[i].y += step * bodies[i].vy;
    bodies[i].z += step * bodies[i].vz;
  }
}

static uint64_t work(void) {
  bodies[0].mass = 40;
  for (int i = 1; i < BODIES; i++) {
    double distance = 4 + 5 * i;
    bodies[i] = (struct body){.x = distance, .y = i, .z = 0.25 * i, .vy = sqrt(40 / distance), .mass = 0.01 * i};
  }
  for (int i = 0; i < 10000000; i++)
    advance(0.001);
  double sum = 0;
  for (int i = 0; i < BODIES; i++)
    sum += bodies[i].x + 2 * bodies[i].y + 3 * bodies[i].z;
  uint64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  return bits;
}

int main(void) { return measure(work, UINT64_C(0x407f09605f7be627)); }

/* Owns the options of the kernel's command line. Read once while booting, on the first processor. */
#include "port/pc/pc.h"

#define TICK_DEFAULT 4000000
#define TICK_LEAST 500
#define TICK_MOST 4000000
#define WORD_MOST 64

struct pc_options pc_options = {.tick = TICK_DEFAULT};

/* Words that machine monitors add for the devices that they made; nothing here drives those yet. */
static const char *const passed_over[] = {"virtio_mmio.device="};

static bool starts_with(const char *word, const char *with) {
  while (*with)
    if (*word++ != *with++)
      return false;
  return true;
}

static bool equal(const char *word, const char *other) { return starts_with(word, other) && starts_with(other, word); }

static uint32_t number(const char *word, const char *digits, uint32_t least, uint32_t most) {
  uint64_t value = 0;
  const char *at = digits;
  for (; *at >= '0' && *at <= '9' && value <= UINT32_MAX; at++)
    value = value * 10 + (uint64_t)(*at - '0');
  if (*at || at == digits || value < least || value > most)
    pc_refuse("the command line says '%s': a number from %u to %u belongs there", word, least, most);
  return (uint32_t)value;
}

static void option(const char *word) {
  for (unsigned i = 0; i < sizeof passed_over / sizeof *passed_over; i++)
    if (starts_with(word, passed_over[i]))
      return;
  if (starts_with(word, "cpus="))
    pc_options.cpus = number(word, word + 5, 1, PORT_CPUS_MOST);
  else if (starts_with(word, "tick="))
    pc_options.tick = number(word, word + 5, TICK_LEAST, TICK_MOST);
  else if (equal(word, "check"))
    pc_options.check = true;
  else if (equal(word, "figures"))
    pc_options.figures = true;
  else
    pc_refuse("the command line says '%s', which is none of: cpus=N tick=NANOSECONDS check figures", word);
}

void pc_command_line(const char *text) {
  while (*text) {
    char word[WORD_MOST + 1];
    unsigned length = 0;
    while (*text == ' ')
      text++;
    for (; *text && *text != ' '; text++) {
      if (length < WORD_MOST)
        word[length++] = *text;
    }
    word[length] = 0;
    if (length)
      option(word);
  }
}

/* What the native web server has not: an extension, and a system around it to observe. */
#include "apps/web/transport.h"

enum extension_state extension_state(void) { return EXTENSION_NONE; }

bool extension_ask(const struct extension_question *question) {
  (void)question;
  return false;
}

bool observation_begin(void) { return false; }

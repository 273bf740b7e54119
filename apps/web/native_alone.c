/* What the native web server has not: an extension, and a system around it to observe. */
#include "apps/web/transport.h"

enum extension_presence extension_presence(void) { return EXTENSION_IS_ABSENT; }

bool extension_ask(const struct extension_question *question) {
  (void)question;
  return false;
}

bool observation_begin(void) { return false; }

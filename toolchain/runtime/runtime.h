/* What gcc calls where x86-64 has no instruction: the functions of the compiler's run-time library, written from their
 * description in the compiler's manual. Linked into sealed programs; callable from anywhere, without locks. */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include <stdint.h>

typedef __int128 int128;
typedef unsigned __int128 uint128;

uint128 __udivmodti4(uint128 dividend, uint128 divisor, uint128 *remainder);

#endif

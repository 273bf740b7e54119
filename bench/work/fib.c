/* Fibonacci numbers by plain recursion: calls and returns, and nothing else. */
#include "measure.h"

__attribute__((noinline)) static uint64_t fib(uint64_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static uint64_t work(void) { return fib(43); }

int main(void) { return measure(work, UINT64_C(0x0000000019d699a5)); }

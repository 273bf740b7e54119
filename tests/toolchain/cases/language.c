/* C11 as programs use it: each part prints what it computed, and the native build of the same file is the reference. */
#include <alloca.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))

/* ---- variable arguments ---- */
KEEP static double sum(const char *kinds, ...) {
  va_list list, copy;
  va_start(list, kinds);
  va_copy(copy, list);
  double total = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (const char *kind = kinds; *kind; kind++) {
      if (pass == 0)
        total += *kind == 'd'   ? va_arg(list, double)
                 : *kind == 'L' ? (double)va_arg(list, long double)
                 : *kind == 'l' ? (double)va_arg(list, long)
                                : va_arg(list, int);
      else
        total -= *kind == 'd'   ? va_arg(copy, double) / 2
                 : *kind == 'L' ? (double)va_arg(copy, long double) / 2
                 : *kind == 'l' ? (double)va_arg(copy, long) / 2
                                : va_arg(copy, int) / 2.0;
    }
  }
  va_end(copy);
  va_end(list);
  return total;
}

/* ---- memory on the stack ---- */
KEEP static unsigned variable_length(int n) {
  int grid[n][n + 1];
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= n; j++)
      grid[i][j] = i * 31 + j;
  unsigned total = (unsigned)(sizeof grid / sizeof(int));
  for (int i = 0; i < n; i++)
    total += (unsigned)grid[i][n - i];
  return total;
}
KEEP static int allocated(int n) {
  char *parts[20];
  for (int i = 0; i < 20; i++) {
    parts[i] = alloca((size_t)(n + i));
    memset(parts[i], 'a' + i, (size_t)(n + i));
  }
  int total = 0;
  for (int i = 0; i < 20; i++)
    total += parts[i][n + i - 1] * (i + 1);
  return total;
}
KEEP static long large_frame(int depth) {
  volatile char space[300000];
  space[0] = (char)depth;
  space[sizeof space - 1] = (char)(depth * 3);
  space[150000] = 7;
  long below = depth ? large_frame(depth - 1) : 0;
  return below + space[0] + space[sizeof space - 1] + space[150000];
}
KEEP static unsigned deep(unsigned n, unsigned *sink) {
  unsigned here = n * 2654435761u;
  *sink ^= here;
  return n ? deep(n - 1, &here) + (here & 3) : here & 1;
}
KEEP static int aligned_frame(int n) {
  _Alignas(64) char space[n > 0 ? 128 : 64];
  memset(space, n, sizeof space);
  return (int)((uintptr_t)space % 64) + space[17];
}

/* ---- jumps ---- */
static jmp_buf buffer;
static int volatile steps;
KEEP static void unwind(int depth) {
  char space[100];
  memset(space, depth, sizeof space);
  if (depth == 0)
    longjmp(buffer, 42);
  unwind(depth - 1);
  steps += space[3];
}
static int jumps(void) {
  int volatile local = 5;
  int value = setjmp(buffer);
  if (value == 0) {
    local = 6;
    unwind(30);
  }
  sigjmp_buf other;
  int second = sigsetjmp(other, 1);
  if (second < 3)
    siglongjmp(other, second + 1);
  int third = setjmp(buffer);
  if (third == 0)
    longjmp(buffer, 0);
  return value * 1000 + local * 100 + second * 10 + third + steps;
}
static int interpret(const unsigned char *code) {
  static const void *const labels[] = {&&end, &&increment, &&twice, &&decrement, &&again};
  int value = 1, loops = 0;
  const unsigned char *start = code;
  goto *labels[*code++];
increment:
  value++;
  goto *labels[*code++];
twice:
  value *= 2;
  goto *labels[*code++];
decrement:
  value -= 3;
  goto *labels[*code++];
again:
  if (++loops < 5)
    code = start;
  goto *labels[*code++];
end:
  return value;
}
KEEP static int chosen(int x) {
  switch (x) {
  case 0:
    return 12;
  case 1:
    return x + 77;
  case 2:
    printf("two ");
    return 3;
  case 3:
    return 1234;
  case 4:
    x += 9; /* fallthrough */
  case 5:
    return x * 5;
  case 6:
    return -1;
  case 7:
    return 1 << x;
  case 100 ... 110:
    return x / 10;
  case -5:
    return 55;
  default:
    return 0;
  }
}

/* ---- structures ---- */
struct small {
  char a;
  short b;
};
struct pair {
  double x;
  long y;
};
struct large {
  int v[20];
};
struct bits {
  unsigned a : 3;
  signed b : 5;
  unsigned long c : 40;
  unsigned : 0;
  unsigned d : 1;
  _Bool e : 1;
};
union pun {
  double d;
  uint64_t u;
  float f[2];
};
KEEP static struct small pass_small(struct small s) { return (struct small){(char)(s.a + 1), (short)(s.b * 2)}; }
KEEP static struct pair pass_pair(struct pair p, struct pair q) { return (struct pair){p.x * q.x, p.y - q.y}; }
KEEP static struct large pass_large(struct large l, int n) {
  for (int i = 0; i < 20; i++)
    l.v[i] = l.v[i] * n + i;
  return l;
}
KEEP static struct bits pass_bits(struct bits b) {
  b.a += 3, b.b -= 7, b.c *= 3, b.d ^= 1, b.e = !b.e;
  return b;
}

/* ---- functions by address ---- */
typedef int operation(int, int);
KEEP static int add(int a, int b) { return a + b; }
KEEP static int subtract(int a, int b) { return a - b; }
static int (*const table[])(int, int) = {add, subtract, add};
KEEP static operation *pick(int i) { return table[i % 3]; }
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
__attribute__((weak)) int not_defined(int);
__attribute__((weak)) int weak_defined(int x) { return x + 5; }
static int many(int a, int b, int c, int d, int e, int f, int g, int h, int i, double j, float k) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + (int)(j * 10) + (int)(k * 11);
}
static int (*volatile many_pointer)(int, int, int, int, int, int, int, int, int, double, float) = many;
static int order[3], orders;
__attribute__((constructor(200))) static void first(void) { order[orders++] = 1; }
__attribute__((constructor(300))) static void second(void) { order[orders++] = 2; }
__attribute__((destructor)) static void last(void) { printf("destructor\n"); }
static void at_exit(void) { printf("at exit\n"); }

/* ---- objects ---- */
static _Thread_local int thread_zero;
_Thread_local long thread_set = 77;
static _Thread_local char thread_text[40] = "thread";
_Thread_local int thread_table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
KEEP static long thread_locals(int i) {
  thread_zero += i;
  thread_set ^= thread_zero;
  thread_text[i]++;
  thread_table[i & 7] += thread_table[(i + 3) & 7];
  int *at = &thread_table[i & 3];
  *at += 100;
  return thread_zero + thread_set + thread_text[i] + thread_table[i & 7];
}
_Static_assert(sizeof(struct bits) >= 8, "layout");
#define KIND(x) _Generic((x), int : "int", double : "double", char * : "text", default : "other")

int main(int argc, char **argv) {
  (void)argv;
  atexit(at_exit);
  printf("varargs %.3f %.3f\n", sum("idlLdi", 3, 2.5, 1L << 40, 1.25L, -7.75, 9),
         sum("iiiiiiiiiidddddddddd", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1., 2., 3., 4., 5., 6., 7., 8., 9., 10.));
  printf("vla %u alloca %d\n", variable_length(17 + argc), allocated(30 * argc));
  printf("large frames %ld\n", large_frame(5));
  unsigned sink = 0;
  unsigned value = deep(100000, &sink);
  printf("deep %u %u\n", value, sink);
  printf("aligned %d\n", aligned_frame(argc));
  printf("jumps %d\n", jumps());
  printf("goto %d\n", interpret((const unsigned char[]){1, 2, 1, 3, 2, 4, 0}));
  for (int i = -6; i < 112; i += 1 + (i > 8) * 7)
    printf("%d ", chosen(i));
  printf("\n");
  struct small s = pass_small((struct small){5, -300});
  struct pair p = pass_pair((struct pair){1.5, 10}, (struct pair){-4, 1L << 50});
  struct large l = {{1, 2, 3}};
  l = pass_large(l, 7);
  struct bits b = pass_bits((struct bits){6, -9, 0xabcdef1234, 1, 1});
  printf("struct %d %d %g %ld %d %d bits %u %d %llu %u %d\n", s.a, s.b, p.x, p.y, l.v[2], l.v[19], b.a, b.b,
         (unsigned long long)b.c, b.d, b.e);
  union pun pun = {.d = -0.1};
  printf("union %llx %a\n", (unsigned long long)pun.u, (double)pun.f[1]);
  printf("pointers %d %d %d\n", pick(argc)(3, 4), pick(argc + 1)(3, 4), pick(0) == add);
  printf("weak %d %d\n", not_defined ? not_defined(3) : -1, weak_defined(4));
  printf("many %d\n", many_pointer(1, 2, 3, 4, 5, 6, 7, 8, 9, 1.5, 2.5f));
  int numbers[500];
  for (int i = 0; i < 500; i++)
    numbers[i] = (i * 7919) % 1009;
  qsort(numbers, 500, sizeof *numbers, compare);
  int key = 500, *found = bsearch(&key, numbers, 500, sizeof *numbers, compare);
  printf("qsort %d %d %d %d\n", numbers[0], numbers[250], numbers[499], found ? *found : -1);
  long total = 0;
  for (int i = 0; i < 10; i++)
    total = total * 3 + thread_locals(i);
  printf("threads %ld %s %d\n", total, thread_text, thread_table[2]);
  printf("constructors %d %d\n", order[0], order[1]);
  printf("generic %s %s %s %s\n", KIND(1), KIND(1.0), KIND((char *)0), KIND(1L));
  char text[64];
  snprintf(text, sizeof text, "%-10s|%5d|%08.3f|%lx", "left", -42, 3.14159, 0xdeadbeefUL);
  printf("%s %zu\n", text, strlen(text));
  char *volatile low = text + 10;
  printf("negative index %c %c %d\n", low[-3], *(low - argc), (int)(low - text));
  ptrdiff_t back = -5;
  printf("wrapped %c %c\n", low[back], (&text[63])[-60 + argc]);
  return 3;
}

/* Inline assembly as found in programs: prefixes on their own, numeric labels, string instructions, sections, several
 * statements a line, and the atomic operations of C11. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEEP __attribute__((noinline, noclone))

KEEP static int add_locked(int *word, int value) {
  __asm__ volatile("lock ; xaddl %0, %1" : "+r"(value), "+m"(*word) : : "memory");
  return value;
}
KEEP static int swap(int *word, int value) {
  __asm__ volatile("lock; cmpxchgl %2,%1" : "+a"(value), "+m"(*word) : "r"(77) : "memory");
  return value;
}
KEEP static void fill(void *to, int byte, size_t count) {
  __asm__ volatile("cld; rep; stosb" : "+D"(to), "+c"(count) : "a"(byte) : "memory");
}
KEEP static const char *copy(char *to, const char *from, size_t words) {
  __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
  return from;
}
KEEP static size_t length(const char *text) {
  size_t count = (size_t)-1;
  const char *at = text;
  __asm__ volatile("repne scasb" : "+D"(at), "+c"(count) : "a"(0) : "memory", "cc");
  return ~count - 1;
}
KEEP static int same(const char *a, const char *b, size_t count) {
  unsigned char equal;
  __asm__ volatile("cmp %1,%1; repe cmpsb; sete %0" : "=qm"(equal), "+c"(count), "+S"(a), "+D"(b) : : "memory", "cc");
  return equal;
}
KEEP static uint32_t sum(const uint32_t *at, size_t count) {
  uint32_t total = 0, word;
  __asm__ volatile("1: lodsl\n\taddl %%eax,%0\n\tloop 1b"
                   : "+r"(total), "+S"(at), "+c"(count), "=a"(word)
                   :
                   : "memory", "cc");
  return total;
}
/* Adds numbers of many words: the carry lives through the loop. */
KEEP static unsigned add_long(uint64_t *a, const uint64_t *b, size_t count) {
  unsigned char carry;
  uint64_t word;
  __asm__ volatile("clc\n"
                   "1:\tmovq (%[b]),%[word]\n"
                   "\tadcq %[word],(%[a])\n"
                   "\tleaq 8(%[a]),%[a]\n"
                   "\tleaq 8(%[b]),%[b]\n"
                   "\tloop 1b\n"
                   "\tsetc %[carry]\n"
                   : [a] "+r"(a), [b] "+r"(b), [carry] "=q"(carry), [word] "=&r"(word), "+c"(count)
                   :
                   : "memory", "cc");
  return carry;
}
KEEP static int labels(int n) {
  int result = 0;
  __asm__ volatile("jmp 2f\n"
                   "1: addl $5,%0 # a comment; with a semicolon\n"
                   "   decl %1 /* another */ ; jnz 1b\n"
                   "   jmp 3f\n"
                   "2: testl %1,%1\n"
                   "   jg 1b\n"
                   "3:\n"
                   : "+r"(result), "+r"(n)
                   :
                   : "cc");
  return result;
}
KEEP static int jump_out(int x) {
  __asm__ goto("cmpl $10,%0; jg %l[large]; jecxz 1f; 1:" : : "r"(x) : "cc" : large);
  return 1;
large:
  return 2;
}
extern const int in_section[];
extern const char in_section_end[];
__asm__(".pushsection .rodata.test,\"a\"\n.p2align 2\nin_section: .long 1f-in_section, 3, 4\n1:in_section_end:.byte "
        "0\n.popsection");
int from_top_level(int);
__asm__(".text\n.globl from_top_level\n.type from_top_level,@function\nfrom_top_level:\n"
        "\tleal (%rdi,%rdi,2),%eax\n\tcall 5f; jmp 6f\n5: incl %eax\n\tretq\n6: ret\n.size "
        "from_top_level,.-from_top_level\n");
KEEP static uintptr_t stack(void) {
  uintptr_t value, again;
  __asm__ volatile("mov %%rsp,%0; pushq %%rsp; popq %1" : "=r"(value), "=r"(again));
  return value - again;
}
KEEP static long stack_use(long x) {
  long result;
  __asm__ volatile(
      "lea -128(%%rsp),%%rsp\n\tpushq %1\n\tpushq $7\n\tpopq %0\n\taddq (%%rsp),%0\n\taddq $8,%%rsp\n\tsubq "
      "$32,%%rsp\n\tmovq %0,8(%%rsp)\n\tincq 8(%%rsp)\n\tmovq 8(%%rsp),%0\n\taddq $32,%%rsp\n\tlea 128(%%rsp),%%rsp"
      : "=&r"(result)
      : "r"(x)
      : "memory", "cc");
  return result;
}
KEEP static int indirect(int (*function)(int), int x) {
  int result;
  __asm__ volatile("call *%1"
                   : "=a"(result)
                   : "r"(function), "D"(x)
                   : "rcx", "rdx", "rsi", "r8", "r9", "r10", "memory", "cc");
  return result;
}
static const unsigned char table[256] = {[7] = 99, [200] = 42};
KEEP static int translate(int x) {
  __asm__ volatile("movl %0,%%eax; lea %1,%%rbx; movzbl %%al,%%eax; movzbl (%%rbx,%%rax),%%eax; movl %%eax,%0"
                   : "+r"(x)
                   : "m"(table)
                   : "rax", "rbx");
  return x;
}

static _Atomic int counter;
static _Atomic uint64_t wide;
static atomic_flag flag = ATOMIC_FLAG_INIT;
struct sixteen {
  uint64_t a, b;
} __attribute__((aligned(16)));
static _Atomic struct sixteen both;
static _Atomic(unsigned __int128) number;
struct odd {
  char bytes[23];
};
static _Atomic struct odd strange;

int main(void) {
  int word = 5;
  printf("xadd %d %d\n", add_locked(&word, 3), word);
  printf("cmpxchg %d %d\n", swap(&word, 8), word);
  char buffer[100] = "", other[100] = "";
  fill(buffer, 'x', 50);
  copy(other, buffer, 5);
  printf("%s %s\n", buffer, other);
  printf("scas %zu %zu %zu\n", length(buffer), length(other), length(""));
  printf("cmps %d %d %d\n", same(buffer, other, 40), same(buffer, other, 41), same("abcd", "abxd", 2));
  printf("lods %u\n", sum((const uint32_t[]){1, 20, 300, 4000}, 4));
  uint64_t a[3] = {UINT64_MAX, UINT64_MAX, 5}, b[3] = {1, 0, UINT64_MAX};
  unsigned carry = add_long(a, b, 3);
  printf("adc %llu %llu %llu %u\n", (unsigned long long)a[0], (unsigned long long)a[1], (unsigned long long)a[2],
         carry);
  printf("labels %d %d %d\n", labels(7), labels(0), labels(1));
  printf("goto %d %d\n", jump_out(3), jump_out(30));
  printf("section %d %d\n", in_section[0], in_section[2]);
  printf("top level %d\n", from_top_level(14));
  printf("stack %d %ld\n", (int)stack(), stack_use(35));
  printf("indirect %d\n", indirect(from_top_level, 5));
  printf("table %d %d\n", translate(7), translate(200));
  unsigned eax = 0, ebx, ecx, edx;
  __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  char vendor[13] = "";
  memcpy(vendor, &ebx, 4), memcpy(vendor + 4, &edx, 4), memcpy(vendor + 8, &ecx, 4);
  printf("cpuid %s\n", vendor);
  __asm__ volatile("rep; nop; nop; nopl 0(%rax); nopw 512(%rax,%rax,1); pause; mfence; lfence; sfence");

  atomic_store(&counter, 10);
  printf("atomic %d %d %d %d\n", atomic_fetch_add(&counter, 5), atomic_fetch_sub(&counter, 1),
         atomic_exchange(&counter, 99), atomic_load(&counter));
  int expected = 98;
  printf("compare %d", atomic_compare_exchange_strong(&counter, &expected, 1));
  printf(" %d %d\n", expected, atomic_compare_exchange_strong(&counter, &expected, 1));
  atomic_fetch_or(&wide, 0xf0f0f0f0f0u), atomic_fetch_and(&wide, ~0xffu), atomic_fetch_xor(&wide, 1);
  printf("wide %llx %d %d\n", (unsigned long long)atomic_load(&wide), atomic_flag_test_and_set(&flag),
         atomic_flag_test_and_set(&flag));
  atomic_store(&both, ((struct sixteen){1, 2}));
  struct sixteen want = {1, 2}, now;
  printf("sixteen %d ", atomic_compare_exchange_strong(&both, &want, ((struct sixteen){3, 4})));
  now = atomic_load(&both);
  printf("%llu %llu ", (unsigned long long)now.a, (unsigned long long)now.b);
  now = atomic_exchange(&both, ((struct sixteen){5, 6}));
  printf("%llu\n", (unsigned long long)now.b);
  atomic_fetch_add(&number, (unsigned __int128)1 << 100);
  printf("number %llx\n", (unsigned long long)(atomic_load(&number) >> 64));
  atomic_store(&strange, ((struct odd){"odd sized"}));
  printf("odd %s\n", atomic_load(&strange).bytes);
  return 0;
}

#!/bin/bash
# signet-cc behaves as a cc does: the options that builds use, partial links, archives, -flto, a configure script, debugging; and says
# no, with a reason, to what no image can be. Hostile code does not survive a link.
# timeout: 300
set -u
cd "$(dirname "$0")/../.."
cc=$PWD/build/bin/signet-cc
run=${SIGNET_RUN:-$PWD/build/bin/signet run}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
count=0 failed=0
result() { # STATUS NAME
  count=$((count + 1))
  if [ "$1" = 0 ]; then echo "ok $count - $2"; else
    failed=$((failed + 1))
    head -n 10 log 2>/dev/null | sed 's/^/# /'
    echo "not ok $count - $2"
  fi
}
passes() { # NAME COMMAND…
  local name=$1
  shift
  "$@" >log 2>&1 </dev/null
  result $? "$name"
}
refused() { # NAME TEXT COMMAND…: fails, and says TEXT
  local name=$1 text=$2
  shift 2
  if "$@" >log 2>&1 </dev/null; then result 1 "$name"; else grep -qF -- "$text" log; result $? "$name"; fi
}

cat >main.c <<'END'
#include <stdio.h>
int helper(int);
int main(void) {
  printf("%d\n", helper(20));
  return helper(0) - 1;
}
END
cat >helper.c <<'END'
int helper(int x) { return x * 2 + 1; }
END
says() { [ "$($run ./a.out 2>>log)" = "$1" ]; }

passes "compile and link at once" $cc main.c helper.c
passes "it runs" says 41
passes "-c" $cc -O2 -c main.c helper.c
passes "link objects" eval "rm -f a.out && $cc main.o helper.o && says 41"
passes "archive, -L and -l" eval "rm -f a.out && ar rcs libhelper.a helper.o && $cc main.o -L. -lhelper && says 41"
passes "partial link" eval "rm -f a.out && $cc -r -o both.o main.o helper.o && $cc both.o && says 41"
passes "-S makes assembly that compiles" eval "rm -f a.out && $cc -O1 -S main.c helper.c && $cc main.s helper.s && says 41"
passes "-E" eval "$cc -E main.c | grep -q printf"
passes "-MMD -MP" eval "$cc -MMD -MP -c main.c && grep -q main.c main.d"
passes "-flto" eval "rm -f a.out && $cc -flto -O2 -c main.c && $cc -flto -O2 -c helper.c && $cc -flto -O2 main.o helper.o && says 41"
passes "-pipe" eval "rm -f a.out && $cc -pipe -O2 main.c helper.c && says 41"
passes "-fPIC, -pie and -static are harmless" eval "rm -f a.out && $cc -fPIC -pie -static main.c helper.c && says 41"
cat >elsewhere.c <<'C'
#include <stdio.h>
__attribute__((section("elsewhere"), noinline)) int f(int n) { return n < 2 ? n : f(n - 1) + 1; }
__attribute__((section(".code.of.mine"), noinline)) int g(int n) { return f(n) * 2 - 1; }
int main(void) { printf("%d\n", g(21)); return 0; }
C
passes "code in sections of any name" eval "rm -f a.out && $cc elsewhere.c && says 41"
{
  printf ' .globl f\nf: movl $40,%%eax\n .text 1\ng: addl $1,%%eax\n ret\n .subsection 0\n movl $1,%%ecx\n .pushsection .text,1\n nop\n .popsection\n .text\n'
  yes ' movl $2,%ecx' | head -30
  printf ' jmp g\n'
} >parts.s
printf '#include <stdio.h>\nint f(void);\nint main(void) { printf("%%d\\n", f()); return 0; }\n' >parts.c
passes "parts of a section, and back again" eval "rm -f a.out && $cc parts.c parts.s && says 41"
passes "--gc-sections" eval "rm -f a.out && $cc -ffunction-sections -Wl,--gc-sections main.c helper.c && says 41"
passes "-Wl,-Map" eval "$cc -Wl,-Map=map main.c helper.c && grep -q helper map"
passes "-dumpmachine" eval "$cc -dumpmachine | grep -q x86_64"
passes "--version" eval "$cc --version | grep -q gcc"
passes "-print-search-dirs" $cc -print-search-dirs
passes "-v" $cc -v
passes "input from a pipe" eval "echo 'int main(void){return 0;}' | $cc -x c - && $run ./a.out"
passes "assembly with the preprocessor" eval "printf '#define N 7\n.globl helper\nhelper: mov \$N,%%eax; ret\n' >n.S && $cc main.c n.S; \$run ./a.out | grep -q 7"
passes "pthread and m are there to link" $cc main.c helper.c -pthread -lm -lpthread -ldl -lrt
passes "headers of the kernel" eval "printf '#include <linux/types.h>\n#include <asm/ioctls.h>\nint x = TCGETS;\n' >linux.c && $cc -c linux.c"
passes "it defines __signet__" eval "printf '#ifndef __signet__\n#error\n#endif\n' >d.c && $cc -c d.c"
passes "it works from another directory, through a link" eval "mkdir -p d && cd d && ln -sf $cc cc && ./cc ../main.c ../helper.c && cd .. && mv d/a.out . && says 41"
passes "an image is an ordinary ELF file" eval "readelf -lW a.out | grep -q 'LOAD.*0x0*20000 .*R E 0x1000'"
passes "nothing is writable and executable" eval "! readelf -lW a.out | grep -q RWE"

$cc -g -O1 main.c helper.c >log 2>&1
if command -v gdb >/dev/null; then
  passes "gdb shows source lines" eval "gdb -nx -batch -ex 'info line main' -ex 'info line helper' a.out >log 2>&1; grep -q 'Line 3 of \"main.c\"' log && grep -q 'Line 1 of \"helper.c\"' log"
  passes "gdb shows lines of assembly files" eval "printf '.globl f\n\nf:\n nop\n ret\n.globl main\nmain: call f\n ret\n' >l.s && $cc -g l.s && gdb -nx -batch -ex 'info line f' a.out | grep -q 'Line 4 of \"l.s\"'"
fi

cat >configure <<'END'
#!/bin/sh
for header in stdlib.h nonexistent.h; do
  echo "#include <$header>" >conftest.c
  if $CC -c conftest.c 2>/dev/null; then echo "HAVE $header"; fi
done
echo 'int printf(); int main(void) { return printf == 0; }' >conftest.c
$CC conftest.c -o conftest 2>/dev/null && echo "HAVE printf"
echo 'int no_such_function(); int main(void) { return no_such_function(); }' >conftest.c
$CC conftest.c -o conftest 2>/dev/null || echo "NO no_such_function"
END
chmod +x configure
passes "a configure script learns the truth" eval "[ \"\$(CC=$cc ./configure | tr '\n' ' ')\" = 'HAVE stdlib.h HAVE printf NO no_such_function ' ]"

refused "-shared" "no shared libraries" $cc -shared main.c helper.c
refused "-m32" "only 64-bit" $cc -m32 -c main.c
refused "an undefined function" "undefined reference" $cc main.c

printf ' cmpl $1,%%eax\n jmp *t(,%%rax,8)\n.L1: movl $2,%%ecx\n je .L1\n ret\n.section .rodata\nt: .quad .L1\n' >flags.s
refused "flags that would not live across a masked jump" "flags.s:4: error: je reads flags" $cc -c flags.s
passes "options that make the assembler add bytes do no harm" eval "rm -f a.out && $cc -O2 -Wa,-mbranches-within-32B-boundaries main.c helper.c && says 41"
passes "the output may be /dev/null" eval "$cc main.c helper.c -o /dev/null && [ -c /dev/null ]"
refused "a nested function's trampoline" "trampoline" eval "echo 'int g(int (*f)(void)); int h(int k) { int f(void) { return k; } return g(f); }' | $cc -x c -c -"

# Hostile code. What the rewriter sees it names, with the place; what is hidden in bytes the verifier finds, and the output is gone.
hostile() { # NAME TEXT ASSEMBLY
  rm -f a.out
  printf 'int main(void) {\n  __asm__ volatile("%s");\n  return 0;\n}\n' "$3" >hostile.c
  if $cc hostile.c >log 2>&1; then result 1 "$1"; else
    grep -qF -- "$2" log && ! [ -e a.out ]
    result $? "$1"
  fi
}
hostile "syscall" "hostile.c:2: error: syscall is not permitted" syscall
hostile "a write to the base" "hostile.c:2: error: mov uses %r14" 'mov %rax,%r14'
hostile "a segment register" "is not on the allow-list" 'mov %eax,%fs'
hostile "a hidden system call" "signet ld:" '.byte 0x0f,0x05'
hostile "a hidden system call is shown" "0f 05: unlisted" '.byte 0x0f,0x05'
hostile "and where it is" "in main+" '.byte 0x0f,0x05'
hostile "an unguarded store" "memory-operand" '.byte 0x89,0x08'
hostile "a bare return" "return" '.byte 0xc3'
hostile "an unmasked jump" "indirect-branch" '.byte 0xff,0xe0'
hostile "the stack pointer" "stack-pointer" '.byte 0x48,0x89,0xc4'
hostile "a jump into an instruction" "branch-target" '.byte 0xeb,1; movl $0x12345678,%eax'
hostile "the line that the verifier will refuse" "hostile.c:2: warning: a sealed process may not have this" '.byte 0xeb,1; movl $0x12345678,%eax'
hostile "the line of an instruction that is not on the list" "hostile.c:2: warning: a sealed process may not have this" 'mov %eax,%fs'
hostile "a jump to a distance from a label" "hostile.c:2: error: jmp needs a label" 'jmp 1f+1; 1: movl $0x12345678,%eax'
hostile "bytes that join with what follows" "signet ld:" '.byte 0x48,0xb8'
hostile "a string instruction" "string" '.byte 0xf3,0xa4'
hostile "a jump to data" "hostile.c:2: error: jmp to data, which is not code" '.pushsection .data; data: .long 1; .popsection; jmp data'
hostile "a jump to an address" "hostile.c:2: error: jmp needs a label" 'jmp 0x1000'
echo "1..$count"
[ $failed = 0 ]

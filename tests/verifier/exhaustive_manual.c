/* What the manuals of Intel and AMD say of encodings where a decoder easily believes something else, or where
 * processors differ; a part of exhaustive.h. The expectations are written from the manuals and docs/machine-code.md,
 * not from a decoder: Zydis and the verifier could share a mistake.
 *
 * A pattern is bytes, each one a value (0f), a range (80-8f), several (80,88,90-97), or any (**). Every combination is
 * tried alone in a bundle. Then the verifier must refuse it (0), or accept it with this length. Zeros follow the
 * pattern's bytes where an immediate or displacement is left, up to the length; nops follow in any case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/verifier/exhaustive.h"

static const struct {
  unsigned length;
  const char *pattern, *why;
} classes[] = {
    /* Near branches. With 66 AMD truncates the target to 16 bits and reads a distance of 16 bits, Intel ignores 66. */
    {0, "66 e8,e9 00 00 00 00", "66 on a near branch: its length differs between processors"},
    {0, "66 0f 80-8f 00 00 00 00", "66 on a near branch: its length differs between processors"},
    {0, "66 70-7f,eb 00", "66 on a short branch"},
    {0, "40-4f 70-7f,eb 00", "REX on a branch does nothing; it is not listed"},
    {0, "40-4f e8,e9 00 00 00 00", "REX on a branch does nothing; it is not listed"},
    {0, "2e,3e,26,36,64,65,67,f2,f3,f0 70-7f,eb 00", "hints, bnd and other prefixes of branches"},
    {0, "2e,3e,26,36,64,65,67,f2,f3,f0 e8,e9 00 00 00 00", "hints, bnd and other prefixes of branches"},
    {0, "2e,3e,26,36,64,65,67,f2,f3,f0 0f 80-8f 00 00 00 00", "hints, bnd and other prefixes of branches"},
    {0, "e0-e3 00", "loop and jrcxz"},
    {0, "67 e0-e3 00", "loop and jecxz with a counter of 32 bits"},
    {0, "f2,f3,66,40-4f,3e,2e,90 c3", "ret alone and with prefixes"},
    {2, "70-7f,eb 00", "short branches"},
    {5, "e8,e9 00 00 00 00", "near branches"},
    {6, "0f 80-8f 00 00 00 00", "near branches"},
    {0, "c2,ca 00 00", "ret with an immediate, far ret"},
    {0, "66,f2,f3,3e,48,49 83 e0 e0 4c 09 f0 ff e0", "prefixes on the mask of an indirect branch"},
    {0, "83 e0 e0 4c 09 f0 66,f2,f3,3e,2e,48,40 ff e0,d0", "66, bnd and notrack on an indirect branch"},
    {8, "83 e0 e0 4c 01,09 f0 ff e0", "an indirect jump"},
    {0, "ff 10-3f", "indirect branches through memory, far ones, push of unconfined memory"},
    {0, "48,4f ff 2c 24", "a far jump of 80 bits"},
    {0, "ff 1c,2c,14,24,3c 24", "far and indirect branches through the stack, an opcode that does not exist"},

    /* VEX: 66, f2, f3, f0 or REX before it is #UD; vvvv that names nothing must be 1111; L must be 0 where it says so.
     */
    {4, "c5 f8,fc,fd,f9 28 c1", "vmovaps, vmovapd"},
    {0, "66,f2,f3,f0,40-4f c5 f8 28 c1", "a prefix that VEX forbids"},
    {0, "66,f2,f3,f0,40-4f c4 e1 78 28 c1", "a prefix that VEX forbids"},
    {0, "66,f2,f3,f0,40-4f 65 67 c5 f8 28 04 24", "a prefix that VEX forbids, before others"},
    {0, "65 67 66,f2,f3,f0,40-4f c5 f8 28 04 24", "a prefix that VEX forbids, after others"},
    {6, "65 67 c5 f8 28 00", "65 and 67 before VEX are its memory operand's"},
    {0, "c5 80,88,90,98,a0,a8,b0,b8,c0,c8,d0,d8,e0,e8,f0 28 c1", "vvvv of vmovaps"},
    {0, "c4 e1 00,08,10,18,20,28,30,38,40,48,50,58,60,68,70 28 c1", "vvvv of vmovaps"},
    {0, "c4 e2 01,09,11,19,21,29,31,39,41,49,51,59,61,69,71 1c c1", "vvvv of vpabsb"},
    {0, "c4 e0,e4-ff 78 28 c1", "maps that do not exist, or are not for what is listed"},
    {3, "c5 f8,fc 77", "vzeroupper, vzeroall"},
    {0, "c5 f9-fb,fd-ff 77", "no such instruction"},
    {0, "c4 e2 7c f2 c1", "andn: L must be 0"},
    {0, "c4 e2 7c,7d,7e,7f f5,f6,f7 c1", "BMI2: L must be 0"},
    {0, "c4 e2 7c f3 c8,d0,d8", "blsr, blsmsk, blsi: L must be 0"},
    {0, "c5 fd 6e,7e c1", "vmovd: L must be 0"},
    {0, "c5 fc 12,16 c1", "vmovhlps, vmovlhps: L must be 0"},
    {0, "c5 fc,fd 13,17 04 24", "vmovlps, vmovhps: L must be 0"},
    {0, "c4 e3 79 06,18,19,38,39,46 c1 00", "vperm2f128, vinsertf128, vextractf128 and the like: L must be 1"},
    {0, "c4 e2 79 19,1a,5a,16,36 04 24", "vbroadcastsd, vbroadcastf128, vpermps, vpermd: L must be 1"},
    {0, "c4 e3 79,f9 00,01 c1 00", "vpermq, vpermpd: L must be 1"},
    {0, "c4 e3 7d 00,01 c1 00", "vpermq, vpermpd: W must be 1"},
    {0, "c4 e2 79,f9,7d,fd 90-93 04,0c,14 00,24,10", "gathers: the address is a vector"},
    {0, "c5 f8,fc ae 14 24", "vldmxcsr"},
    {0, "c5 fc ae 1c 24", "vstmxcsr: L must be 0"},
    {0, "c5 f9,fd f7 **", "vmaskmovdqu: its address is %rdi"},
    {0, "c4 e2,c2,82 78-7b,f8-fb 49,4b,4a,5c,5e **", "AMX"},
    {0, "c5 f8-ff 41-4b,90-93,98,99 **", "mask registers of AVX-512"},
    {0, "c4 e1 f8-ff 41-4b,90-93,98,99 **", "mask registers of AVX-512"},
    {0, "c4 e2 79,f9 e0-ef 04 24", "cmpccxadd"},
    {0, "c4 e2 78-7b,7c-7f 50-53,b0,b1,72,d2,d3 **", "AVX-VNNI, AVX-NE-CONVERT and others that came later"},
    {0, "c4 e3 79,f9,7d,fd 5c-5f,68-6f,78-7f c1 20", "FMA4 of AMD: on Intel the same bytes are #UD"},
    {0, "c4 e3 79,f9,7d,fd 48,49 c1 20", "XOP's vpermil2ps"},

    /* High byte registers: 4 to 7 are %ah to %bh without REX, %spl to %dil with any REX, even 40. */
    {2, "88,8a c0-ff", "byte moves without REX: %ah to %bh"},
    {0, "40,42,44,48 88 c4,cc,d4,dc,e4,ec,f4,fc", "with REX the destination is %spl"},
    {0, "41,43,45 88 c6,ce,d6,de,e6,ee,f6,fe", "with REX.B the destination is %r14b"},
    {0, "40-43 8a e0-e7", "with REX the destination is %spl"},
    {0, "44-47 8a f0-f7", "with REX.R the destination is %r14b"},
    {2, "b0-b7 00", "byte immediates without REX"},
    {0, "40,42,44,46 b4 00", "mov to %spl"},
    {0, "41,43,45,47 b6 00", "mov to %r14b"},
    {3, "41 b0-b5,b7 00", "mov to %r8b to %r15b but %r14b"},
    {0, "40 0f 90-9f c4", "setcc %spl"},
    {3, "0f 90-9f c0-c7", "setcc of %al to %bh"},
    {0, "40 fe c4,cc", "inc and dec of %spl"},
    {0, "40 80 c4,cc,d4,dc,e4,ec,f4 01", "arithmetic on %spl"},
    {4, "40 80 fc 01", "cmp with %spl writes nothing"},
    {0, "40 c0,d0,d2 c4,cc,d4,dc,e4,ec,fc 01", "shifts of %spl"},
    {0, "40 0f c0,b0 c4", "xadd, cmpxchg of %spl"},
    {0, "40 86 c4,e0", "xchg of %spl"},

    /* REX counts only as the last prefix; before another one the processor ignores it. */
    {0, "40-4f 26,2e,36,3e,64,65,66,67,f0,f2,f3 8b 04 24", "REX before another prefix"},
    {0, "40-4f 40-4f 89 c0", "two REX"},
    {0, "40-4f f2,f3 0f 10,2c,2d,5a c1", "REX between a mandatory prefix's place and the opcode is ignored there"},
    {3, "40,41,44,45,48,49,4c,4d 89 c0", "REX as the last prefix"},
    {0, "49,4b 89 c6", "mov to %r14"},

    /* 67: addresses of 32 bits; there are none of 16 bits in this mode. */
    {4, "65 67 8b 00-03,06,07", "no displacement of 16 bits with rm 6"},
    {5, "65 67 8b 40-43,45-47 00", "a displacement of 8 bits"},
    {8, "65 67 8b 80-83,85-87 00 00 00 00", "a displacement of 32 bits, never of 16"},
    {9, "65 67 8b 04 25,a5,65 00 00 00 00", "no base: a displacement of 32 bits"},
    {5, "65 67 8b 04 20,24,e4", "a base and no index: no displacement"},
    {6, "8b 05 00 00 00 00", "%rip"},
    {0, "67 8b 05 00 00 00 00", "%eip"},
    {0, "65 67 8b 05 00 00 00 00", "%gs and %eip"},
    {0, "65 8b 00-07", "%gs and an address of 64 bits"},
    {0, "67 8b,89,8d 00-07", "an address of 32 bits outside of %gs"},
    {0, "67 a4,a5,aa,ab,a6,a7,ae,af,ac,ad", "strings with %esi and %edi"},
    {0, "67,65 50-5f", "67 and 65 do nothing for push and pop"},
    {0, "a0-a3 00 00 00 00 00 00 00 00", "moffs"},
    {0, "65 67 a0-a3 00 00 00 00", "moffs"},

    /* At most 15 bytes: the longest forms there are. */
    {15, "f0 65 67 48 81 84 24 00 00 00 00 00 00 00 00", "15 bytes are permitted"},
    {14, "f0 66 65 67 41 81 84 24 00 00 00 00 00 00", "with 66 the immediate is shorter"},
    {0, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "repeated prefixes"},
    {0, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "16 bytes"},
    {0, "66 66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00", "a nop of 16 bytes"},
    {15, "66 66 66 66 66 66 2e 0f 1f 84 00 00 00 00 00", "the longest nop"},

    /* No operation, and what was made of such encodings later. */
    {1, "90", "nop"},
    {2, "66 90", "nop"},
    {2, "f3 90", "pause"},
    {0, "f3 40-4f 90", "pause with REX: some processors take it for xchg"},
    {0, "66,f2 f3 90", "pause with other prefixes"},
    {0, "f3 66,f2 90", "pause with other prefixes"},
    {0, "f2 90", "f2 nop"},
    {2, "41 90-95,97", "xchg with %r8d to %r15d but %r14d"},
    {0, "41,49 96", "xchg with %r14"},
    {0, "94", "xchg with %esp"},
    {0, "48 94", "xchg with %rsp"},
    {0, "0f 1f 01-3f", "nops that are not one of the strings"},
    {0, "0f 1f c0-ff", "nops that are not one of the strings"},
    {0, "0f 19,1a,1b,1c,1d,1e **", "reserved nops: MPX, cldemote, CET"},
    {0, "f3 0f 1e fa,fb", "endbr64, endbr32"},
    {0, "f3 0f 1e c8-cf", "rdsspd"},
    {0, "f3 48 0f 1e c8-cf", "rdsspq"},
    {0, "0f 18 20-3f", "reserved hints; prefetchit since"},
    {0, "0f 18 c0-ff", "reserved hints"},
    {4, "0f 18 04,0c,14,1c 24", "prefetches"},
    {4, "0f 0d 0c 24", "prefetchw"},
    {0, "0f 0d 04,14,1c,24,2c,34,3c 24", "other hints of 0f 0d"},
    {0, "0f 0d c0-ff", "0f 0d of registers"},

    /* Strings: f2 is not defined for movs and stos, and a repeat of the others is not listed. */
    {0, "a4-a7,aa-af,6c-6f", "strings alone"},
    {0, "f2,f3 a4-a7,aa-af,6c-6f", "strings alone, repeated"},
    {0, "89 ff 49 8d 3c 3e f2,f0,65,67,2e,64 aa,ab", "prefixes in the sequence of stos"},
    {0, "89 ff 49 8d 3c 3e f2,67 f3 aa,ab", "two prefixes in the sequence of stos"},
    {8, "89 ff 49 8d 3c 3e f3 aa,ab", "rep stos"},
    {7, "89 ff 49 8d 3c 3e aa,ab", "stos"},
    {0, "89 ff 49 8d 3c 3e a4-a7,ac-af,6c-6f", "other strings behind the sequence of stos"},
    {0, "89 ff 49 8d 3c 3e f3 a4-a7,ac-af,6c-6f", "other strings behind the sequence of stos"},

    /* lock, xacquire, xrelease. */
    {0, "f0 00-01,08-09,10-11,18-19,20-21,28-29,30-31,86,87 c0-ff", "lock without memory"},
    {0, "f0 02-03,0a-0b,12-13,1a-1b,22-23,2a-2b,32-33 04 24", "lock of a load"},
    {0, "f0 38-3b,84,85,88-8b,8d,63 04 24", "lock of what cannot be locked"},
    {0, "f0 f6,f7 04,24,2c,34,3c 24", "lock of test, mul, div"},
    {0, "f0 80,83 3c 24 00", "lock of cmp"},
    {0, "f0 0f ba 24 24 00", "lock of bt"},
    {0, "f0 0f a3,a4,a5,ac,ad,af,b6,b7,be,bf,bc,bd 04 24", "lock of what cannot be locked"},
    {0, "f0 c0,c1 04,0c,14,1c,24,2c,3c 24 01", "lock of shifts"},
    {0, "f0 ff,fe c0-cf", "lock without memory"},
    {0, "f0 0f b0,b1,c0,c1 c0-ff", "lock without memory"},
    {0, "f0 0f 10,11,28,29,58,c7 c1", "lock of vectors"},
    {0, "f0 50-5f,90-97,b0-bf 00", "lock without memory"},
    {0, "f2,f3 f0 00,01,08,09,20,21,28,29,86,87 04 24", "xacquire, xrelease"},
    {0, "f0 f2,f3 00,01,08,09,20,21,28,29,86,87 04 24", "xacquire, xrelease"},
    {0, "f2,f3 86,87,88,89 04 24", "xacquire and xrelease of xchg and mov"},
    {0, "f2,f3 c6 04 24 00", "xrelease of mov"},

    /* Segment registers, system state, input and output. */
    {0, "8c,8e **", "segment registers"},
    {0, "66,40-4f 8c,8e **", "segment registers, with 66 and REX"},
    {0, "06,07,0e,16,17,1e,1f,27,2f,37,3f,60,61,82,9a,d4,d5,d6,ea,ce", "not there in 64-bit mode, or something new"},
    {0, "6c-6f,9c,9d,c8,c9,ca,cb,cd,cf,d7,e4-e7,ec-ef,f1,f4,fa,fb,fd 00 00", "privileged, or breaks a rule of state"},
    {0, "c8 00 00 00", "enter"},
    {0, "0f 00,02-0a,0c,0e,0f **", "system instructions, 3DNow!"},
    {0, "0f 20-27,30,32-37,39,3b-3f,77-79,a0,a1,a6-a9,aa,b2,b4,b5,b8,b9,ff **",
     "control registers, segments, emms, padlock, undefined opcodes"},
    {0, "0f 04 24", "an undefined opcode"},
    {0, "0f 01 00-cf,d1-f8,fa-ff", "system instructions of 0f 01, but xgetbv and rdtscp"},
    {3, "0f 01 d0,f9", "xgetbv, rdtscp"},
    {0, "66,f2,f3,f0,40-4f 0f 01 d0,f9", "their relatives with prefixes"},
    {0, "66,f2,f3,f0,40-4f 0f 05,0b,31,a2,34,35", "system calls, and prefixes that do nothing"},
    {2, "0f 0b,31,a2", "ud2, rdtsc, cpuid"},
    {3, "0f ae e8,f0,f8", "fences"},
    {0, "0f ae c0-e7,e9-ef,f1-f7,f9-ff", "other encodings of fences; the bases of segments"},
    {0, "66,f2,f3 0f ae **", "bases of segments, tpause, umwait, clwb, and the like"},
    {0, "66,f2,f3,40-4f 0f ae e8,f0,f8", "prefixes of fences"},
    {0, "0f ae 04,0c,14,24,2c,34,3c 24", "fxsave, ldmxcsr, xsave, clflush"},
    {4, "0f ae 1c 24", "stmxcsr"},
    {0, "f3,66,f2 0f c7 04,0c,14,1c,24,2c,34,3c 24", "vmxon, vmclear, xsaves and cmpxchg8b with prefixes"},
    {0, "0f c7 04,14,1c,24,2c,34,3c 24", "xsavec, vmptrld and the like"},
    {3, "0f c7 f0-f3,f5-fb,fd-ff", "rdrand, rdseed"},
    {0, "0f c7 f4,fc", "rdrand and rdseed to %esp"},
    {0, "41,49 0f c7 f6,fe", "rdrand and rdseed to %r14"},
    {0, "f3,f2 0f c7 c0-ff", "rdpid, senduipi"},
    {0, "0f c7 c0-ef", "undefined"},

    /* Undocumented aliases and /digits that are not defined. */
    {0, "f6 08,c8-cf 00", "test as /1"},
    {0, "f7 c8-cf 00 00 00 00", "test as /1"},
    {0, "c0,c1 f0-f7 01", "sal as /6"},
    {0, "d0-d3 f0-f7", "sal as /6"},
    {0, "fe d0-ff", "no such digit"},
    {0, "ff d0-df,e0-ef,f8-ff", "branches through registers, no such digit"},
    {0, "8f c8-ff", "XOP, or no such digit"},
    {0, "8f c4", "pop to %rsp"},
    {3, "8f 04 24", "pop to memory"},
    {0, "c6 c8-ff 00", "no such digit; xabort"},
    {0, "c7 c8-ff 00 00 00 00", "no such digit; xbegin"},
    {0, "dc d0-df", "fcom2, fcomp3"},
    {0, "de d0-d8,da-df", "fcomp5, undefined"},
    {0, "d9 d1-df,e2,e3,e6,e7,ef", "fstp1, undefined"},
    {0, "dd c8-cf,f0-ff", "fxch4, undefined"},
    {0, "df c8-df,e1-e7,f8-ff", "fxch7, fstp8, fstp9, fnstsw's neighbours"},
    {0, "db e0,e1,e4-e7,f8-ff", "feni, fdisi, fsetpm, undefined"},
    {0, "da e0-e8,ea-ff", "undefined"},
    {0, "d9 24,34,0c 24", "fldenv, fnstenv, undefined"},
    {0, "dd 24,34,2c 24", "frstor, fnsave, undefined"},
    {0, "db 24,34 24", "undefined"},
    {2, "d8,dc c0-cf", "fadd, fmul"},
    {2, "dd c0-c7,d0-df,e0-ef", "ffree, fst, fstp, fucom, fucomp"},

    /* Old and new meanings of one encoding: both write the same register and nothing else. */
    {4, "f3 0f bc,bd c1", "tzcnt and lzcnt; an old processor takes them for bsf and bsr"},
    {0, "f3 44 0f bc,bd,b8 f1", "tzcnt, lzcnt, popcnt to %r14d"},
    {0, "f3 0f bc,bd,b8 e1", "tzcnt, lzcnt, popcnt to %esp"},
    {0, "f2 0f bc,bd,b8 c1", "f2 is not defined here"},
    {0, "63 **", "movsxd without REX.W writes 32 or 16 bits: processors differ"},
    {0, "66 63 **", "movsxd with 66: Intel reads 16 bits, AMD 32"},
    {0, "66 0f c8-cf", "bswap of 16 bits is undefined"},
    {0, "66 0f b7,bf c1", "movzx and movsx from 16 to 16 bits"},
    {0, "0f a3,ab,b3,bb 04 24", "bits in memory by a register's offset"},
    {0, "66 50-5f", "push and pop of 16 bits"},
    {0, "66 68 00 00", "push of 16 bits"},
    {0, "66 6a 00", "push of 16 bits"},
    {0, "66 9c,9d,c9,c3", "16 bits of stack"},
    {0, "66 ff 34 24", "push of 16 bits"},
    {0, "66 8f 04 24", "pop of 16 bits"},

    /* MMX, SSE4a, and the rest of the maps' corners. */
    {0, "0f 60-6b,6e,6f,74-76,7e,7f,d1-d5,d7-e5,e7-ef,f1-fe c1", "MMX"},
    {0, "0f 70,71,72,73,c4,c5 c1,d1,e1 00", "MMX"},
    {0, "0f 2a,2c,2d c1", "MMX"},
    {0, "66 0f 2a,2c,2d c1", "MMX"},
    {0, "f2,f3 0f d6 c1", "movdq2q, movq2dq"},
    {0, "0f 38 00-0b,1c-1e c1", "SSSE3 on MMX"},
    {0, "66,f2 0f 78,79 c1 00 00", "extrq, insertq of SSE4a"},
    {0, "f2,f3 0f 2b 04 24", "movntss, movntsd of SSE4a"},
    {0, "0f f7 c1", "maskmovq"},
    {0, "66 0f f7 c0-ff", "maskmovdqu: its address is %rdi"},
    {0, "66 0f 38 80-82,f5,f8 04 24", "invept, invvpid, invpcid, wruss, movdir64b"},
    {0, "0f 38 f6,f9 04 24", "wrss, movdiri"},
    {0, "66,f2,f3 0f 38 f8 04 24", "movdir64b, enqcmd"},
    {0, "66,f2,f3 0f 38 fc 04 24", "aand, aor, axor"},
    {0, "0f 38 fc 04 24", "aadd"},
    {0, "f3 0f 38 d8,dc-df,fa,fb **", "Key Locker"},
    {0, "62 ** ** ** c1", "EVEX"},
    {0, "d5 ** ** c1", "REX2"},
};

/* ---- Patterns ---- */

enum { BYTES_MOST = 20 };

struct pattern {
  unsigned count;
  uint8_t values[BYTES_MOST][256];
  unsigned value_count[BYTES_MOST];
};

static void parse(const char *text, struct pattern *pattern) {
  pattern->count = 0;
  while (*text) {
    unsigned at = pattern->count++;
    pattern->value_count[at] = 0;
    for (; *text && *text != ' '; text += *text == ',') {
      unsigned first = 0, last = 255;
      char *end;
      if (*text == '*') {
        end = (char *)(uintptr_t)text + 2;
      } else {
        first = last = (unsigned)strtoul(text, &end, 16);
        if (*end == '-')
          last = (unsigned)strtoul(end + 1, &end, 16);
      }
      if (end == text || last > 255 || last < first || at == BYTES_MOST) {
        fprintf(stderr, "a pattern of exhaustive_manual.c is wrong at: %s\n", text);
        exit(1);
      }
      for (unsigned value = first; value <= last; value++)
        pattern->values[at][pattern->value_count[at]++] = (uint8_t)value;
      text = end;
    }
    text += strspn(text, " ");
  }
}

static void try_one(const uint8_t *bytes, unsigned count, unsigned length, const char *why) {
  uint8_t code[EXHAUSTIVE_BUNDLE];
  memset(code, 0x90, sizeof code);
  memcpy(code, bytes, count);
  bool accepted = exhaustive_accepts(code, sizeof code, false);
  exhaustive_tally.tried++;
  exhaustive_tally.accepted += accepted;
  if (accepted && length && exhaustive_start_after(0) != length) {
    printf("# %s: another length\n", why);
    exhaustive_fail(bytes, count, "accepted with another length than the manuals give it");
  } else if (accepted != (length != 0)) {
    printf("# %s\n", why);
    exhaustive_fail(bytes, count, accepted ? "accepted against the manuals" : "refused, but it is fine");
  }
}

static void try_class(unsigned number) {
  static struct pattern pattern;
  unsigned index[BYTES_MOST] = {0}, length = classes[number].length;
  parse(classes[number].pattern, &pattern);
  for (bool more = true; more;) {
    uint8_t bytes[EXHAUSTIVE_BUNDLE];
    for (unsigned i = 0; i < pattern.count; i++)
      bytes[i] = pattern.values[i][index[i]];
    try_one(bytes, pattern.count, length, classes[number].why);
    more = false;
    for (unsigned i = pattern.count; i-- > 0 && !more;)
      if (++index[i] < pattern.value_count[i])
        more = true;
      else
        index[i] = 0;
  }
}

void exhaustive_manual(void) {
  for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++)
    try_class(i);
}

/* LLVM's disassembler, the second decoder of exhaustive.h: it is asked for lengths only. */
#include <stdio.h>
#include <stdlib.h>

#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>

#include "tests/verifier/exhaustive.h"

static LLVMDisasmContextRef context;

void exhaustive_llvm_start(void) {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86Disassembler();
  context = LLVMCreateDisasm("x86_64-unknown-linux-gnu", NULL, 0, NULL, NULL);
  if (!context) {
    fprintf(stderr, "LLVM has no disassembler for x86-64; install llvm-14-dev\n");
    exit(1);
  }
}

unsigned exhaustive_llvm_length(const uint8_t *code, unsigned length) {
  char text[256];
  unsigned lock = code[0] == 0xf0; /* in front, LLVM takes it for an instruction of its own */
  unsigned rest = (unsigned)LLVMDisasmInstruction(context, (uint8_t *)(uintptr_t)(code + lock), length - lock,
                                                  EXHAUSTIVE_BASE, text, sizeof text);
  return rest ? rest + lock : 0;
}

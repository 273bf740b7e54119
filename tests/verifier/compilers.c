/* Checks that the verifier knows the instructions that gcc emits: each one in CORPUS_FILES (the flat code of corpus.c),
 * put into the permitted form of address, must be accepted. What the toolchain replaces anyway is passed over. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <Zydis/Zydis.h>

#include "verifier/verifier.h"

enum { BASE = 0x20000000 }; /* far from the window's ends: rip-relative displacements of unlinked code are small */

static ZydisDecoder decoder;
static ZydisFormatter formatter;
static bool failed;

/* What the assembly rewriter turns into something else: returns, branches, strings, %fs, writes of %rsp, leave. */
static bool is_rewritten(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands) {
  switch (insn->meta.category) {
  case ZYDIS_CATEGORY_RET:
  case ZYDIS_CATEGORY_UNCOND_BR:
  case ZYDIS_CATEGORY_COND_BR:
  case ZYDIS_CATEGORY_CALL:
  case ZYDIS_CATEGORY_STRINGOP:
  case ZYDIS_CATEGORY_NOP:
  case ZYDIS_CATEGORY_WIDENOP:
    return true;
  default:
    break;
  }
  if (insn->mnemonic == ZYDIS_MNEMONIC_LEAVE || (insn->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS))
    return true;
  for (int i = 0; i < insn->operand_count_visible; i++)
    if (operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER && (operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
        ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operands[i].reg.value) == ZYDIS_REGISTER_RSP)
      return true;
  return false;
}

static bool needs_prefixes(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands) {
  for (int i = 0; i < insn->operand_count_visible; i++)
    if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && operands[i].mem.type == ZYDIS_MEMOP_TYPE_MEM &&
        operands[i].mem.base != ZYDIS_REGISTER_RIP)
      return true;
  return false;
}

static void check_file(int number, const char *name) {
  static uint8_t text[1 << 20];
  static bool mnemonics[ZYDIS_MNEMONIC_MAX_VALUE + 1];
  FILE *file = fopen(name, "rb");
  size_t size = file ? fread(text, 1, sizeof text, file) : 0;
  int checked = 0, refused = 0, kinds = 0;
  if (file)
    fclose(file);
  memset(mnemonics, 0, sizeof mnemonics);
  for (size_t at = 0; at < size;) {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, text + at, size - at, &insn, operands))) {
      refused++;
      break;
    }
    const uint8_t *bytes = text + at;
    at += insn.length;
    if (is_rewritten(&insn, operands))
      continue;
    uint8_t code[32];
    unsigned n = 0;
    if (needs_prefixes(&insn, operands)) {
      code[n++] = 0x65;
      code[n++] = 0x67;
    }
    memcpy(code + n, bytes, insn.length);
    n += insn.length;
    memset(code + n, 0x90, sizeof code - n);
    struct verifier_input input = {.code = code, .length = sizeof code, .offset = BASE, .calls = 30};
    struct verifier_outcome outcome;
    uint64_t scratch[2];
    checked++;
    kinds += !mnemonics[insn.mnemonic];
    mnemonics[insn.mnemonic] = true;
    if (verifier_check(&input, scratch, NULL, NULL, &outcome) && verifier_is_target(&input, scratch, BASE + n))
      continue;
    if (refused++ < 20) {
      char line[128];
      ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, line, sizeof line, 0,
                                      ZYAN_NULL);
      printf("# refused: %s\n", line);
    }
  }
  const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
  printf("%s %d - %s: %d instructions, %d mnemonics, %d refused\n", refused || checked < 1000 ? "not ok" : "ok", number,
         base, checked, kinds, refused);
  failed |= refused || checked < 1000;
}

int main(void) {
  static const char *const files[] = {CORPUS_FILES};
  const int count = sizeof files / sizeof *files;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
  printf("1..%d\n", count);
  for (int i = 0; i < count; i++)
    check_file(i + 1, files[i]);
  return failed;
}

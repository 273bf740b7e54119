/* What Zydis says of the instruction at which a program stopped: where it starts, and what memory it reaches. See
 * watch.h. */
#include "tests/execution/watch.h"

#include <Zydis/Zydis.h>
#include <stdio.h>
#include <string.h>

#include <signet/layout.h>

#include "verifier/verifier.h"

static MACHINE_STATE const struct program *watched;
static MACHINE_STATE uint64_t scratch[2 * PROGRAM_CODE_MOST / 64];
static MACHINE_STATE ZydisDecoder decoder;

static struct verifier_input input_of(const struct program *program) {
  return (struct verifier_input){.code = program->code,
                                 .length = program->length,
                                 .offset = PROGRAM_CODE,
                                 .calls = PROGRAM_CALLS,
                                 .parallel = program->parallel};
}

bool watch_program(const struct program *program) {
  if (!watched)
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  watched = program;
  struct verifier_input input = input_of(program);
  struct verifier_outcome outcome;
  return verifier_check(&input, scratch, NULL, NULL, &outcome);
}

static bool target(uint32_t offset) {
  struct verifier_input input = input_of(watched);
  return verifier_is_target(&input, scratch, offset);
}

static bool decode_at(uint32_t offset, ZydisDecodedInstruction *instruction, ZydisDecodedOperand *operands) {
  uint32_t at = offset - PROGRAM_CODE;
  if (at >= watched->length ||
      !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, watched->code + at, watched->length - at, instruction, operands)))
    return false;
  /* A SIB byte without a base, with REX.B: Zydis 4.0 takes it for %r13 without the displacement. */
  if (instruction->raw.modrm.mod == 0 && instruction->raw.modrm.rm == 4 && instruction->raw.sib.base == 5)
    for (int i = 0; i < instruction->operand_count; i++)
      if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && operands[i].visibility != ZYDIS_OPERAND_VISIBILITY_HIDDEN) {
        operands[i].mem.base = ZYDIS_REGISTER_NONE;
        operands[i].mem.disp.has_displacement = true;
        operands[i].mem.disp.value = instruction->raw.disp.value;
      }
  return true;
}

enum watch_place watch_place(uint32_t offset) {
  uint32_t at = offset - PROGRAM_CODE;
  if (at >= SIGNET_PAGE)
    return WATCH_OUTSIDE;
  if (at >= watched->length)
    return WATCH_END;
  if (target(offset))
    return WATCH_START;
  /* Only inside a guarded sequence does an instruction start that is no target. */
  uint32_t start = offset;
  while (start % SIGNET_BUNDLE && !target(start))
    start--;
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  while (start < offset && decode_at(start, &instruction, operands))
    start += instruction.length;
  return start == offset && offset % SIGNET_BUNDLE ? WATCH_INSIDE : WATCH_WRONG;
}

bool watch_stack_tail(uint32_t offset) {
  static const uint8_t tails[3][4] = {{0x4c, 0x09, 0xf4}, {0x4c, 0x01, 0xf4}, {0x4a, 0x8d, 0x24, 0x34}};
  static const uint8_t lengths[3] = {3, 3, 4};
  uint32_t at = offset - PROGRAM_CODE;
  for (int i = 0; i < 3; i++)
    if (at < watched->length && watched->length - at >= lengths[i] &&
        memcmp(watched->code + at, tails[i], lengths[i]) == 0)
      return watch_place(offset) == WATCH_INSIDE;
  return false;
}

/* The bits instructions with a register that counts bits from the address. */
static int64_t bit_offset(const ZydisDecodedInstruction *instruction, const ZydisDecodedOperand *operands,
                          const ZydisRegisterContext *context) {
  switch (instruction->mnemonic) {
  case ZYDIS_MNEMONIC_BT:
  case ZYDIS_MNEMONIC_BTS:
  case ZYDIS_MNEMONIC_BTR:
  case ZYDIS_MNEMONIC_BTC:
    break;
  default:
    return 0;
  }
  if (operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
    return 0;
  ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operands[1].reg.value);
  int64_t bits = (int64_t)context->values[whole];
  return (instruction->operand_width == 16   ? (int16_t)bits
          : instruction->operand_width == 32 ? (int32_t)bits
                                             : bits) >>
         3;
}

bool watch_reaches_out(uint32_t offset, uint64_t base, const uint64_t registers[], bool *misaligned,
                       uint64_t *address) {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  *misaligned = false;
  if (!decode_at(offset, &instruction, operands) || instruction.mnemonic == ZYDIS_MNEMONIC_NOP)
    return false;
  ZydisRegisterContext context;
  memset(&context, 0, sizeof context);
  for (int i = 0; i < 16; i++) {
    context.values[ZYDIS_REGISTER_RAX + i] = registers[i];
    context.values[ZYDIS_REGISTER_EAX + i] = (uint32_t)registers[i];
  }
  for (int i = 0; i < instruction.operand_count; i++) {
    const ZydisDecodedOperand *operand = &operands[i];
    if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY || operand->mem.type == ZYDIS_MEMOP_TYPE_AGEN)
      continue;
    ZyanU64 at;
    bool of_stack =
        operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && operand->mem.index == ZYDIS_REGISTER_NONE &&
        ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand->mem.base) == ZYDIS_REGISTER_RSP;
    if (operand->mem.type == ZYDIS_MEMOP_TYPE_VSIB || operand->mem.segment == ZYDIS_REGISTER_FS ||
        !ZYAN_SUCCESS(ZydisCalcAbsoluteAddressEx(&instruction, operand, base + offset, &context, &at))) {
      *address = 0;
      return true;
    }
    at += (uint64_t)bit_offset(&instruction, operands, &context);
    if (instruction.address_width == 32)
      at = (uint32_t)at;
    if (of_stack) /* whatever 67 says */
      at = registers[4];
    if (operand->mem.segment == ZYDIS_REGISTER_GS)
      at += base;
    uint64_t least = base - SIGNET_GUARD, bytes = (operand->size + 7) / 8;
    if (at < least || at + bytes > base + 0x100000000u + SIGNET_GUARD) {
      *address = at;
      return true;
    }
    *misaligned |= bytes >= 16 && at % bytes != 0;
  }
  return false;
}

bool watch_may_refuse(uint32_t offset) {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  return decode_at(offset, &instruction, operands) && instruction.mnemonic == ZYDIS_MNEMONIC_XGETBV;
}

static unsigned print_instruction(uint32_t offset) {
  uint32_t at = offset - PROGRAM_CODE, left = at < watched->length ? watched->length - at : 0;
  ZydisDisassembledInstruction text;
  if (!left ||
      !ZYAN_SUCCESS(ZydisDisassembleATT(ZYDIS_MACHINE_MODE_LONG_64, offset, watched->code + at, left, &text))) {
    if (left)
      printf("# %05x %c (byte) %02x\n", offset, target(offset) ? ' ' : '-', watched->code[at]);
    else
      printf("# %05x (outside the code)\n", offset);
    return 1;
  }
  printf("# %05x %c ", offset, target(offset) ? ' ' : '-');
  for (int i = 0; i < text.info.length; i++)
    printf("%02x ", watched->code[at + (uint32_t)i]);
  printf("%*s%s\n", 3 * (15 - text.info.length), "", text.text);
  return text.info.length;
}

void watch_print(uint32_t offset, const uint64_t registers[]) {
  print_instruction(offset);
  printf("#          rax %llx rcx %llx rdx %llx rbx %llx rsp %llx rbp %llx rsi %llx rdi %llx\n",
         (unsigned long long)registers[0], (unsigned long long)registers[1], (unsigned long long)registers[2],
         (unsigned long long)registers[3], (unsigned long long)registers[4], (unsigned long long)registers[5],
         (unsigned long long)registers[6], (unsigned long long)registers[7]);
}

/* From target to target; '-' marks what is not one. */
void watch_print_all(void) {
  for (uint32_t offset = PROGRAM_CODE; offset < PROGRAM_CODE + watched->length;) {
    uint32_t next = offset + print_instruction(offset);
    for (uint32_t i = offset + 1; i < next; i++)
      if (target(i))
        next = i;
    offset = next;
  }
}

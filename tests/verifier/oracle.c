/* The model of oracle.h. It decides by what an instruction does to registers, memory and the processor's state as Zydis
 * reports it, never by opcode; so it can contradict the allow-list. */
#include "tests/verifier/oracle.h"

#include <stdbool.h>
#include <stdio.h>

#include <Zydis/Zydis.h>

#include "verifier/verifier.h"

static ZydisDecoder decoder;
static ZydisFormatter formatter;

void oracle_start(void) {
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
}

bool oracle_decode(const uint8_t *code, size_t length, ZydisDecodedInstruction *insn, ZydisDecodedOperand *operands) {
  return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, length, insn, operands));
}

unsigned oracle_text(const uint8_t *code, size_t length, char text[128]) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  snprintf(text, 128, "(not an instruction)");
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, length, &insn, operands)))
    return 0;
  ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, text, 128, 0, ZYAN_NULL);
  return insn.length;
}

static bool is_gpr(ZydisRegister reg) {
  switch (ZydisRegisterGetClass(reg)) {
  case ZYDIS_REGCLASS_GPR8:
  case ZYDIS_REGCLASS_GPR16:
  case ZYDIS_REGCLASS_GPR32:
  case ZYDIS_REGCLASS_GPR64:
    return true;
  default:
    return false;
  }
}

static ZydisRegister whole(ZydisRegister reg) {
  return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
}

static bool moves_stack(ZydisMnemonic mnemonic) {
  return mnemonic == ZYDIS_MNEMONIC_PUSH || mnemonic == ZYDIS_MNEMONIC_POP || mnemonic == ZYDIS_MNEMONIC_CALL;
}

static bool is_branch(const ZydisDecodedInstruction *insn) {
  return insn->meta.category == ZYDIS_CATEGORY_COND_BR || insn->meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
         insn->meta.category == ZYDIS_CATEGORY_CALL;
}

static const char *object_register(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operand) {
  ZydisRegister reg = operand->reg.value;
  bool written = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
  bool hidden = operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  if (is_gpr(reg)) {
    if (written && whole(reg) == ZYDIS_REGISTER_R14)
      return "writes r14";
    if (written && whole(reg) == ZYDIS_REGISTER_RSP && !(hidden && moves_stack(insn->mnemonic)))
      return "writes rsp";
    return NULL;
  }
  switch (ZydisRegisterGetClass(reg)) {
  case ZYDIS_REGCLASS_X87:
  case ZYDIS_REGCLASS_XMM:
  case ZYDIS_REGCLASS_YMM:
  case ZYDIS_REGCLASS_FLAGS:
    return NULL;
  case ZYDIS_REGCLASS_IP:
    return is_branch(insn) || insn->mnemonic == ZYDIS_MNEMONIC_INT3 ? NULL : "uses the instruction pointer";
  default:
    break;
  }
  switch (reg) {
  case ZYDIS_REGISTER_X87CONTROL:
    return !written || insn->mnemonic == ZYDIS_MNEMONIC_FLDCW || insn->mnemonic == ZYDIS_MNEMONIC_FNINIT
               ? NULL
               : "writes the x87 control word";
  case ZYDIS_REGISTER_X87STATUS:
  case ZYDIS_REGISTER_X87TAG:
    return NULL;
  case ZYDIS_REGISTER_MXCSR: /* arithmetic sets its status bits */
    return NULL;
  case ZYDIS_REGISTER_XCR0:
    return written ? "writes xcr0" : NULL;
  default:
    /* rdtsc, rdtscp and xgetbv read machine state that is nobody's secret. */
    if (!written && (insn->mnemonic == ZYDIS_MNEMONIC_RDTSC || insn->mnemonic == ZYDIS_MNEMONIC_RDTSCP))
      return NULL;
    return "uses a register that is not a process's";
  }
}

static const char *object_memory(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operand,
                                 uint32_t address) {
  const ZydisDecodedOperandMem *memory = &operand->mem;
  const ZydisInstructionAttributes segments = ZYDIS_ATTRIB_HAS_SEGMENT_CS | ZYDIS_ATTRIB_HAS_SEGMENT_SS |
                                              ZYDIS_ATTRIB_HAS_SEGMENT_DS | ZYDIS_ATTRIB_HAS_SEGMENT_ES |
                                              ZYDIS_ATTRIB_HAS_SEGMENT_FS | ZYDIS_ATTRIB_HAS_SEGMENT_GS;
  if (insn->mnemonic == ZYDIS_MNEMONIC_NOP) /* accesses nothing */
    return NULL;
  if (memory->type == ZYDIS_MEMOP_TYPE_AGEN)
    return (insn->attributes & (segments | ZYDIS_ATTRIB_HAS_ADDRESSSIZE)) ? "an address with prefixes" : NULL;
  if (memory->type != ZYDIS_MEMOP_TYPE_MEM)
    return "an unusual kind of address";
  if (operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
    return memory->base == ZYDIS_REGISTER_RSP && memory->index == ZYDIS_REGISTER_NONE && moves_stack(insn->mnemonic)
               ? NULL
               : "memory that no operand names";
  if (operand->encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64)
    return "an address without ModRM";
  if (operand->size > 64 * 8)
    return "wider than a guard allows for";
  int64_t displacement = memory->disp.has_displacement ? memory->disp.value : 0;
  if (insn->attributes & (segments | ZYDIS_ATTRIB_HAS_ADDRESSSIZE)) {
    bool base = memory->base == ZYDIS_REGISTER_NONE || ZydisRegisterGetClass(memory->base) == ZYDIS_REGCLASS_GPR32;
    bool index = memory->index == ZYDIS_REGISTER_NONE || ZydisRegisterGetClass(memory->index) == ZYDIS_REGCLASS_GPR32;
    return memory->segment == ZYDIS_REGISTER_GS && insn->address_width == 32 && base && index
               ? NULL
               : "an address that %gs and 32 bits do not confine";
  }
  if (memory->index != ZYDIS_REGISTER_NONE)
    return "an index without %gs";
  switch (memory->base) {
  case ZYDIS_REGISTER_RSP:
    return displacement < -0xff00 || displacement > 0xff00 ? "too far from rsp" : NULL;
  case ZYDIS_REGISTER_RIP: {
    int64_t sum = (int64_t)address + insn->length + displacement;
    return sum < 0 || sum > 0xffffffc0 ? "rip-relative out of the window" : NULL;
  }
  case ZYDIS_REGISTER_R14:
    if (insn->raw.modrm.rm == 4)
      return "r14 in a SIB byte";
    return displacement < 0 || displacement > INT32_MAX ? "too far from r14" : NULL;
  default:
    return "a base register without %gs";
  }
}

/* The sets of instructions that the design permits, and the feature bits they need. */
static bool known_set(const ZydisDecodedInstruction *insn, uint32_t *features) {
  uint32_t f = 0;
#define BIT(name, number, label) const uint32_t name = 1u << number;
  VERIFIER_FEATURES(BIT)
#undef BIT
  switch (insn->meta.isa_set) {
  case ZYDIS_ISA_SET_I86:
  case ZYDIS_ISA_SET_I186:
  case ZYDIS_ISA_SET_I386:
  case ZYDIS_ISA_SET_I486:
  case ZYDIS_ISA_SET_I486REAL:
  case ZYDIS_ISA_SET_PENTIUMREAL:
  case ZYDIS_ISA_SET_PPRO:
  case ZYDIS_ISA_SET_CMOV:
  case ZYDIS_ISA_SET_FCMOV:
  case ZYDIS_ISA_SET_LONGMODE:
  case ZYDIS_ISA_SET_LAHF:
  case ZYDIS_ISA_SET_PAUSE:
  case ZYDIS_ISA_SET_X87:
  case ZYDIS_ISA_SET_SSE:
  case ZYDIS_ISA_SET_SSE2:
  case ZYDIS_ISA_SET_SSEMXCSR:
  case ZYDIS_ISA_SET_SSE_PREFETCH:
  case ZYDIS_ISA_SET_PREFETCH_NOP:
  case ZYDIS_ISA_SET_FAT_NOP:
  case ZYDIS_ISA_SET_RDTSCP:
    break;
  case ZYDIS_ISA_SET_XSAVE:
    if (insn->mnemonic != ZYDIS_MNEMONIC_XGETBV)
      return false;
    break;
  case ZYDIS_ISA_SET_SSE3:
  case ZYDIS_ISA_SET_SSE3X87:
    f = SSE3;
    break;
  case ZYDIS_ISA_SET_SSSE3:
    f = SSSE3;
    break;
  case ZYDIS_ISA_SET_SSE4:
    f = SSE4_1;
    break;
  case ZYDIS_ISA_SET_SSE42:
    f = SSE4_2;
    break;
  case ZYDIS_ISA_SET_POPCNT:
    f = POPCNT;
    break;
  case ZYDIS_ISA_SET_AVX: /* Zydis forgets what else this one needs */
    f = AVX | (insn->mnemonic == ZYDIS_MNEMONIC_VPCLMULQDQ ? PCLMUL : 0);
    break;
  case ZYDIS_ISA_SET_AVX2:
    f = AVX2;
    break;
  case ZYDIS_ISA_SET_FMA:
    f = AVX | FMA;
    break;
  case ZYDIS_ISA_SET_F16C:
    f = AVX | F16C;
    break;
  case ZYDIS_ISA_SET_AES:
    f = AES;
    break;
  case ZYDIS_ISA_SET_AVXAES:
    f = AVX | AES;
    break;
  case ZYDIS_ISA_SET_VAES:
    f = AVX | VAES;
    break;
  case ZYDIS_ISA_SET_PCLMULQDQ:
    f = PCLMUL;
    break;
  case ZYDIS_ISA_SET_VPCLMULQDQ:
    f = AVX | VPCLMUL;
    break;
  case ZYDIS_ISA_SET_SHA:
    f = SHA;
    break;
  case ZYDIS_ISA_SET_GFNI:
    f = GFNI;
    break;
  case ZYDIS_ISA_SET_AVX_GFNI:
    f = AVX | GFNI;
    break;
  case ZYDIS_ISA_SET_BMI1:
    f = BMI1;
    break;
  case ZYDIS_ISA_SET_BMI2:
    f = BMI2;
    break;
  case ZYDIS_ISA_SET_LZCNT:
    f = LZCNT;
    break;
  case ZYDIS_ISA_SET_MOVBE:
    f = MOVBE;
    break;
  case ZYDIS_ISA_SET_ADOX_ADCX:
    f = ADX;
    break;
  case ZYDIS_ISA_SET_CMPXCHG16B:
    f = CX16;
    break;
  case ZYDIS_ISA_SET_RDRAND:
    f = RDRAND;
    break;
  case ZYDIS_ISA_SET_RDSEED:
    f = RDSEED;
    break;
  default:
    return false;
  }
  if (insn->mnemonic == ZYDIS_MNEMONIC_TZCNT)
    f = 0; /* older processors execute it as bsf: allow.list */
  *features = f;
  return true;
}

/* State that only the kernel call floating_point_control may set, and branches that count. */
static bool is_forbidden(ZydisMnemonic mnemonic) {
  switch (mnemonic) {
  case ZYDIS_MNEMONIC_LDMXCSR:
  case ZYDIS_MNEMONIC_VLDMXCSR:
  case ZYDIS_MNEMONIC_FLDENV:
  case ZYDIS_MNEMONIC_FNSTENV:
  case ZYDIS_MNEMONIC_FRSTOR:
  case ZYDIS_MNEMONIC_FNSAVE:
  case ZYDIS_MNEMONIC_LOOP:
  case ZYDIS_MNEMONIC_LOOPE:
  case ZYDIS_MNEMONIC_LOOPNE:
  case ZYDIS_MNEMONIC_JRCXZ:
  case ZYDIS_MNEMONIC_JECXZ:
  case ZYDIS_MNEMONIC_POPFQ:
  case ZYDIS_MNEMONIC_STD:
  case ZYDIS_MNEMONIC_ENTER:
  case ZYDIS_MNEMONIC_LEAVE:
  case ZYDIS_MNEMONIC_XLAT:
    return true;
  default:
    return false;
  }
}

static bool known_category(const ZydisDecodedInstruction *insn) {
  switch (insn->meta.category) {
  case ZYDIS_CATEGORY_SYSTEM:
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_RDTSC:
    case ZYDIS_MNEMONIC_RDTSCP:
      return true;
    default:
      return false;
    }
  case ZYDIS_CATEGORY_INTERRUPT:
    return insn->mnemonic == ZYDIS_MNEMONIC_INT3;
  case ZYDIS_CATEGORY_SYSCALL:
  case ZYDIS_CATEGORY_SYSRET:
  case ZYDIS_CATEGORY_SEGOP:
  case ZYDIS_CATEGORY_IO:
  case ZYDIS_CATEGORY_IOSTRINGOP:
  case ZYDIS_CATEGORY_STRINGOP:
  case ZYDIS_CATEGORY_RET:
  case ZYDIS_CATEGORY_MMX:
  case ZYDIS_CATEGORY_CET:
  case ZYDIS_CATEGORY_GATHER:
  case ZYDIS_CATEGORY_SCATTER:
  case ZYDIS_CATEGORY_RDWRFSGS:
    return false;
  default:
    return true;
  }
}

const char *oracle_object(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands, uint32_t address,
                          uint32_t *features) {
  if (insn->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && insn->encoding != ZYDIS_INSTRUCTION_ENCODING_VEX)
    return "neither legacy nor VEX";
  if (!known_set(insn, features))
    return "of a set that the design does not name";
  if (is_forbidden(insn->mnemonic))
    return "forbidden by name";
  if (!known_category(insn))
    return "of a category that the design does not name";
  if ((insn->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) || insn->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
    return "privileged or far";
  if (insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE | ZYDIS_ATTRIB_HAS_BND |
                          ZYDIS_ATTRIB_HAS_NOTRACK | ZYDIS_ATTRIB_HAS_XACQUIRE | ZYDIS_ATTRIB_HAS_XRELEASE))
    return "a prefix that changes it";
  if (insn->cpu_flags && insn->mnemonic != ZYDIS_MNEMONIC_INT3) { /* a trap leaves the process */
    ZydisAccessedFlagsMask written = insn->cpu_flags->modified | insn->cpu_flags->set_1 | insn->cpu_flags->undefined;
    if (written & (ZYDIS_CPUFLAG_DF | ZYDIS_CPUFLAG_AC | ZYDIS_CPUFLAG_IF | ZYDIS_CPUFLAG_IOPL | ZYDIS_CPUFLAG_TF |
                   ZYDIS_CPUFLAG_NT))
      return "sets a flag that must stay clear";
  }
  if (insn->meta.category == ZYDIS_CATEGORY_BITBYTE && operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
      operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
    return "an offset in bits from a register reaches any address";
  /* Each legacy prefix once; counted by hand in the raw bytes. */
  unsigned counts[256] = {0}, memory_operands = 0;
  for (int i = 0; i < insn->raw.prefix_count; i++)
    if (++counts[insn->raw.prefixes[i].value] > 1 && insn->mnemonic != ZYDIS_MNEMONIC_NOP)
      return "a repeated prefix";
  if (counts[0xf2] && counts[0xf3])
    return "both f2 and f3";
  if (insn->mnemonic != ZYDIS_MNEMONIC_NOP &&
      (counts[0x2e] || counts[0x3e] || counts[0x26] || counts[0x36] || counts[0x64]))
    return "a segment prefix";
  for (int i = 0; i < insn->raw.prefix_count; i++) /* Zydis counts REX among the prefixes */
    if ((insn->raw.prefixes[i].value & 0xf0) == 0x40 && i != insn->raw.prefix_count - 1)
      return "REX is not the last prefix";
  for (int i = 0; i < insn->operand_count; i++) {
    const char *objection = NULL;
    switch (operands[i].type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
      objection = object_register(insn, &operands[i]);
      break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
      memory_operands++;
      objection = object_memory(insn, &operands[i], address);
      break;
    case ZYDIS_OPERAND_TYPE_POINTER:
      objection = "a far pointer";
      break;
    default:
      break;
    }
    if (objection)
      return objection;
  }
  if ((counts[0x65] || counts[0x67]) && !memory_operands)
    return "an address prefix without an address";
  if (counts[0xf0] && !(memory_operands && (insn->attributes & ZYDIS_ATTRIB_HAS_LOCK)))
    return "a lock without memory to lock";
  if (is_branch(insn)) {
    if (insn->raw.prefix_count && !(insn->raw.prefix_count == 1 && operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY))
      return "a branch with prefixes";
    const ZydisDecodedOperand *target = &operands[0];
    if (target->type == ZYDIS_OPERAND_TYPE_MEMORY &&
        !(target->mem.base == ZYDIS_REGISTER_R14 && target->mem.disp.value >= 0x10000 &&
          target->mem.disp.value < 0x10000 + 30 * 8 && target->mem.disp.value % 8 == 0))
      return "an indirect branch that is not through the entry table";
    if (target->type == ZYDIS_OPERAND_TYPE_REGISTER)
      return "an indirect branch";
  }
  if (moves_stack(insn->mnemonic) && counts[0x66])
    return "a stack of 16-bit words";
  return NULL;
}

void oracle_ask(const uint8_t *code, size_t length, uint32_t address, struct oracle_opinion *opinion) {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  opinion->features = 0;
  opinion->text[0] = '\0';
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, length, &insn, operands))) {
    opinion->length = 0;
    opinion->objection = "not an instruction";
    return;
  }
  opinion->length = insn.length;
  opinion->objection = oracle_object(&insn, operands, address, &opinion->features);
  if (opinion->objection)
    oracle_text(code, length, opinion->text);
}

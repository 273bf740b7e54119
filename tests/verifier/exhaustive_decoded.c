/* What the verifier's own decoder made of an instruction, against Zydis; for exhaustive.h. The verifier judges by these
 * fields, so a difference is a hole even where the verdict happens to be right. */
#include "tests/verifier/exhaustive.h"
#include "verifier/decode.h"

/* General registers that the verifier thinks are written: bit N, and 16 + N for %ah to %bh of %rax to %rbx. */
static uint32_t verifier_writes(const struct decoded *d) {
  unsigned writes = d->form->writes;
  unsigned high = !d->rex && !d->vex ? 1 : 0;
  uint32_t set = 0;
  struct {
    bool written, byte;
    unsigned number;
  } fields[] = {
      {writes & FORM_WRITES_REG, writes & FORM_BYTE_REG, (d->modrm >> 3 & 7u) | (d->rex & REX_R ? 8 : 0)},
      {(writes & FORM_WRITES_RM) && d->modrm >= 0xc0, writes & FORM_BYTE_RM,
       (d->modrm & 7u) | (d->rex & REX_B ? 8 : 0)},
      {writes & FORM_WRITES_OPCODE, writes & FORM_BYTE_OPCODE, (d->opcode & 7u) | (d->rex & REX_B ? 8 : 0)},
      {writes & FORM_WRITES_VVVV, false, d->vvvv},
  };
  for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++)
    if (fields[i].written) {
      bool part = fields[i].byte && high && fields[i].number >= 4 && fields[i].number < 8;
      set |= 1u << (part ? 16 + fields[i].number - 4 : fields[i].number);
    }
  return set;
}

/* The same as Zydis has it, of the operands that the encoding names. */
static uint32_t zydis_writes(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *operands) {
  uint32_t set = 0;
  for (int i = 0; i < insn->operand_count; i++) {
    ZydisRegister reg = operands[i].reg.value;
    if (operands[i].type != ZYDIS_OPERAND_TYPE_REGISTER || operands[i].encoding == ZYDIS_OPERAND_ENCODING_NONE ||
        !(operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
      continue;
    ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
    if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH)
      set |= 1u << (16 + reg - ZYDIS_REGISTER_AH);
    else if (whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15)
      set |= 1u << (whole - ZYDIS_REGISTER_RAX);
  }
  return set;
}

static const char *compare_fields(const struct decoded *d, const ZydisDecodedInstruction *insn) {
  unsigned rex = 0, vvvv = 0;
  if (insn->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) {
    rex = insn->raw.vex.W << 3 | !insn->raw.vex.R << 2 | !insn->raw.vex.X << 1 | !insn->raw.vex.B;
    vvvv = ~insn->raw.vex.vvvv & 15u;
  } else {
    rex = insn->raw.rex.W << 3 | insn->raw.rex.R << 2 | insn->raw.rex.X << 1 | insn->raw.rex.B;
  }
  if (d->length != insn->length)
    return "the verifier's decoder has another length";
  if (d->vex != (insn->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) || d->opcode != insn->opcode)
    return "the verifier's decoder has another encoding or opcode";
  if ((d->rex & 15u) != rex || d->vvvv != vvvv)
    return "the verifier's decoder has other fields of REX or VEX";
  if (d->form->immediate != (insn->raw.imm[0].size + insn->raw.imm[1].size) / 8)
    return "the verifier's decoder has another immediate";
  return NULL;
}

const char *exhaustive_compare_decoded(const uint8_t *code, const ZydisDecodedInstruction *insn,
                                       const ZydisDecodedOperand *operands) {
  struct decoded d;
  if (decode_literal(code))
    return NULL;
  if (decode(code, &d) != RULE_NONE)
    return "the verifier's decoder refuses what the verifier accepts";
  const char *objection = compare_fields(&d, insn);
  if (objection)
    return objection;
  bool agen = false;
  for (int i = 0; i < insn->operand_count; i++)
    agen |= operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY && operands[i].mem.type == ZYDIS_MEMOP_TYPE_AGEN;
  if (agen != (d.form->kind == FORM_ADDRESS))
    return "an address that is computed and not accessed, or the other way round";
  if (d.form->flags & FORM_MODRM) {
    unsigned modrm = insn->raw.modrm.mod << 6 | insn->raw.modrm.reg << 3 | insn->raw.modrm.rm;
    if (d.modrm != modrm)
      return "the verifier's decoder has another ModRM";
    bool sib = modrm < 0xc0 && (modrm & 7) == 4;
    if (sib && d.sib != (insn->raw.sib.scale << 6 | insn->raw.sib.index << 3 | insn->raw.sib.base))
      return "the verifier's decoder has another SIB";
    if (modrm < 0xc0 && d.displacement != insn->raw.disp.value)
      return "the verifier's decoder has another displacement";
  }
  if (insn->mnemonic == ZYDIS_MNEMONIC_NOP) /* xchg of %rax with itself: Zydis has no operands for it */
    return NULL;
  if (verifier_writes(&d) != zydis_writes(insn, operands))
    return "the verifier has other registers written";
  return NULL;
}

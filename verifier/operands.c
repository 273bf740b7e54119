/* The rules for one instruction's operands: where its memory operand may point, and which registers it may write.
 * Called by verifier.c for an instruction that is on the allow-list. */
#include "verifier/decode.h"

#include <signet/layout.h>

enum { RSP = 4, R14 = 14, RIP_HIGH = 0xffffffc0 };

static enum verifier_rule check_memory(const struct decoded *d, uint64_t end) {
  unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
  bool rip = mod == 0 && rm == 5;
  switch (d->prefixes & (PREFIX_65 | PREFIX_67)) {
  case PREFIX_65 | PREFIX_67:
    return rip ? VERIFIER_RULE_MEMORY : RULE_NONE;
  case 0:
    break;
  default:
    return VERIFIER_RULE_MEMORY;
  }
  if (rip) {
    int64_t target = (int64_t)end + d->displacement;
    return target < 0 || target > RIP_HIGH ? VERIFIER_RULE_RIP : RULE_NONE;
  }
  if (rm == 4) { /* SIB: only %rsp, no index */
    bool rsp = (d->sib & 7) == 4 && !(d->rex & REX_B), index = (d->sib >> 3 & 7) != 4 || (d->rex & REX_X);
    bool near = d->displacement >= -SIGNET_STACK_DISPLACEMENT && d->displacement <= SIGNET_STACK_DISPLACEMENT;
    return rsp && !index && near ? RULE_NONE : VERIFIER_RULE_MEMORY;
  }
  bool r14 = rm == 6 && (d->rex & REX_B);
  return r14 && d->displacement >= 0 ? RULE_NONE : VERIFIER_RULE_MEMORY;
}

static enum verifier_rule check_written(unsigned number, bool byte, uint8_t rex) {
  if (byte && !rex && number >= 4)
    return RULE_NONE; /* %ah to %bh are parts of %rax to %rbx */
  return number == R14 ? VERIFIER_RULE_RESERVED : number == RSP ? VERIFIER_RULE_STACK : RULE_NONE;
}

static enum verifier_rule check_registers(const struct decoded *d) {
  unsigned writes = d->form->writes, rex = d->rex;
  enum verifier_rule rule = RULE_NONE;
  if (writes & FORM_WRITES_REG)
    rule = check_written((d->modrm >> 3 & 7) | (rex & REX_R) << 1, writes & FORM_BYTE_REG, rex);
  if (rule == RULE_NONE && (writes & FORM_WRITES_RM) && d->modrm >= 0xc0)
    rule = check_written((d->modrm & 7) | (rex & REX_B) << 3, writes & FORM_BYTE_RM, rex);
  if (rule == RULE_NONE && (writes & FORM_WRITES_OPCODE))
    rule = check_written((d->opcode & 7) | (rex & REX_B) << 3, writes & FORM_BYTE_OPCODE, rex);
  if (rule == RULE_NONE && (writes & FORM_WRITES_VVVV))
    rule = check_written(d->vvvv, false, rex);
  return rule;
}

enum verifier_rule check_operands(const struct decoded *d, uint64_t end) {
  const struct verifier_form *form = d->form;
  bool memory = (form->flags & FORM_MODRM) && d->modrm < 0xc0;
  if (d->prefixes) {
    bool accesses = memory && form->kind != FORM_ADDRESS;
    if ((d->prefixes & (PREFIX_65 | PREFIX_67)) && !accesses)
      return VERIFIER_RULE_PREFIX;
    if ((d->prefixes & PREFIX_F0) && !(memory && (form->flags & FORM_LOCK)))
      return VERIFIER_RULE_PREFIX;
  }
  if (memory && form->kind != FORM_ADDRESS) {
    enum verifier_rule rule = check_memory(d, end);
    if (rule != RULE_NONE)
      return rule;
  }
  return form->writes ? check_registers(d) : RULE_NONE;
}

/* Owns the emulator and what is watched of each instruction: where it stands, what it reads and writes, which registers
 * it changes, against what the verifier passed and what Zydis says of it. See unicorn_engine.h. */
#include "tests/execution/unicorn_engine.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <Zydis/Zydis.h>
#include <signet/abi.h>
#include <signet/layout.h>
#include <unicorn/unicorn.h>

#include "verifier/verifier.h"

#define WINDOW UINT64_C(0x7e5500000000)
#define WINDOW_BYTES (UINT64_C(1) << 32)
#define STUBS UINT64_C(0x560000000000) /* stands for the kernel: nothing there is ever executed */
#define FS_BASE UINT64_C(0x7a0000000000)
#define STATUS_FLAGS 0x8d5u /* CF PF AF ZF SF OF */
#define NOWHERE UINT32_MAX
#define SIMD_ENABLED 0x40600 /* CR4: OSFXSR, OSXMMEXCPT, OSXSAVE */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R14 = 14 };

/* Everything that is compared before and after an instruction, in the order of `registers`. */
#define SYSTEM_REGISTERS 19
struct state {
  uint64_t general[16];
  uint64_t flags;
  uint8_t vector[16][16];
  uint8_t x87[8][16]; /* 10 bytes each */
  uint64_t x87_status, x87_control, x87_tags, mxcsr;
  uint64_t rip;
  uint64_t system[SYSTEM_REGISTERS];
};

static const int general_names[16] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                      UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                      UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                      UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};
static const struct {
  int name;
  const char *wrong;
} system_names[SYSTEM_REGISTERS] = {
    {UC_X86_REG_GS_BASE, "it changed the base of %gs"}, {UC_X86_REG_FS_BASE, "it changed the base of %fs"},
    {UC_X86_REG_CS, "it changed a segment register"},   {UC_X86_REG_SS, "it changed a segment register"},
    {UC_X86_REG_DS, "it changed a segment register"},   {UC_X86_REG_ES, "it changed a segment register"},
    {UC_X86_REG_FS, "it changed a segment register"},   {UC_X86_REG_GS, "it changed a segment register"},
    {UC_X86_REG_CR0, "it changed a control register"},  {UC_X86_REG_CR2, "it changed a control register"},
    {UC_X86_REG_CR3, "it changed a control register"},  {UC_X86_REG_CR4, "it changed a control register"},
    {UC_X86_REG_DR0, "it changed a debug register"},    {UC_X86_REG_DR1, "it changed a debug register"},
    {UC_X86_REG_DR2, "it changed a debug register"},    {UC_X86_REG_DR3, "it changed a debug register"},
    {UC_X86_REG_DR6, "it changed a debug register"},    {UC_X86_REG_DR7, "it changed a debug register"},
    {UC_X86_REG_TR, "it changed the task register"},
};
#define REGISTERS (16 + 1 + 16 + 8 + 4 + 1 + SYSTEM_REGISTERS)

/* What Zydis says of the instruction at one place of the code, and what the verifier said of the place. */
struct expected {
  bool known;     /* the rest is valid */
  bool target;    /* the verifier lets it be branched to */
  uint32_t after; /* otherwise: the instruction of its sequence that runs before it */
  uint16_t general, vector;
  uint32_t flags;
  bool vectors;                              /* some operand is a vector register */
  bool x87, x87_control, mxcsr, stack_joins; /* stack_joins: second half of a stack sequence */
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static uc_engine *uc;
static ZydisDecoder decoder;
static ZydisFormatter formatter;
static int names[REGISTERS];
static void *places[REGISTERS];
static struct state now, before, first;
static struct expected expected[PROGRAM_CODE_MOST];
static uint8_t code[SIGNET_PAGE] __attribute__((aligned(4096)));
static uint8_t data[PROGRAM_DATA_LENGTH] __attribute__((aligned(4096)));
static uint64_t table[SIGNET_PAGE / 8] __attribute__((aligned(4096)));
static uint8_t thread_page[SIGNET_PAGE] __attribute__((aligned(4096)));
static uint8_t stubs[SIGNET_PAGE] __attribute__((aligned(4096)));
static uint64_t scratch[PROGRAM_CODE_MOST / 8];
static uint64_t unsupported[ZYDIS_MNEMONIC_MAX_VALUE + 1];

static const struct program *running;
static bool held; /* to what the verifier passed */
static struct engine_result *result;
static uint64_t steps_left;
static uint32_t current; /* offset in the code of the instruction under way, or NOWHERE */
static bool stopped;
static uint64_t call_at;
static uint64_t first_control; /* CR4 as Unicorn starts */

static void stop(enum engine_end end) {
  if (!stopped)
    result->end = end;
  stopped = true;
  uc_emu_stop(uc);
}

static void describe(uint32_t at) {
  if (at >= running->length || result->text[0])
    return;
  result->where = PROGRAM_CODE + at;
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
  snprintf(result->text, sizeof result->text, "(not an instruction)");
  if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, running->code + at, running->length - at, &insn, operands)))
    ZydisFormatterFormatInstruction(&formatter, &insn, operands, insn.operand_count_visible, result->text,
                                    sizeof result->text, PROGRAM_CODE + at, ZYAN_NULL);
}

static void wrong(const char *what) {
  if (!result->wrong) {
    result->wrong = what;
    describe(current);
  }
  stop(ENGINE_FAULT);
}

static unsigned general_number(ZydisRegister reg) {
  return (unsigned)ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg));
}

static void expect_register(struct expected *e, ZydisRegister reg, bool written) {
  switch (ZydisRegisterGetClass(reg)) {
  case ZYDIS_REGCLASS_GPR8:
  case ZYDIS_REGCLASS_GPR16:
  case ZYDIS_REGCLASS_GPR32:
  case ZYDIS_REGCLASS_GPR64:
    if (written)
      e->general |= (uint16_t)(1u << general_number(reg));
    return;
  case ZYDIS_REGCLASS_YMM:
    e->vectors = true;
    return;
  case ZYDIS_REGCLASS_XMM:
    e->vectors = true;
    if (written)
      e->vector |= (uint16_t)(1u << ZydisRegisterGetId(reg));
    return;
  case ZYDIS_REGCLASS_X87:
    e->x87 = true;
    return;
  default:
    break;
  }
  e->x87 |= written && (reg == ZYDIS_REGISTER_X87STATUS || reg == ZYDIS_REGISTER_X87TAG);
  e->x87_control |= written && reg == ZYDIS_REGISTER_X87CONTROL;
  e->mxcsr |= written && reg == ZYDIS_REGISTER_MXCSR;
}

/* Decodes what stands at `at`. False: Zydis knows no instruction there. */
static bool expect(uint32_t at) {
  struct expected *e = &expected[at];
  if (e->known)
    return true;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, running->code + at, running->length - at, &e->insn, e->operands)))
    return false;
  e->known = true;
  e->general = e->vector = 0;
  e->vectors = false;
  e->x87 = e->insn.meta.isa_ext == ZYDIS_ISA_EXT_X87;
  /* Zydis leaves that out; the allow-list does not. */
  e->x87_control = e->insn.mnemonic == ZYDIS_MNEMONIC_FNINIT || e->insn.mnemonic == ZYDIS_MNEMONIC_FLDCW;
  e->mxcsr = false;
  for (unsigned i = 0; i < e->insn.operand_count; i++) {
    const ZydisDecodedOperand *operand = &e->operands[i];
    if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
      expect_register(e, operand->reg.value, operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE);
  }
  const ZydisAccessedFlags *flags = e->insn.cpu_flags;
  e->flags = flags ? flags->modified | flags->set_0 | flags->set_1 | flags->undefined : 0;
  return true;
}

/* What the emulator does and processors do not: with REX it takes %ah for %spl here; and it forgets the immediate byte
 * when it computes an address relative to %rip. */
static bool emulated_wrongly(const struct expected *e) {
  if (e->insn.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX && e->vectors)
    return true; /* it has no AVX, and takes some of it for SSE */
  switch (e->insn.mnemonic) {
  case ZYDIS_MNEMONIC_LAHF:
  case ZYDIS_MNEMONIC_SAHF:
    return e->insn.attributes & ZYDIS_ATTRIB_HAS_REX;
  case ZYDIS_MNEMONIC_RORX:
  case ZYDIS_MNEMONIC_SHLD:
  case ZYDIS_MNEMONIC_SHRD:
    return e->insn.attributes & ZYDIS_ATTRIB_IS_RELATIVE;
  case ZYDIS_MNEMONIC_PCMPESTRI: /* it crashes for the most negative length */
  case ZYDIS_MNEMONIC_PCMPESTRM:
    return true;
  default:
    return false;
  }
}

/* Which instructions may run, from what the verifier passed: those that it lets be branched to, and what follows each
 * of them in its guarded sequence. */
static bool expect_starts(void) {
  struct verifier_input input = {.code = running->code,
                                 .length = running->length,
                                 .offset = PROGRAM_CODE,
                                 .calls = PROGRAM_CALLS,
                                 .parallel = running->parallel};
  struct verifier_outcome outcome;
  for (uint32_t at = 0; at < running->length; at++)
    expected[at] = (struct expected){.after = NOWHERE};
  if (!held)
    return true;
  if (!verifier_check(&input, scratch, NULL, NULL, &outcome))
    return false;
  uint32_t before_it = NOWHERE;
  for (uint32_t at = 0; at < running->length;) {
    expected[at].target = verifier_is_target(&input, scratch, PROGRAM_CODE + at);
    expected[at].after = expected[at].target ? NOWHERE : before_it;
    if (!expect(at))
      return false;
    const ZydisDecodedOperand *first_operand = &expected[at].operands[0];
    expected[at].stack_joins = !expected[at].target && first_operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
                               first_operand->reg.value == ZYDIS_REGISTER_RSP;
    if (emulated_wrongly(&expected[at])) /* stopping before it is too late: the emulator is shown an ud2 */
      memcpy(code + at, "\x0f\x0b", 2);
    before_it = at;
    at += expected[at].insn.length;
  }
  return true;
}

static uint64_t register_value(ZydisRegister reg) {
  if (reg == ZYDIS_REGISTER_RIP)
    return before.rip + expected[current].insn.length;
  if (reg == ZYDIS_REGISTER_NONE)
    return 0;
  uint64_t value = before.general[general_number(reg)];
  return ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR32 ? (uint32_t)value : value;
}

/* Where an operand lies, by Zydis' reading and the registers before. */
static uint64_t operand_address(const struct expected *e, const ZydisDecodedOperand *operand) {
  const ZydisDecodedOperandMem *memory = &operand->mem;
  bool hidden = operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
  /* A displacement alone, whatever REX.B is: the processor does not look at it here, and Zydis 4.0 does. */
  bool none =
      !hidden && e->insn.attributes & ZYDIS_ATTRIB_HAS_SIB && e->insn.raw.modrm.mod == 0 && e->insn.raw.sib.base == 5;
  uint64_t base = none ? (uint64_t)e->insn.raw.disp.value : register_value(memory->base);
  uint64_t sum = base + register_value(memory->index) * (memory->scale ? memory->scale : 1) +
                 (memory->disp.has_displacement && !none ? (uint64_t)memory->disp.value : 0);
  if (memory->base == ZYDIS_REGISTER_RSP) {
    if (hidden && operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) /* pushed below it */
      sum -= operand->size / 8;
  }
  /* The processor counts it up before it takes the address. */
  bool of_stack = memory->base == ZYDIS_REGISTER_RSP || memory->base == ZYDIS_REGISTER_ESP;
  if (of_stack && !hidden && e->insn.mnemonic == ZYDIS_MNEMONIC_POP)
    sum += 8;
  if (e->insn.address_width == 32 && !(hidden && memory->base == ZYDIS_REGISTER_RSP))
    sum = (uint32_t)sum;
  if (memory->segment == ZYDIS_REGISTER_GS)
    sum += first.system[0];
  if (memory->segment == ZYDIS_REGISTER_FS)
    sum += first.system[1];
  return sum;
}

/* The high guard of the window before and the low guard of the one behind are there for this one, too. */
static bool in_guards(uint64_t at) { return at - (WINDOW - SIGNET_GUARD) < WINDOW_BYTES + 2 * SIGNET_GUARD; }

static bool by_operand(uint64_t at, unsigned size, bool write) {
  const struct expected *e = &expected[current];
  for (unsigned i = 0; i < e->insn.operand_count; i++) {
    const ZydisDecodedOperand *operand = &e->operands[i];
    ZydisOperandActions wanted = write ? ZYDIS_OPERAND_ACTION_MASK_WRITE : ZYDIS_OPERAND_ACTION_MASK_READ;
    /* A locked or exchanging instruction in an emulator writes what it read. */
    if (write && e->insn.attributes & ZYDIS_ATTRIB_HAS_LOCK)
      wanted |= ZYDIS_OPERAND_ACTION_MASK_READ;
    if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY || !(operand->actions & wanted))
      continue;
    uint64_t low = operand_address(e, operand);
    /* It also reads 16 bytes of what a vector instruction reads some of. */
    bool vector = !write && e->vectors;
    uint64_t bytes = vector ? 16 : operand->size / 8, high = low + bytes;
    if (at - low < bytes && at - low + size <= bytes)
      return true;
    /* The emulator reads across the end of a page as the two aligned words that it lies in. */
    bool across = low / SIGNET_PAGE != (high - 1) / SIGNET_PAGE && at % size == 0 && !write;
    if (across && at < high && low < at + size)
      return true;
  }
  return false;
}

static void on_access(uc_engine *engine, uc_mem_type type, uint64_t at, int size, int64_t value, void *context) {
  (void)engine, (void)value, (void)context;
  result->accesses++;
  if (stopped || current == NOWHERE)
    return;
  if (!in_guards(at) || !in_guards(at + (unsigned)size - 1))
    wrong("it accessed memory outside its window");
  else if (!by_operand(at, (unsigned)size, type == UC_MEM_WRITE))
    wrong(type == UC_MEM_WRITE ? "it wrote memory that none of its operands names"
                               : "it read memory that none of its operands names");
}

static bool on_bad_access(uc_engine *engine, uc_mem_type type, uint64_t at, int size, int64_t value, void *context) {
  (void)engine, (void)value, (void)context, (void)size;
  result->accesses++;
  if (!in_guards(at))
    wrong(type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT ? "it went on outside its window"
                                                                     : "it accessed memory outside its window");
  stop(ENGINE_FAULT);
  return false;
}

static void on_exception(uc_engine *engine, uint32_t number, void *context) {
  (void)engine, (void)context;
  ZydisMnemonic mnemonic =
      current != NOWHERE && expected[current].known ? expected[current].insn.mnemonic : ZYDIS_MNEMONIC_INVALID;
  bool misaligned = mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B,
       divides = mnemonic == ZYDIS_MNEMONIC_DIV || mnemonic == ZYDIS_MNEMONIC_IDIV;
  /* Unicorn delivers none, and so takes the second of a run for a double fault. */
  bool expected_one = number == 13  ? misaligned
                      : number == 8 ? misaligned || divides
                                    : number == 0 || number == 3 || number == 16 || number == 19;
  if (!expected_one)
    wrong("it raised an interrupt or an exception that is not one of computing");
  stop(ENGINE_EXCEPTION);
}

/* The program ends here, because the emulator cannot execute the instruction. */
static void pass_over(void) {
  if (current != NOWHERE && expected[current].known) {
    unsupported[expected[current].insn.mnemonic]++;
    describe(current);
  }
  stop(ENGINE_UNSUPPORTED);
}

static bool on_unknown(uc_engine *engine, void *context) {
  (void)engine, (void)context;
  pass_over();
  return false;
}

static void on_system_call(uc_engine *engine, void *context) {
  (void)engine, (void)context;
  wrong("it made a system call of the host");
}

static uint32_t on_port_in(uc_engine *engine, uint32_t port, int size, void *context) {
  (void)engine, (void)port, (void)size, (void)context;
  wrong("it used an input or output port");
  return 0;
}

static void on_port_out(uc_engine *engine, uint32_t port, int size, uint32_t value, void *context) {
  (void)engine, (void)port, (void)size, (void)value, (void)context;
  wrong("it used an input or output port");
}

/* What holds before every instruction. `at`: the next one, or NOWHERE. */
static void check_always(uint32_t at) {
  if (now.general[R14] != WINDOW)
    wrong("it changed %r14");
  bool joins = at != NOWHERE && expected[at].stack_joins;
  uint64_t stack_low = joins ? 0 : WINDOW;
  if (now.general[RSP] - stack_low >= WINDOW_BYTES)
    wrong("%rsp is outside the window");
  if ((now.flags ^ first.flags) & ~(uint64_t)STATUS_FLAGS)
    wrong("it changed a flag that is not one of arithmetic");
  for (unsigned i = 0; i < SYSTEM_REGISTERS; i++)
    if (now.system[i] != first.system[i])
      wrong(system_names[i].wrong);
}

/* What the instruction `current` changed, against what it is said to write. */
static void check_effects(void) {
  const struct expected *e = &expected[current];
  for (unsigned i = 0; i < 16; i++)
    if (now.general[i] != before.general[i] && !(e->general >> i & 1))
      wrong("it changed a general register that it does not write");
  if ((now.flags ^ before.flags) & ~(uint64_t)e->flags)
    wrong("it changed a flag that it does not write");
  for (unsigned i = 0; i < 16; i++)
    if (memcmp(now.vector[i], before.vector[i], sizeof now.vector[i]) != 0 && !(e->vector >> i & 1))
      wrong("it changed a vector register that it does not write");
  bool x87 = memcmp(now.x87, before.x87, sizeof now.x87) != 0 || now.x87_status != before.x87_status ||
             now.x87_tags != before.x87_tags;
  if (x87 && !e->x87)
    wrong("it changed the x87's state");
  if (now.x87_control != before.x87_control && !e->x87_control)
    wrong("it changed the x87's control word");
  if (now.mxcsr != before.mxcsr && !e->mxcsr)
    wrong("it changed MXCSR");
}

/* Whether the way from `current` to `at` is one that its instruction has. */
static void check_way(uint64_t to) {
  const struct expected *e = &expected[current];
  uint64_t next = before.rip + e->insn.length;
  ZydisInstructionCategory category = e->insn.meta.category;
  /* The emulator begins one anew that is to be atomic. */
  bool again = e->insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_LOCK) ||
               e->insn.mnemonic == ZYDIS_MNEMONIC_CMPXCHG16B;
  if (to == next || (to == before.rip && again))
    return;
  bool branch = category == ZYDIS_CATEGORY_COND_BR || category == ZYDIS_CATEGORY_UNCOND_BR ||
                category == ZYDIS_CATEGORY_CALL || category == ZYDIS_CATEGORY_RET;
  if (to == before.rip && !branch && memcmp(now.general, before.general, sizeof now.general) == 0) {
    pass_over(); /* it tries over and over */
    return;
  }
  const ZydisDecodedOperand *operand = &e->operands[0];
  if (!branch)
    wrong("it went elsewhere and is no branch");
  else if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE && category != ZYDIS_CATEGORY_RET) {
    if (to != next + operand->imm.value.u)
      wrong("it branched elsewhere than its operand says");
  } else if (to % SIGNET_BUNDLE && held)
    wrong("it branched to no bundle's start");
}

static void check_entry(uint32_t at) {
  const struct expected *e = &expected[at];
  uint32_t previous = current;
  bool repeats = previous == at;
  if (!held || e->target || repeats)
    return;
  current = at;
  if (e->after == NOWHERE)
    wrong("it is no instruction that was verified");
  else if (e->after != previous)
    wrong("it is inside a guarded sequence, and was not come to through it");
}

static void call_kernel(uint64_t to) {
  const struct expected *e = &expected[current];
  bool through_table = current != NOWHERE && e->operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
                       e->operands[0].mem.base == ZYDIS_REGISTER_R14;
  if (!through_table || (to - STUBS) % 16 || (to - STUBS) / 16 >= PROGRAM_CALLS)
    wrong("it came to the kernel's code by another way than the entry table");
  call_at = to;
  uc_emu_stop(uc);
}

static void on_code(uc_engine *engine, uint64_t at, uint32_t size, void *context) {
  (void)size, (void)context;
  if (stopped)
    return;
  uc_reg_read_batch(engine, names, places, REGISTERS);
  uint64_t offset = at - WINDOW - PROGRAM_CODE;
  bool in_code = offset < running->length;
  now.rip = at;
  if (current != NOWHERE) {
    check_effects();
    result->instructions++;
    if (at - STUBS >= SIGNET_PAGE)
      check_way(at);
  }
  check_always(in_code ? (uint32_t)offset : NOWHERE);
  if (stopped)
    return;
  if (at - STUBS < SIGNET_PAGE) {
    call_kernel(at);
    return;
  }
  if (held && offset - running->length < sizeof code - running->length) {
    stop(ENGINE_FAULT); /* the emulator's pages are larger than the program; its code segment ends here */
    return;
  }
  if (!in_code) {
    wrong("it executed what is no code of its own");
    return;
  }
  check_entry((uint32_t)offset);
  current = (uint32_t)offset;
  if (!stopped && !expect(current))
    pass_over();
  if (!steps_left--)
    stop(ENGINE_STEPS);
  before = now;
}

static void name_registers(void) {
  unsigned n = 0;
#define NAME(register_name, place) (names[n] = register_name, places[n++] = place)
  for (unsigned i = 0; i < 16; i++)
    NAME(general_names[i], &now.general[i]);
  NAME(UC_X86_REG_EFLAGS, &now.flags);
  for (unsigned i = 0; i < 16; i++)
    NAME(UC_X86_REG_XMM0 + (int)i, now.vector[i]);
  for (unsigned i = 0; i < 8; i++)
    NAME(UC_X86_REG_FP0 + (int)i, now.x87[i]);
  NAME(UC_X86_REG_FPSW, &now.x87_status);
  NAME(UC_X86_REG_FPCW, &now.x87_control);
  NAME(UC_X86_REG_FPTAG, &now.x87_tags);
  NAME(UC_X86_REG_MXCSR, &now.mxcsr);
  NAME(UC_X86_REG_RIP, &now.rip);
  for (unsigned i = 0; i < SYSTEM_REGISTERS; i++)
    NAME(system_names[i].name, &now.system[i]);
#undef NAME
}

static bool hook(int type, void *callback) {
  uc_hook handle;
  return uc_hook_add(uc, &handle, type, callback, NULL, 1, 0) == UC_ERR_OK;
}

static bool hook_instruction(int instruction, void *callback) {
  uc_hook handle;
  return uc_hook_add(uc, &handle, UC_HOOK_INSN, callback, NULL, 1, 0, instruction) == UC_ERR_OK;
}

static bool map(uint64_t at, void *bytes, size_t length, uint32_t protection) {
  return uc_mem_map_ptr(uc, at, length, protection, bytes) == UC_ERR_OK;
}

bool engine_start(void) {
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
  name_registers();
  for (unsigned i = 0; i < PROGRAM_CALLS; i++)
    table[i] = STUBS + 16 * i;
  memset(stubs, 0xf4, sizeof stubs); /* hlt */
  return uc_open(UC_ARCH_X86, UC_MODE_64, &uc) == UC_ERR_OK &&
         uc_ctl_set_cpu_model(uc, UC_CPU_X86_ICELAKE_SERVER) == UC_ERR_OK &&
         map(WINDOW + SIGNET_ENTRY_TABLE, table, sizeof table, UC_PROT_READ) &&
         map(WINDOW + SIGNET_THREAD_PAGE, thread_page, sizeof thread_page, UC_PROT_READ | UC_PROT_WRITE) &&
         map(WINDOW + PROGRAM_CODE, code, sizeof code, UC_PROT_READ | UC_PROT_EXEC) &&
         map(WINDOW + PROGRAM_DATA, data, sizeof data, UC_PROT_READ | UC_PROT_WRITE) &&
         map(STUBS, stubs, sizeof stubs, UC_PROT_READ | UC_PROT_EXEC) && hook(UC_HOOK_CODE, on_code) &&
         hook(UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, on_access) && hook(UC_HOOK_MEM_INVALID, on_bad_access) &&
         hook(UC_HOOK_INTR, on_exception) && hook(UC_HOOK_INSN_INVALID, on_unknown) &&
         hook_instruction(UC_X86_INS_SYSCALL, on_system_call) &&
         hook_instruction(UC_X86_INS_SYSENTER, on_system_call) && hook_instruction(UC_X86_INS_IN, on_port_in) &&
         hook_instruction(UC_X86_INS_OUT, on_port_out) && uc_reg_read(uc, UC_X86_REG_CR4, &first_control) == UC_ERR_OK;
}

uint32_t engine_features(void) {
  uint32_t features = 0;
  static const enum verifier_feature known[] = {
      VERIFIER_FEATURE_SSE3, VERIFIER_FEATURE_SSSE3, VERIFIER_FEATURE_SSE4_1, VERIFIER_FEATURE_SSE4_2,
      VERIFIER_FEATURE_BMI1, VERIFIER_FEATURE_BMI2,  VERIFIER_FEATURE_LZCNT,  VERIFIER_FEATURE_AES,
      VERIFIER_FEATURE_ADX,  VERIFIER_FEATURE_CX16,  VERIFIER_FEATURE_RDSEED};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    features |= 1u << known[i];
  return features;
}

static uint64_t mix(uint64_t value) {
  value ^= value >> 31;
  value *= UINT64_C(0x9e3779b97f4a7c15);
  return value ^ value >> 29;
}

static void set(int name, uint64_t value) { uc_reg_write(uc, name, &value); }

static void begin(const struct program_start *start) {
  memset(code, 0xcc, sizeof code);
  memcpy(code, running->code, running->length);
  uint64_t *words = (uint64_t *)data, value = running->seed;
  for (size_t i = 0; i < sizeof data / sizeof *words; i++)
    words[i] = value = mix(value + i);
  memset(thread_page, 0, sizeof thread_page);
  uc_ctl_remove_cache(uc, WINDOW + PROGRAM_CODE, WINDOW + PROGRAM_CODE + sizeof code);
  for (unsigned i = 0; i < 16; i++)
    set(general_names[i], start->general[i]);
  set(UC_X86_REG_RSP, WINDOW | (uint32_t)start->general[RSP]);
  set(UC_X86_REG_R14, WINDOW);
  set(UC_X86_REG_GS_BASE, WINDOW);
  set(UC_X86_REG_FS_BASE, FS_BASE);
  set(UC_X86_REG_EFLAGS, 0x202 | (start->flags & STATUS_FLAGS));
  set(UC_X86_REG_CR4, first_control | SIMD_ENABLED);
  set(UC_X86_REG_MXCSR, start->mxcsr);
  set(UC_X86_REG_FPCW, start->x87_control);
  set(UC_X86_REG_FPSW, 0);
  set(UC_X86_REG_FPTAG, 0xffff);
  for (int i = 0; i < 16; i++)
    uc_reg_write(uc, UC_X86_REG_XMM0 + i, start->vector[i]);
  uc_reg_read_batch(uc, names, places, REGISTERS);
  first = before = now;
}

/* The kernel's part, as docs/machine-code.md says it. -> where the program goes on; 0: it does not. */
static uint64_t answer(void) {
  static const int cleared[] = {UC_X86_REG_RCX, UC_X86_REG_RSI, UC_X86_REG_RDI, UC_X86_REG_R8,
                                UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11};
  uint64_t number = (call_at - STUBS) / 16, stack = 0, to = 0;
  result->calls++;
  call_at = 0;
  current = NOWHERE;
  uc_reg_read(uc, UC_X86_REG_RSP, &stack);
  if (number == SIGNET_CALL_process_exit || number == SIGNET_CALL_thread_exit ||
      uc_mem_read(uc, stack, &to, sizeof to) != UC_ERR_OK) {
    result->end = ENGINE_OUTSIDE;
    return 0;
  }
  to = (to & 0x7fffffe0) | WINDOW;
  if (stack - WINDOW - PROGRAM_DATA >= PROGRAM_DATA_LENGTH && stack - WINDOW - SIGNET_THREAD_PAGE >= SIGNET_PAGE) {
    result->end = ENGINE_OUTSIDE; /* read-only: the kernel's push ends it */
    return 0;
  }
  uc_mem_write(uc, stack, &to, sizeof to);
  for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
    set(cleared[i], 0);
  uint64_t value = mix(running->seed + result->calls);
  set(UC_X86_REG_RSP, stack + 8);
  set(UC_X86_REG_RAX, value % 3 ? 0 : value >> 8 & 31);
  set(UC_X86_REG_RDX, value >> (value >> 13 & 63));
  set(UC_X86_REG_EFLAGS, 0x246);
  first.flags = (first.flags & ~(uint64_t)STATUS_FLAGS) | (0x46 & STATUS_FLAGS);
  return to;
}

void engine_run(const struct program *program, const struct program_start *start, bool verified, uint64_t steps,
                struct engine_result *out) {
  running = program;
  held = verified;
  result = out;
  *result = (struct engine_result){.end = ENGINE_ENDS};
  current = NOWHERE;
  steps_left = steps;
  stopped = false;
  call_at = 0;
  uint64_t stopped_at = UINT64_MAX;
  begin(start);
  if (!expect_starts()) {
    result->wrong = "the verifier refuses it";
    return;
  }
  for (uint64_t rip = WINDOW + PROGRAM_CODE; rip && !stopped;) {
    uc_err error = uc_emu_start(uc, rip, 0, 0, 0);
    rip = 0;
    if (call_at && !stopped) {
      rip = answer();
      continue;
    }
    if (stopped)
      break;
    /* Unicorn stops now and then for no reason; it goes on from where it stopped, and what it does there is watched. */
    bool halted = current == NOWHERE || expected[current].insn.mnemonic == ZYDIS_MNEMONIC_HLT;
    if (error != UC_ERR_OK || halted || result->instructions == stopped_at)
      wrong(error == UC_ERR_OK ? "it halted the processor" : uc_strerror(error));
    stopped_at = result->instructions;
    uc_reg_read(uc, UC_X86_REG_RIP, &rip);
  }
  if (!result->wrong && current != NOWHERE) {
    /* An instruction that faulted midway may have done part of its work; what always holds still does. */
    uc_reg_read_batch(uc, names, places, REGISTERS);
    bool joined = now.general[RSP] - WINDOW < WINDOW_BYTES;
    check_always(expected[current].stack_joins && !joined ? current : NOWHERE);
  }
}

void engine_unsupported(void (*each)(const char *mnemonic, uint64_t times)) {
  for (int i = 0; i <= ZYDIS_MNEMONIC_MAX_VALUE; i++)
    if (unsupported[i])
      each(ZydisMnemonicGetString((ZydisMnemonic)i), unsupported[i]);
}

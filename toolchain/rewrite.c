/* One instruction in, the items that docs/machine-code.md permits out. Called for each instruction of a source, in
 * order. %r11 is free at every instruction; the sequences here use no other register and, except where the comment says
 * so, leave the flags alone. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/layout.h>

#include "toolchain/assembly.h"
#include "toolchain/operand.h"
#include "toolchain/rewrite.h"

#define RESTORE_STACK "lea (%%rsp,%%r14,1),%%rsp"

struct item *rewrite_emit(struct assembly *assembly, const char *format, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  if (length >= (int)sizeof buffer)
    assembly_error(assembly, "the instruction is too long");
  struct item *item = item_append(assembly, ITEM_CODE);
  item->text = text_find(assembly, buffer);
  return item;
}

static bool is_name(const char *text) {
  if (!isalpha((unsigned char)*text) && *text != '_' && *text != '.' && *text != '$')
    return false;
  for (text++; *text; text++)
    if (!isalnum((unsigned char)*text) && *text != '_' && *text != '.' && *text != '$')
      return false;
  return true;
}

/* ---- Memory operands ---- */

static bool is_thread_pointer(const struct operand *operand) {
  int64_t value;
  return operand->segment == 'f' && operand->base == REGISTER_NONE && operand->index == REGISTER_NONE &&
         constant_value(operand->displacement, &value) && value == 0;
}

bool rewrite_is_memory(const struct operand *operand) {
  return operand->kind == OPERAND_MEMORY || operand->kind == OPERAND_SYMBOL;
}

/* The operand as a sealed process may use it. May emit instructions that load %r11. */
const char *rewrite_memory(struct assembly *assembly, const struct operand *operand) {
  const char *displacement = operand->displacement;
  int64_t value;
  bool constant = constant_value(displacement, &value);
  if (!constant)
    source_mark_taken(assembly, displacement);
  if (operand->segment == 'f') {
    if (is_thread_pointer(operand))
      return memory_format("%d(%%r14)%s", SIGNET_THREAD_PAGE, operand->suffix);
    rewrite_emit(assembly, "movq %d(%%r14),%%r11", SIGNET_THREAD_PAGE);
    /* The assembler refuses @tpoff in an address of 32 bits, so it is added here, with the base if there is one. */
    if (operand->base != REGISTER_NONE)
      rewrite_emit(assembly, "lea %s(%%r11,%s),%%r11", displacement, register_name(operand->base, 8));
    else
      rewrite_emit(assembly, "lea %s(%%r11),%%r11", displacement);
    if (operand->index == REGISTER_NONE)
      return memory_format("%%gs:(%%r11d)%s", operand->suffix);
    return memory_format("%%gs:(%%r11d,%s,%s)%s", register_name(operand->index, 4), operand->scale, operand->suffix);
  }
  /* The same where the thread pointer is in a register already. */
  if (strstr(displacement, "@tpoff") && operand->base != REGISTER_NONE && operand->base != REGISTER_RIP) {
    rewrite_emit(assembly, "lea %s(%s),%%r11", displacement, register_name(operand->base, 8));
    if (operand->index == REGISTER_NONE)
      return memory_format("%%gs:(%%r11d)%s", operand->suffix);
    return memory_format("%%gs:(%%r11d,%s,%s)%s", register_name(operand->index, 4), operand->scale, operand->suffix);
  }
  if (operand->base == REGISTER_RIP) {
    if (strchr(displacement, '@'))
      assembly_error(assembly, "%s is not supported here: a static program has no table of offsets", displacement);
    return memory_format("%s(%%rip)%s", displacement, operand->suffix);
  }
  if (operand->base == R14 && operand->index == REGISTER_NONE && constant && value >= 0)
    return memory_format("%s(%%r14)%s", displacement, operand->suffix);
  if (operand->kind == OPERAND_SYMBOL || (operand->base == REGISTER_NONE && operand->index == REGISTER_NONE)) {
    if (!constant)
      return memory_format("%s(%%rip)%s", displacement, operand->suffix);
    if (value >= 0 && value <= INT32_MAX)
      return memory_format("%s(%%r14)%s", displacement, operand->suffix);
    return memory_format("%%gs:%s(,%%eiz,1)%s", displacement, operand->suffix);
  }
  if (operand->base == RSP && operand->index == REGISTER_NONE && constant && value >= -SIGNET_STACK_DISPLACEMENT &&
      value <= SIGNET_STACK_DISPLACEMENT)
    return memory_format("%s(%%rsp)%s", displacement, operand->suffix);
  const char *base = operand->base == REGISTER_NONE ? "" : register_name(operand->base, 4);
  if (operand->index == REGISTER_NONE)
    return memory_format("%%gs:%s(%s)%s", displacement, base, operand->suffix);
  return memory_format("%%gs:%s(%s,%s,%s)%s", displacement, base, register_name(operand->index, 4), operand->scale,
                       operand->suffix);
}

/* Loads of the global offset table and of thread-local offsets from it are constants in a static program. */
static const char *table_constant(const struct operand *operand) {
  if (!rewrite_is_memory(operand) || operand->base != REGISTER_RIP)
    return NULL;
  const char *at = strchr(operand->displacement, '@');
  if (!at)
    return NULL;
  int length = (int)(at - operand->displacement);
  if (strcasecmp(at, "@gotpcrel") == 0)
    return memory_format("$%.*s", length, operand->displacement);
  if (strcasecmp(at, "@gottpoff") == 0)
    return memory_format("$%.*s@tpoff", length, operand->displacement);
  return NULL;
}

/* ---- Branches ---- */

#define MASK "and $-32,%%r11d; add %%r14,%%r11; "

void rewrite_indirect(struct assembly *assembly, bool call) {
  if (call)
    rewrite_emit(assembly, MASK "call *%%r11")->at_end = true;
  else
    rewrite_emit(assembly, MASK "jmp *%%r11");
}

static void rewrite_return(struct assembly *assembly) {
  if (assembly->parallel) {
    rewrite_emit(assembly, "pop %%r11");
    rewrite_indirect(assembly, false);
  } else {
    rewrite_emit(assembly, "andq $0x7fffffe0,(%%rsp); orq %%r14,(%%rsp); ret");
  }
}

static void direct_branch(struct assembly *assembly, const char *mnemonic, struct operand *operand, bool call) {
  char *target = memory_copy(operand->displacement, strlen(operand->displacement));
  char *at = strchr(target, '@');
  if (at && strcasecmp(at, "@plt") == 0)
    *at = 0;
  if (is_name(target) && strcmp(target, ".") != 0) {
    struct item *item = item_append(assembly, call ? ITEM_CALL : ITEM_JUMP);
    item->symbol = symbol_find(assembly, target, strlen(target));
    item->string = memory_copy(mnemonic, strlen(mnemonic));
    item->at_end = call;
    return;
  }
  assembly_error(assembly,
                 "%s needs a label: a distance from one cannot be kept, because instructions change their length",
                 mnemonic);
}

/* jmp or call through a register, memory or the kernel's entry table. */
static void indirect_branch(struct assembly *assembly, const struct operand *operand, bool call) {
  int64_t value;
  if (operand->kind == OPERAND_REGISTER) {
    if (operand->number < 0 || operand->size != 8) {
      assembly_error(assembly, "an indirect branch needs a 64-bit register");
      return;
    }
    rewrite_emit(assembly, "mov %s,%%r11d", register_name(operand->number, 4));
  } else if (rewrite_is_memory(operand) && operand->base == R14 && constant_value(operand->displacement, &value) &&
             value >= SIGNET_ENTRY_TABLE && value < SIGNET_ENTRY_TABLE + SIGNET_PAGE) {
    rewrite_emit(assembly, "%s *%s(%%r14)", call ? "call" : "jmp", operand->displacement)->at_end = call;
    return;
  } else if (rewrite_is_memory(operand)) {
    const char *constant = table_constant(operand);
    if (constant && is_name(constant + 1)) {
      struct operand target = {.displacement = constant + 1};
      direct_branch(assembly, call ? "call" : "jmp", &target, call);
      return;
    }
    rewrite_emit(assembly, "mov %s,%%r11d", rewrite_memory(assembly, operand));
  } else {
    assembly_error(assembly, "an indirect branch needs a register or memory");
    return;
  }
  rewrite_indirect(assembly, call);
}

/* ---- The stack pointer ---- */

static bool is_stack_pointer(const struct operand *operand) {
  return operand->kind == OPERAND_REGISTER && operand->number == RSP;
}

/* Moves of the stack pointer by 8 and 16 are pushes and pops: shorter than the guarded sequence. */
static bool small_stack_step(struct assembly *assembly, int64_t step) {
  const char *instruction = step < 0 ? "push %%rax" : "pop %%r11";
  if (step != 8 && step != -8 && step != 16 && step != -16)
    return false;
  for (int64_t done = 0; done < llabs(step); done += 8)
    rewrite_emit(assembly, instruction);
  return true;
}

/* The 32-bit form of what is assigned to or combined with the stack pointer: a register or an immediate. */
static const char *stack_source(struct assembly *assembly, const struct operand *operand) {
  if (operand->kind == OPERAND_REGISTER && operand->number >= 0)
    return register_name(operand->number, 4);
  if (operand->kind == OPERAND_IMMEDIATE) {
    source_mark_taken(assembly, operand->text + 1);
    return operand->text;
  }
  if (!rewrite_is_memory(operand))
    return NULL;
  const char *constant = table_constant(operand);
  rewrite_emit(assembly, "mov %s,%%r11d", constant ? constant : rewrite_memory(assembly, operand));
  return "%r11d";
}

/* An instruction whose destination is the stack pointer. The flags of add, sub and and are not kept. */
static void write_stack_pointer(struct assembly *assembly, const char *mnemonic, struct operand *operands, int count) {
  char base[8];
  snprintf(base, sizeof base, "%s", mnemonic);
  size_t length = strlen(base);
  if (length == 4 && (base[3] == 'q' || base[3] == 'l'))
    base[3] = 0;
  bool arithmetic = strcmp(base, "add") == 0 || strcmp(base, "sub") == 0 || strcmp(base, "and") == 0;
  if (count == 2 && operands[1].size >= 4) {
    if (strcmp(base, "lea") == 0 && rewrite_is_memory(&operands[0])) {
      const struct operand *memory = &operands[0];
      int64_t value;
      if (memory->base == RSP && memory->index == REGISTER_NONE && constant_value(memory->displacement, &value) &&
          small_stack_step(assembly, value))
        return;
      rewrite_emit(assembly, "lea %s,%%esp; " RESTORE_STACK, memory->text);
      return;
    }
    int64_t value;
    if ((strcmp(base, "add") == 0 || strcmp(base, "sub") == 0) && operands[0].kind == OPERAND_IMMEDIATE &&
        constant_value(operands[0].text + 1, &value) && small_stack_step(assembly, base[0] == 's' ? -value : value))
      return;
    if (arithmetic || strcmp(base, "mov") == 0) {
      const char *source = stack_source(assembly, &operands[0]);
      if (source && arithmetic) {
        rewrite_emit(assembly, "%s %s,%%esp; or %%r14,%%rsp", base, source);
        return;
      }
      if (source && operands[0].kind == OPERAND_IMMEDIATE) {
        rewrite_emit(assembly, "mov %s,%%r11d", source);
        source = "%r11d";
      }
      if (source) {
        rewrite_emit(assembly, "mov %s,%%esp; " RESTORE_STACK, source);
        return;
      }
    }
  }
  assembly_error(assembly, "%s writes the stack pointer in a way that cannot be guarded", mnemonic);
}

static void push(struct assembly *assembly, const struct operand *operand) {
  if (rewrite_is_memory(operand)) {
    const char *constant = table_constant(operand);
    if (constant)
      rewrite_emit(assembly, "push %s", constant);
    else {
      rewrite_emit(assembly, "mov %s,%%r11", rewrite_memory(assembly, operand));
      rewrite_emit(assembly, "push %%r11");
    }
  } else if (is_stack_pointer(operand)) {
    rewrite_emit(assembly, "mov %%esp,%%r11d");
    rewrite_emit(assembly, "push %%r11");
  } else {
    if (operand->kind == OPERAND_IMMEDIATE)
      source_mark_taken(assembly, operand->text + 1);
    rewrite_emit(assembly, "push %s", operand->text);
  }
}

static void pop(struct assembly *assembly, const struct operand *operand) {
  if (is_stack_pointer(operand)) {
    rewrite_emit(assembly, "pop %%r11");
    rewrite_emit(assembly, "mov %%r11d,%%esp; " RESTORE_STACK);
  } else if (rewrite_is_memory(operand)) {
    if (operand->segment == 'f') {
      assembly_error(assembly, "pop to thread-local memory is not supported; pop to a register first");
      return;
    }
    rewrite_emit(assembly, "pop %%r11");
    rewrite_emit(assembly, "mov %%r11,%s", rewrite_memory(assembly, operand));
  } else {
    rewrite_emit(assembly, "pop %s", operand->text);
  }
}

static void load_address(struct assembly *assembly, const char *mnemonic, const struct operand *operands) {
  const struct operand *memory = &operands[0];
  const struct operand *destination = &operands[1];
  if (!rewrite_is_memory(memory) || destination->kind != OPERAND_REGISTER || destination->number < 0) {
    assembly_error(assembly, "lea needs memory and a register");
    return;
  }
  int size = destination->size == 8 ? 4 : destination->size;
  const char *narrow = register_name(destination->number, size);
  source_mark_taken(assembly, memory->displacement);
  const char *at = strchr(memory->displacement, '@');
  if (at && (strncasecmp(at, "@tls", 4) == 0 || strncasecmp(at, "@got", 4) == 0)) {
    assembly_error(assembly, "%s %s: only the local-exec model of thread-local storage is supported", mnemonic,
                   memory->text);
  } else if (memory->kind == OPERAND_SYMBOL || memory->base == REGISTER_RIP ||
             (memory->base == REGISTER_NONE && memory->index == REGISTER_NONE)) {
    rewrite_emit(assembly, "mov $%s,%s", memory->displacement, narrow);
  } else if (memory->base == RSP) {
    rewrite_emit(assembly, "lea %s,%s", memory->text, narrow);
  } else {
    rewrite_emit(assembly, "%s %s,%s", mnemonic, memory->text, destination->text);
  }
}

/* ---- Everything else ---- */

static void generic(struct assembly *assembly, const char *prefix, const char *mnemonic, struct operand *operands,
                    int count) {
  char list[640] = "";
  size_t length = 0;
  bool read_only = strncmp(mnemonic, "cmp", 3) == 0 || strncmp(mnemonic, "test", 4) == 0;
  bool scratch_used = false;
  if (count && is_stack_pointer(&operands[count - 1]) && !read_only) {
    write_stack_pointer(assembly, mnemonic, operands, count);
    return;
  }
  if (count == 2 && is_stack_pointer(&operands[0]) && operands[0].size == 8 && operands[1].kind == OPERAND_REGISTER &&
      operands[1].number >= 0 && strncmp(mnemonic, "mov", 3) == 0 && strlen(mnemonic) <= 4) {
    rewrite_emit(assembly, "mov %%esp,%s", register_name(operands[1].number, 4));
    return;
  }
  if (strncmp(mnemonic, "xchg", 4) == 0 && count == 2 && is_stack_pointer(&operands[0])) {
    assembly_error(assembly, "%s writes the stack pointer in a way that cannot be guarded", mnemonic);
    return;
  }
  for (int i = 0; i < count; i++) {
    const struct operand *operand = &operands[i];
    const char *text = operand->text;
    if (operand->kind == OPERAND_IMMEDIATE) {
      if (text[1] < '0' || text[1] > '9')
        source_mark_taken(assembly, text + 1);
    } else if (rewrite_is_memory(operand)) {
      const char *constant = table_constant(operand);
      bool scratch = operand->segment == 'f' && !is_thread_pointer(operand);
      if (scratch && scratch_used) {
        assembly_error(assembly, "%s needs two scratch registers; split it", mnemonic);
        return;
      }
      scratch_used |= scratch;
      if (constant && strncmp(mnemonic, "mov", 3) == 0 && count == 2 && strchr(constant, '@') == NULL &&
          operands[1].kind == OPERAND_REGISTER && operands[1].number >= 0) {
        source_mark_taken(assembly, constant + 1);
        rewrite_emit(assembly, "mov %s,%s", constant, register_name(operands[1].number, 4));
        return;
      }
      if (constant)
        source_mark_taken(assembly, constant + 1);
      text = constant ? constant : rewrite_memory(assembly, operand);
    } else if (is_stack_pointer(operand) && operand->size == 8) {
      if (scratch_used) {
        assembly_error(assembly, "%s needs two scratch registers; split it", mnemonic);
        return;
      }
      scratch_used = true;
      rewrite_emit(assembly, "mov %%esp,%%r11d");
      text = "%r11";
    }
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", i ? "," : "", text);
    if (length >= sizeof list) {
      assembly_error(assembly, "the operands of %s are too long", mnemonic);
      return;
    }
  }
  rewrite_emit(assembly, "%s%s %s", prefix, mnemonic, list);
}

/* %r11 is ours and %r14 is the base of the window: source may name the latter only as a base, with a displacement. */
static bool check_reserved(struct assembly *assembly, const char *mnemonic, const struct operand *operands, int count) {
  for (int i = 0; i < count; i++) {
    const struct operand *operand = &operands[i];
    if (operand->kind == OPERAND_REGISTER) {
      if (operand->number == R11 || operand->number == R14) {
        assembly_error(assembly, "%s uses %s, which is reserved", mnemonic, operand->text);
        return false;
      }
    } else if (rewrite_is_memory(operand) && operand->kind == OPERAND_MEMORY) {
      int64_t value;
      bool table = operand->base == R14 && operand->index == REGISTER_NONE &&
                   constant_value(operand->displacement, &value) && value >= 0;
      if (operand->base == R11 || operand->index == R11 || operand->index == R14 || (operand->base == R14 && !table)) {
        assembly_error(assembly, "%s uses a reserved register (%%r11 or %%r14) in an address", mnemonic);
        return false;
      }
      if (operand->segment == 'f' && operand->base == REGISTER_RIP) {
        assembly_error(assembly, "%s adds %%rip and the thread pointer", mnemonic);
        return false;
      }
      if (operand->index == REGISTER_OTHER || operand->base == REGISTER_OTHER) {
        assembly_error(assembly, "%s gathers or scatters: its addresses cannot be guarded", mnemonic);
        return false;
      }
    }
  }
  return true;
}

/* ---- Which instruction it is ---- */

static const char *const conditions[] = {"o",  "no", "b",  "c",   "nae", "ae",  "nb", "nc", "e", "z",
                                         "ne", "nz", "be", "na",  "a",   "nbe", "s",  "ns", "p", "pe",
                                         "np", "po", "l",  "nge", "ge",  "nl",  "le", "ng", "g", "nle"};

static bool is_condition(const char *text) {
  for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++)
    if (strcmp(conditions[i], text) == 0)
      return true;
  return false;
}

static const struct {
  const char *mnemonic, *reason;
} refused[] = {
    {"syscall", "it would leave the process other than through the kernel's entry table"},
    {"sysenter", "it would leave the process other than through the kernel's entry table"},
    {"int", "it would leave the process other than through the kernel's entry table"},
    {"int1", "it would leave the process other than through the kernel's entry table"},
    {"iret", "it would leave the process"},
    {"iretq", "it would leave the process"},
    {"lret", "far branches leave the code segment"},
    {"lretq", "far branches leave the code segment"},
    {"ljmp", "far branches leave the code segment"},
    {"lcall", "far branches leave the code segment"},
    {"std", "the direction flag is always clear"},
    {"popf", "it could set the direction and alignment-check flags"},
    {"popfq", "it could set the direction and alignment-check flags"},
    {"ldmxcsr", "the control registers of floating point are set by floating_point_control"},
    {"vldmxcsr", "the control registers of floating point are set by floating_point_control"},
    {"fldenv", "it loads processor state that the kernel owns"},
    {"frstor", "it loads processor state that the kernel owns"},
    {"fxrstor", "it loads processor state that the kernel owns"},
    {"fxrstor64", "it loads processor state that the kernel owns"},
    {"xrstor", "it loads processor state that the kernel owns"},
    {"xrstor64", "it loads processor state that the kernel owns"},
    {"emms", "MMX is not supported"},
    {"wrfsbase", "the segment bases belong to the kernel"},
    {"wrgsbase", "the segment bases belong to the kernel"},
    {"rdfsbase", "the segment bases belong to the kernel"},
    {"rdgsbase", "the segment bases belong to the kernel"},
    {"swapgs", "the segment bases belong to the kernel"},
    {"wrpkru", "it changes what memory can be accessed"},
    {"xbegin", "transactions would undo guarded sequences"},
    {"enter", "it writes the stack pointer in a way that cannot be guarded"},
    {"enterq", "it writes the stack pointer in a way that cannot be guarded"},
    {"maskmovdqu", "its implicit address cannot be guarded"},
    {"vmaskmovdqu", "its implicit address cannot be guarded"},
    {"maskmovq", "MMX is not supported"},
    {"hlt", "it is privileged"},
    {"in", "it is privileged"},
    {"out", "it is privileged"},
};

static const char *refusal(const char *mnemonic) {
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    if (strcmp(refused[i].mnemonic, mnemonic) == 0)
      return refused[i].reason;
  return NULL;
}

/* Compares with or without the suffix that says 64 bits. */
static bool is(const char *mnemonic, const char *name) {
  size_t length = strlen(name);
  return strncmp(mnemonic, name, length) == 0 &&
         (mnemonic[length] == 0 || (mnemonic[length] == 'q' && mnemonic[length + 1] == 0));
}

static bool branch(struct assembly *assembly, char *mnemonic, struct operand *operands, int count) {
  char *hint = strchr(mnemonic, ',');
  if (hint)
    *hint = 0;
  bool call = is(mnemonic, "call");
  bool jump = is(mnemonic, "jmp");
  bool conditional = !call && !jump && mnemonic[0] == 'j' && is_condition(mnemonic + 1);
  if (!call && !jump && !conditional)
    return false;
  if (count != 1) {
    assembly_error(assembly, "%s needs one operand", mnemonic);
    return true;
  }
  struct operand *target = operands;
  if (target->star && !conditional)
    indirect_branch(assembly, target, call);
  else if (target->kind == OPERAND_SYMBOL)
    direct_branch(assembly, call ? "call" : jump ? "jmp" : mnemonic, target, call);
  else
    assembly_error(assembly, "%s needs a label", mnemonic);
  return true;
}

/* loop and jrcxz: with the carry flag kept, which multiple-precision loops need; the others are not. */
static bool count_branch(struct assembly *assembly, const char *mnemonic, struct operand *operands, int count) {
  bool narrow = strcmp(mnemonic, "jecxz") == 0;
  bool zero = narrow || strcmp(mnemonic, "jrcxz") == 0;
  if (!zero && !is(mnemonic, "loop"))
    return false;
  if (count != 1 || operands->kind != OPERAND_SYMBOL) {
    assembly_error(assembly, "%s needs a label", mnemonic);
    return true;
  }
  if (zero) {
    rewrite_emit(assembly, narrow ? "mov %%ecx,%%r11d" : "mov %%rcx,%%r11");
    rewrite_emit(assembly, "inc %%r11");
    rewrite_emit(assembly, "dec %%r11");
  } else {
    rewrite_emit(assembly, "dec %%rcx");
  }
  direct_branch(assembly, zero ? "je" : "jne", operands, false);
  return true;
}

static bool bit_string(struct assembly *assembly, const char *mnemonic, const struct operand *operands, int count) {
  if (strncmp(mnemonic, "bt", 2) != 0 || count != 2 || operands[0].kind != OPERAND_REGISTER ||
      !rewrite_is_memory(&operands[1]))
    return false;
  assembly_error(assembly, "%s with a bit offset in a register reaches outside its operand; load the word first",
                 mnemonic);
  return true;
}

static const char *const prefixes[] = {"lock", "rep",    "repe",     "repz",     "repne", "repnz",
                                       "bnd",  "data16", "xacquire", "xrelease", "rex64", "notrack"};

/* Cuts a leading prefix off; NULL when the next word is none. */
static const char *take_prefix(char **statement) {
  char *at = *statement;
  if (*at == '{') {
    char *end = strchr(at, '}');
    if (!end)
      return NULL;
    const char *prefix = memory_copy(at, (size_t)(end + 1 - at));
    *statement = end + 1;
    return prefix;
  }
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    size_t length = strlen(prefixes[i]);
    if (strncmp(at, prefixes[i], length) == 0 && (at[length] == 0 || isspace((unsigned char)at[length]))) {
      *statement = at + length;
      return prefixes[i];
    }
  }
  return NULL;
}

void rewrite_instruction(struct assembly *assembly, char *statement) {
  /* A prefix may be a statement of its own: "lock; incl (%rax)". */
  static char pending[64];
  char prefix[sizeof pending];
  enum rewrite_repeat repeat = REPEAT_NONE;
  snprintf(prefix, sizeof prefix, "%s", pending);
  pending[0] = 0;
  const char *taken;
  while (isspace((unsigned char)*statement))
    statement++;
  while ((taken = take_prefix(&statement))) {
    if (strcmp(taken, "notrack") != 0 && strcmp(taken, "bnd") != 0 &&
        strlen(prefix) + strlen(taken) + 2 < sizeof pending) {
      strcat(prefix, taken);
      strcat(prefix, " ");
    }
    while (isspace((unsigned char)*statement))
      statement++;
  }
  if (!*statement) {
    snprintf(pending, sizeof pending, "%s", prefix);
    return;
  }
  if (strstr(prefix, "repne ") || strstr(prefix, "repnz "))
    repeat = REPEAT_UNTIL_EQUAL;
  else if (strstr(prefix, "rep"))
    repeat = REPEAT_WHILE_EQUAL;

  char mnemonic[32] = "";
  size_t length = 0;
  while (statement[length] && !isspace((unsigned char)statement[length]) && statement[length] != '*' &&
         length + 1 < sizeof mnemonic) {
    mnemonic[length] = (char)tolower((unsigned char)statement[length]);
    length++;
  }
  mnemonic[length] = 0;
  struct operand operands[OPERANDS_MOST];
  int count = operands_parse(statement + length, operands);
  if (count < 0) {
    assembly_error(assembly, "the operands of %s are not understood", mnemonic);
    return;
  }
  const char *reason = refusal(mnemonic);
  if (reason) {
    assembly_error(assembly, "%s is not permitted in a sealed process: %s", mnemonic, reason);
    return;
  }
  if (!check_reserved(assembly, mnemonic, operands, count))
    return;
  if (branch(assembly, mnemonic, operands, count) || count_branch(assembly, mnemonic, operands, count))
    return;
  if (is(mnemonic, "ret")) {
    if (count)
      assembly_error(assembly, "ret with an operand is not supported");
    else
      rewrite_return(assembly);
    return;
  }
  if (rewrite_string(assembly, repeat, mnemonic, operands, count))
    return;
  if (repeat != REPEAT_NONE && strcmp(mnemonic, "nop") == 0) {
    rewrite_emit(assembly, "pause");
    return;
  }
  if (is(mnemonic, "push") && count == 1)
    push(assembly, operands);
  else if (is(mnemonic, "pop") && count == 1)
    pop(assembly, operands);
  else if (is(mnemonic, "leave"))
    rewrite_emit(assembly, "mov %%ebp,%%esp; " RESTORE_STACK), rewrite_emit(assembly, "pop %%rbp");
  else if (strncmp(mnemonic, "lea", 3) == 0 && strlen(mnemonic) <= 4 && count == 2 && !is_stack_pointer(&operands[1]))
    load_address(assembly, mnemonic, operands);
  else if (strcmp(mnemonic, "cld") == 0 || (strncmp(mnemonic, "nop", 3) == 0 && count) ||
           strncmp(mnemonic, "endbr", 5) == 0)
    return; /* nothing to do */
  else if (strcmp(mnemonic, "movabs") == 0 && count == 2 &&
           (rewrite_is_memory(&operands[0]) || rewrite_is_memory(&operands[1])))
    generic(assembly, prefix, "mov", operands, count);
  else if (!bit_string(assembly, mnemonic, operands, count))
    generic(assembly, prefix, mnemonic, operands, count);
}

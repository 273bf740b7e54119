/* The shape of the verifier's tables: generate.c writes them from allow.list, decode.c reads them. Nobody else needs
 * it. */
#ifndef VERIFIER_FORM_H
#define VERIFIER_FORM_H

#include <stdint.h>

/* What the verifier does with an instruction besides checking its operands; the last column of allow.list. */
enum form_kind { FORM_PLAIN, FORM_BRANCH, FORM_INDIRECT, FORM_RETURN, FORM_STRING, FORM_ADDRESS };

/* General registers that the form writes, by the field that names them. BYTE: as 8-bit registers, where 4 to 7 without
 * REX are %ah to %bh. FORM_WRITES_RM counts only when ModRM.rm names a register. */
#define FORM_WRITES_REG 1u
#define FORM_WRITES_RM 2u
#define FORM_WRITES_VVVV 4u
#define FORM_WRITES_OPCODE 8u
#define FORM_BYTE_REG 16u
#define FORM_BYTE_RM 32u
#define FORM_BYTE_OPCODE 64u

#define FORM_MODRM 1u /* has a ModRM byte */
#define FORM_LOCK 2u  /* f0 is permitted when ModRM.rm is memory */
#define FORM_NOREX 4u /* REX is not */
#define FORM_VVVV 8u  /* VEX.vvvv names an operand; otherwise it must be 1111 */

struct verifier_form {
  uint32_t features; /* bit per VERIFIER_FEATURES */
  uint8_t writes;    /* FORM_WRITES_*, FORM_BYTE_* */
  uint8_t flags;
  uint8_t immediate; /* bytes after the ModRM byte and its displacement */
  uint8_t kind;      /* enum form_kind */
};

/* First lookup: [selector][opcode] gives a cell: 0 is not listed, otherwise a form's index, or with FORM_GROUP set the
 * index of a group, in which the ModRM byte selects a cell. */
#define FORM_GROUP 0x8000u
#define FORM_GROUP_CELLS 72
#define FORM_GROUP_CELL(modrm) ((modrm) >= 0xc0 ? 8 + ((modrm)&63) : ((modrm) >> 3 & 7))

/* Selector of instructions without VEX: map (0: one byte, 1: 0f, 2: 0f 38, 3: 0f 3a), the prefixes among 66, f3 and f2,
 * REX.W. */
enum form_prefix { FORM_NONE, FORM_66, FORM_F3, FORM_F2, FORM_66_F3, FORM_66_F2, FORM_PREFIXES };
#define FORM_LEGACY_SELECTORS (4 * FORM_PREFIXES * 2)
#define FORM_LEGACY_SELECTOR(map, prefix, w) (((map)*FORM_PREFIXES + (prefix)) * 2 + (w))

/* Selector of VEX instructions: map 1 to 3 as above; pp: 0 none, 1 66, 2 f3, 3 f2; L; W. */
#define FORM_VEX_SELECTORS (3 * 4 * 2 * 2)
#define FORM_VEX_SELECTOR(map, pp, l, w) (((((map)-1) * 4 + (pp)) * 2 + (l)) * 2 + (w))

/* An instruction permitted as one string of bytes: compare 16 bytes under the mask, as two little-endian words. */
struct verifier_literal {
  uint64_t bytes[2], mask[2];
  uint8_t length;
};

#endif

/* The decoder: what contract_print needs to know of a contract. Written by decoder.c, read by print.c.
 *
 *   decoder    = "SCD" 1 text(contract) number(enums) enum* number(structs) struct* number(states) text*
 *                number(messages) message*
 *   enum       = number(size) number(flags: 1) number(members) { number(value) text(name) }*
 *   struct     = number(fields) field*          it refers to structs before it only
 *   message    = byte(side; 2: not used) text(name) number(fields) field*
 *   field      = text(name) byte(type) byte(form) byte(align) number(enum or struct) number(items of a fixed array)
 *   number     = 7 bits a byte, least first, bit 7: more follow
 *   text       = byte(length) bytes
 *
 * type and form are enum type and enum form of contractc.h; an endpoint's side is in the number of enum or struct. */
#ifndef CONTRACTC_DECODER_H
#define CONTRACTC_DECODER_H

#define DECODER_MAGIC "SCD\001"
#define DECODER_MAGIC_LENGTH 4

enum decoder_type {
  DECODER_U8,
  DECODER_U16,
  DECODER_U32,
  DECODER_U64,
  DECODER_I8,
  DECODER_I16,
  DECODER_I32,
  DECODER_I64,
  DECODER_BOOL,
  DECODER_CHAR,
  DECODER_ENUM,
  DECODER_STRUCT,
  DECODER_BLOCK,
  DECODER_ENDPOINT,
  DECODER_ANY,
};

enum decoder_form { DECODER_ONE, DECODER_FIXED, DECODER_BOUNDED, DECODER_TEXT };

#endif

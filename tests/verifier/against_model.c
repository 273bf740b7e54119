/* Pieces of code among nops, the verifier's verdict on them and the model's: see against_model.h. */
#include "tests/verifier/against_model.h"

#include <stdio.h>
#include <string.h>

#include "tests/verifier/model.h"
#include "verifier/verifier.h"

unsigned long long against_tried, against_accepted, against_failures;

const struct against_stack against_stacks[] = {
    {5, {0x89, 0xc4, 0x4c, 0x09, 0xf4}},                                      /* mov %eax,%esp; or */
    {6, {0x44, 0x89, 0xcc, 0x4c, 0x01, 0xf4}},                                /* mov %r9d,%esp; add */
    {7, {0x83, 0xc4, 0x10, 0x4a, 0x8d, 0x24, 0x34}},                          /* add $16,%esp; lea */
    {6, {0x83, 0xe4, 0xf0, 0x4c, 0x09, 0xf4}},                                /* and $-16,%esp; or */
    {9, {0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0x4c, 0x01, 0xf4}},              /* sub $4096,%esp; add */
    {5, {0x29, 0xcc, 0x4c, 0x09, 0xf4}},                                      /* sub %ecx,%esp; or */
    {5, {0x21, 0xcc, 0x4c, 0x09, 0xf4}},                                      /* and %ecx,%esp; or */
    {5, {0x01, 0xcc, 0x4c, 0x09, 0xf4}},                                      /* add %ecx,%esp; or */
    {5, {0x8b, 0xe1, 0x4c, 0x09, 0xf4}},                                      /* mov %ecx,%esp; or */
    {5, {0x03, 0xe1, 0x4c, 0x09, 0xf4}},                                      /* add %ecx,%esp; or */
    {6, {0x41, 0x2b, 0xe1, 0x4c, 0x09, 0xf4}},                                /* sub %r9d,%esp; or */
    {5, {0x23, 0xe1, 0x4c, 0x09, 0xf4}},                                      /* and %ecx,%esp; or */
    {7, {0x8d, 0x64, 0x24, 0x08, 0x4c, 0x09, 0xf4}},                          /* lea 8(%rsp),%esp; or */
    {11, {0x8d, 0xa4, 0xc5, 0x00, 0x01, 0x00, 0x00, 0x4a, 0x8d, 0x24, 0x34}}, /* lea 256(%rbp,%rax,8),%esp; lea */
};
const int against_stack_count = sizeof against_stacks / sizeof *against_stacks;

bool against_verdict(const uint8_t *code, size_t room, bool parallel) {
  uint64_t scratch[2];
  struct verifier_input input = {
      .code = code, .length = room, .offset = AGAINST_BASE, .calls = 30, .parallel = parallel};
  struct verifier_outcome outcome;
  against_tried++;
  return verifier_check(&input, scratch, NULL, NULL, &outcome);
}

void against_fail(const uint8_t *code, size_t room, const char *why, size_t where) {
  if (against_failures++ >= 20)
    return;
  printf("# %s at %zu:", why, where);
  for (size_t i = 0; i < room; i++)
    printf(" %02x", code[i]);
  printf("\n");
}

bool against_model(const uint8_t *bytes, unsigned length, unsigned place, size_t room) {
  uint8_t code[AGAINST_ROOM_MOST];
  memset(code, 0x90, room);
  memcpy(code + place, bytes, length);
  if (!against_verdict(code, room, false))
    return false;
  against_accepted++;
  size_t where = 0;
  const char *objection = model_object(code, room, AGAINST_BASE, false, &where);
  if (objection)
    against_fail(code, room, objection, where);
  return true;
}

void against_branches(const uint8_t *bytes, unsigned length, unsigned place, size_t room) {
  for (unsigned i = 0; i < length; i++) {
    uint8_t code[AGAINST_ROOM_MOST];
    memset(code, 0x90, room);
    memcpy(code + place, bytes, length);
    code[0] = 0xeb;
    code[1] = (uint8_t)(place + i - 2);
    if (against_verdict(code, room, false) != (i == 0))
      against_fail(code, room, "a branch into the sequence", i);
  }
}

void against_parallel(size_t room) {
  for (int i = 0; i < model_sequence_count; i++) {
    uint8_t code[AGAINST_ROOM_MOST];
    memset(code, 0x90, room);
    memcpy(code, model_sequences[i].bytes, model_sequences[i].length);
    if (against_verdict(code, room, true) == model_sequences[i].returns)
      against_fail(code, room, "the parallel rule", 0);
  }
}

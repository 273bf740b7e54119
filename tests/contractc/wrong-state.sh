#!/bin/bash
# What the generated headers' types refuse: a program that does the wrong thing does not compile, and the same program that
# does the right thing does.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile() { # OPTIONS... : compiles $work/program.c
  gcc -std=gnu11 -Werror=implicit-function-declaration -Iinclude -I. -Ibuild/gen "$@" -c "$work/program.c" -o "$work/program.o" 2>"$work/errors"
}
program() { # STATEMENTS
  cat >"$work/program.c" <<C
#include "tests/contractc/sample.h"
#include "contracts/supervision.h"
int64_t run(struct sample_client_READY *ready, struct sample_client_PARTING *parting, struct sample_server_READY *server,
    struct sample_client_PUT_ASKED *put_asked, struct sample_client_PING_ASKED *ping_asked, struct sample_client_end *end,
    struct sample_server_PUT_ASKED *server_put_asked, struct sample_server_GET_ASKED *server_get_asked,
    struct sample_PUT *put, struct sample_GET *get, struct sample_DONE *done, struct sample_MOVE *move,
    struct sample_client_PUT_ASKED_received *received, struct sample_buffer *buffer, struct used_client_READY *used_ready,
    struct used_client_ASK_ASKED *used_asked, struct sample_server *table, struct supervision_client_STARTING *starting);
int64_t run(struct sample_client_READY *ready, struct sample_client_PARTING *parting, struct sample_server_READY *server,
    struct sample_client_PUT_ASKED *put_asked, struct sample_client_PING_ASKED *ping_asked, struct sample_client_end *end,
    struct sample_server_PUT_ASKED *server_put_asked, struct sample_server_GET_ASKED *server_get_asked,
    struct sample_PUT *put, struct sample_GET *get, struct sample_DONE *done, struct sample_MOVE *move,
    struct sample_client_PUT_ASKED_received *received, struct sample_buffer *buffer, struct used_client_READY *used_ready,
    struct used_client_ASK_ASKED *used_asked, struct sample_server *table, struct supervision_client_STARTING *starting) {
  (void)ready, (void)parting, (void)server, (void)put_asked, (void)ping_asked, (void)end, (void)server_put_asked;
  (void)server_get_asked, (void)put, (void)get, (void)done, (void)move, (void)received, (void)buffer, (void)used_ready;
  (void)used_asked, (void)table, (void)starting;
  $1
}
C
}
pair() { # WHAT RIGHT WRONG: both compile without options or neither counts
  program "$2"
  compile
  is "compiles: $1, as it should be" "0 " "$? $(head -n 3 "$work/errors")"
  program "$3"
  compile
  is "does not compile: $1" 1 $?
  matches "and the reason is a type: $1" "incompatible|has no member|too (few|many) arguments|implicit declaration|unknown" "$(cat "$work/errors")"
}
pair "a message is sent in the state in which it may be" \
  'return sample_send_PUT(ready, put_asked, put, buffer);' 'return sample_send_PUT(parting, put_asked, put, buffer);'
pair "nothing is sent when it is the turn to hear" \
  'return sample_send_PUT(ready, put_asked, put, buffer);' 'return sample_send_PUT(put_asked, put_asked, put, buffer);'
pair "the state that follows is the contract's" \
  'return sample_send_PUT(ready, put_asked, put, buffer);' 'return sample_send_PUT(ready, ping_asked, put, buffer);'
pair "the server's messages are sent by the server" \
  'struct sample_server_READY r; return sample_send_DONE_in_PUT_ASKED(server_put_asked, &r, done, buffer);' \
  'struct sample_server_READY r; return sample_send_DONE_in_PUT_ASKED(put_asked, &r, done, buffer);'
pair "the answer is one to that request" \
  'struct sample_server_READY r; return sample_send_DONE_in_PUT_ASKED(server_put_asked, &r, done, buffer);' \
  'struct sample_server_READY r; return sample_send_DONE_in_PUT_ASKED(server_get_asked, &r, done, buffer);'
pair "a message has the fields of its own" \
  'return sample_send_PUT(ready, put_asked, put, buffer);' 'return sample_send_PUT(ready, put_asked, get, buffer);'
pair "hearing is for who has to hear" \
  'return sample_receive_PUT_ASKED(put_asked, received, buffer, 0);' 'return sample_receive_PUT_ASKED(ready, received, buffer, 0);'
pair "in a state only its answers are heard" \
  'return (int64_t)received->DONE.message.value;' 'return (int64_t)received->GOT.message.total;'
pair "a call begins in the sending state" \
  'return sample_call_PUT(ready, put_asked, put, received, buffer, 0);' 'return sample_call_PUT(parting, put_asked, put, received, buffer, 0);'
pair "an end that moves is in its stated state" \
  'move->end = *used_ready; return 0;' 'move->end = *used_asked; return 0;'
pair "an end of another contract is another type" \
  'move->end = *used_ready; return 0;' 'move->end = *ready; return 0;'
pair "an end of another contract is not sent over" \
  'struct supervision_client_RUNNING r; struct supervision_buffer b; return supervision_send_STARTED(starting, &r, &b);' \
  'struct supervision_client_RUNNING r; struct supervision_buffer b; return supervision_send_STARTED(ready, &r, &b);'
pair "after the end nothing is sent" \
  'return sample_send_BYE_in_READY(ready, end, buffer);' 'return sample_send_BYE_in_READY(end, end, buffer);'
pair "a server listens in a state in which it hears" \
  'return sample_server_in_READY(*server).handle;' 'return sample_server_in_READY(*server_put_asked).handle;'
pair "an array has a place of its own where that is always the same" \
  'return (intptr_t)sample_place_of_GOT_points(buffer);' 'return (intptr_t)sample_place_of_PUT_bytes(buffer);'
# The compiler's options cannot weaken it: the header turns the warning into an error.
program 'return sample_send_PUT(parting, put_asked, put, buffer);'
compile -Wno-incompatible-pointer-types
is "not even with the warning switched off" 1 $?
# The headers give no warning of any kind.
program 'return 0;'
compile -Wall -Wextra -Werror -Wconversion -Wno-sign-conversion -Wshadow -O2
is "headers compile without warnings" "0 " "$? $(head -n 5 "$work/errors")"
# The form of the table that a later kernel reads.
program 'return names_contract.contract.version + sample_contract.contract.version;'
sed -i 's/#include "contracts.supervision.h"/&\n#include "contracts\/names.h"/' "$work/program.c"
cat >"$work/version.h" <<'C'
#include <signet/abi.h>
#undef SIGNET_CONTRACT_VERSION
#define SIGNET_CONTRACT_VERSION 2
C
compile -include "$work/version.h" -Wall -Wextra -Werror
is "headers compile for a kernel that reads the second form of the table" "0 " "$? $(head -n 5 "$work/errors")"
finish

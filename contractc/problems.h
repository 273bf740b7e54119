/* Every diagnostic of contractc: number, name, what it says in general. `contractc --problems` prints this list, and
 * docs/contracts.md explains each row (a test compares). A number keeps its meaning for ever. */
#ifndef CONTRACTC_PROBLEMS_H
#define CONTRACTC_PROBLEMS_H

#define PROBLEMS(X)                                                                                                    \
  X(101, CHARACTER, "a character that has no place in a contract")                                                     \
  X(102, UNENDED, "a comment or a text that does not end")                                                             \
  X(103, NUMBER, "a number that is malformed or larger than 64 bits")                                                  \
  X(104, SYNTAX, "something else is expected here")                                                                    \
  X(105, LARGE, "the contract is too large or nested too deeply")                                                      \
  X(201, TWICE, "a name defined twice")                                                                                \
  X(202, UNDEFINED, "a name that is not defined")                                                                      \
  X(203, RESERVED, "a name that means something already")                                                              \
  X(204, FILE_NAME, "the file and the contract have different names")                                                  \
  X(205, USE, "a contract that is used cannot be read")                                                                \
  X(206, CIRCLE, "contracts that use each other in a circle")                                                          \
  X(207, HEADER_NAME, "two names that would be one in the C header")                                                   \
  X(301, BOUND_MISSING, "an array, a text or a block without an upper bound")                                          \
  X(302, BOUND, "bounds that nothing fits")                                                                            \
  X(303, ORDER, "a field of varying size where only a fixed one can be")                                               \
  X(304, HOLE, "a structure with bytes that no field owns")                                                            \
  X(305, SIZE, "a message larger than the kernel carries")                                                             \
  X(306, MOVED, "a message that moves more than the kernel carries")                                                   \
  X(307, MANY, "more messages or states than the kernel's table holds")                                                \
  X(308, TAG, "a message number that is taken or too large")                                                           \
  X(309, VALUE, "a value that does not fit its type, or is there already")                                             \
  X(310, EXPRESSION, "an expression without a value")                                                                  \
  X(311, ALIGNMENT, "an array that would lie at an odd address")                                                       \
  X(312, OWN, "something that moves where only data can be")                                                           \
  X(401, BOTH, "a state in which both sides may send")                                                                 \
  X(402, UNBOUNDED, "a cycle in which only one side sends: the queue has no bound")                                    \
  X(403, UNREACHABLE, "a state that no message leads to")                                                              \
  X(404, STUCK, "a state with no message to send and no way to close")                                                 \
  X(405, ENDLESS, "a state from which the channel can never end")                                                      \
  X(406, AMBIGUOUS, "a message that is there twice in one state")                                                      \
  X(407, UNUSED, "a message that no state sends")                                                                      \
  X(408, SLOTS, "more messages in a row than a queue has slots")                                                       \
  X(409, WRONG_SIDE, "a message in a state of the other side")                                                         \
  X(410, EMPTY, "a contract without states")                                                                           \
  X(501, NOT_SENDING, "an endpoint moved in a state in which it does not send")                                        \
  X(502, LEAK, "an endpoint that can end up in its own queue")                                                         \
  X(601, INCOMPATIBLE, "a new server that cannot serve old clients")

enum problem_number {
#define PROBLEM_ENUM(number, name, text) PROBLEM_##name = number,
  PROBLEMS(PROBLEM_ENUM)
#undef PROBLEM_ENUM
};

#endif

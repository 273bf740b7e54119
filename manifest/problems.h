/* Every problem that a manifest can have: number, name, what it says in general. docs/manifests.md explains each row (a
 * test compares). A number keeps its meaning for ever; those from 601 on are warnings. */
#ifndef MANIFEST_PROBLEMS_H
#define MANIFEST_PROBLEMS_H

#define MANIFEST_PROBLEMS(X)                                                                                           \
  X(101, SYNTAX, "the file is not YAML")                                                                               \
  X(102, DOCUMENT, "a file that holds no manifest, or more than one")                                                  \
  X(103, ALIAS, "an anchor, an alias, a merge key, a tag or a directive")                                              \
  X(104, LARGE, "a manifest that is too large or nested too deeply")                                                   \
  X(105, TYPE, "a value of another type is expected")                                                                  \
  X(106, KEY, "an unknown key")                                                                                        \
  X(107, TWICE, "a key that is there twice")                                                                           \
  X(108, MISSING, "a key that has to be there is missing")                                                             \
  X(109, READ, "a file that cannot be read")                                                                           \
  X(110, MEANINGLESS, "a key that has no meaning here")                                                                \
  X(201, NAME, "a name that is not allowed")                                                                           \
  X(202, NUMBER, "a number or a size that is malformed")                                                               \
  X(203, TIME, "a span of time that is malformed")                                                                     \
  X(204, CHOICE, "a word that is none of those possible")                                                              \
  X(205, RANGE, "a number that is too small or too large")                                                             \
  X(206, TEXT, "a text that is empty, too long, or has characters that cannot be there")                               \
  X(207, HASH, "a hash that is malformed")                                                                             \
  X(208, PATH, "a path that is malformed")                                                                             \
  X(209, ADDRESS, "an address that is malformed")                                                                      \
  X(210, NOT_YET, "something that Signet cannot do yet")                                                               \
  X(301, SERVICE, "an unknown service")                                                                                \
  X(302, CONTRACT, "an unknown contract")                                                                              \
  X(303, PROCESS, "an unknown process")                                                                                \
  X(304, OFFER, "something that the process does not offer")                                                           \
  X(305, OTHER_CONTRACT, "an offer of another contract than is needed")                                                \
  X(306, CIRCLE, "processes that need each other in a circle")                                                         \
  X(307, RESERVED, "a name that means something already")                                                              \
  X(308, SLOT, "two start-up slots of one name")                                                                       \
  X(309, UNSUPERVISED, "a process that can be restarted while its partner would not learn of it")                      \
  X(310, IDLE, "a service that nobody needs, and that would have nothing to do")                                       \
  X(401, SLOTS, "a process with too many start-up slots")                                                              \
  X(402, PROCESSES, "too many processes")                                                                              \
  X(403, CHANNELS, "too many channels")                                                                                \
  X(404, DEVICES, "too many devices")                                                                                  \
  X(405, SUM, "quotas that are together more than the machine has")                                                    \
  X(406, SMALL, "a quota that the process cannot start with")                                                          \
  X(407, STARTUP, "arguments and environment that are too long")                                                       \
  X(501, IMAGE, "an image that cannot be read")                                                                        \
  X(502, REFUSED, "an image that the verifier refuses")                                                                \
  X(503, OTHER_HASH, "an image whose hash is another than the pinned one")                                             \
  X(504, DIRECTORY, "a directory that cannot be given")                                                                \
  X(505, PORT, "a port that is listened at twice")                                                                     \
  X(506, GRANTED_TWICE, "a device that is granted twice")                                                              \
  X(601, UNNEEDED, "an offer that nobody needs")

enum problem_number {
#define PROBLEM_ENUM(number, name, text) PROBLEM_##name = number,
  MANIFEST_PROBLEMS(PROBLEM_ENUM)
#undef PROBLEM_ENUM
};
#define PROBLEM_WARNINGS 600

#endif

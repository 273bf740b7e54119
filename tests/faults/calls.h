/* What the host can refuse, as data: each call that the program makes of the C library or of Linux, and the errors that
 * it can end with there. SHORT stands for a transfer of a part. Read by inject.c, and through the plan by plan.py. */
#ifndef TESTS_FAULTS_CALLS_H
#define TESTS_FAULTS_CALLS_H

#include <errno.h>

#define SHORT 100000

#define FAULT_CALLS(X)                                                                                                 \
  X(mmap, ENOMEM)                                                                                                      \
  X(munmap, ENOMEM)                                                                                                    \
  X(mprotect, ENOMEM)                                                                                                  \
  X(madvise, ENOMEM, EAGAIN)                                                                                           \
  X(memfd_create, EMFILE, ENFILE, ENOMEM)                                                                              \
  X(ftruncate, EIO, ENOSPC, EINTR, EFBIG)                                                                              \
  X(fallocate, ENOMEM, EINTR, ENOSPC)                                                                                  \
  X(mincore, EAGAIN, ENOMEM)                                                                                           \
  X(malloc, ENOMEM)                                                                                                    \
  X(calloc, ENOMEM)                                                                                                    \
  X(realloc, ENOMEM)                                                                                                   \
  X(pread, EIO, EINTR, ENOMEM)                                                                                         \
  X(pwrite, ENOSPC, EIO, EDQUOT, EINTR, EFBIG, SHORT)                                                                  \
  X(read, EIO, EINTR, EAGAIN)                                                                                          \
  X(write, ENOSPC, EIO, EINTR, SHORT)                                                                                  \
  X(fsync, EIO, ENOSPC, EDQUOT, EINTR)                                                                                 \
  X(close, EIO, EINTR, ENOSPC)                                                                                         \
  X(fstat, EIO, ENOMEM)                                                                                                \
  X(fstatfs, EIO, ENOMEM, EINTR)                                                                                       \
  X(openat2, EMFILE, ENFILE, ENOMEM, EINTR, EIO, ENOSPC, EAGAIN)                                                       \
  X(renameat2, EIO, ENOSPC, EDQUOT, ENOMEM)                                                                            \
  X(getdents64, EIO, ENOMEM)                                                                                           \
  X(mkdirat, ENOSPC, EIO, EDQUOT, ENOMEM)                                                                              \
  X(unlinkat, EIO, ENOSPC, ENOMEM, EBUSY)                                                                              \
  X(fchmod, EIO, ENOSPC)                                                                                               \
  X(utimensat, EIO, ENOSPC)                                                                                            \
  X(dup, EMFILE)                                                                                                       \
  X(fcntl, ENOMEM, EBUSY)                                                                                              \
  X(eventfd, EMFILE, ENOMEM)                                                                                           \
  X(epoll_create1, EMFILE, ENOMEM)                                                                                     \
  X(epoll_ctl, ENOMEM, ENOSPC)                                                                                         \
  X(epoll_wait, EINTR)                                                                                                 \
  X(poll, EINTR, ENOMEM)                                                                                               \
  X(socket, EMFILE, ENOBUFS, ENOMEM)                                                                                   \
  X(listen, EADDRINUSE)                                                                                                \
  X(accept4, EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR)                                                     \
  X(recv, ECONNRESET, ENOMEM, ENOBUFS, EINTR)                                                                          \
  X(send, ECONNRESET, EPIPE, ENOBUFS, ENOMEM, EINTR)                                                                   \
  X(shutdown, ENOTCONN, ENOBUFS)                                                                                       \
  X(pthread_create, EAGAIN)                                                                                            \
  X(timer_create, EAGAIN, ENOMEM)                                                                                      \
  X(prctl, ENOMEM)                                                                                                     \
  X(fopen, EMFILE, ENOMEM)                                                                                             \
  X(opendir, EMFILE, ENOMEM)                                                                                           \
  X(readdir, ENOMEM)                                                                                                   \
  X(seccomp, ENOMEM)                                                                                                   \
  X(landlock_create_ruleset, ENOMEM, EMFILE)                                                                           \
  X(landlock_add_rule, ENOMEM)                                                                                         \
  X(landlock_restrict_self, ENOMEM)                                                                                    \
  X(mseal, ENOMEM)

enum fault_call {
#define FAULT_ENUM(name, ...) FAULT_##name,
  FAULT_CALLS(FAULT_ENUM)
#undef FAULT_ENUM
      FAULT_CALL_COUNT
};

#endif

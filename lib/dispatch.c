/* The system calls of Linux: which handler serves which number, and what happens around every call. musl's system-call
 * layer comes here.
 *
 * While a thread is inside, signals for it wait; they are delivered on the way out, and a call that they interrupted is
 * made again if its handlers want that. */
#include <errno.h>
#include <sys/syscall.h>

#include "lib/linux.h"

static signet_handler *const handlers[] = {
    [SYS_read] = signet_linux_read,
    [SYS_write] = signet_linux_write,
    [SYS_open] = signet_linux_open,
    [SYS_close] = signet_linux_close,
    [SYS_stat] = signet_linux_stat,
    [SYS_fstat] = signet_linux_fstat,
    [SYS_lstat] = signet_linux_lstat,
    [SYS_poll] = signet_linux_poll,
    [SYS_lseek] = signet_linux_lseek,
    [SYS_mmap] = signet_linux_mmap,
    [SYS_mprotect] = signet_linux_mprotect,
    [SYS_munmap] = signet_linux_munmap,
    [SYS_brk] = signet_linux_brk,
    [SYS_rt_sigaction] = signet_linux_rt_sigaction,
    [SYS_rt_sigprocmask] = signet_linux_rt_sigprocmask,
    [SYS_ioctl] = signet_linux_ioctl,
    [SYS_pread64] = signet_linux_pread64,
    [SYS_pwrite64] = signet_linux_pwrite64,
    [SYS_readv] = signet_linux_readv,
    [SYS_writev] = signet_linux_writev,
    [SYS_access] = signet_linux_access,
    [SYS_pipe] = signet_linux_pipe,
    [SYS_select] = signet_linux_select,
    [SYS_sched_yield] = signet_linux_sched_yield,
    [SYS_mremap] = signet_linux_mremap,
    [SYS_msync] = signet_linux_msync,
    [SYS_madvise] = signet_linux_madvise,
    [SYS_dup] = signet_linux_dup,
    [SYS_dup2] = signet_linux_dup2,
    [SYS_pause] = signet_linux_pause,
    [SYS_nanosleep] = signet_linux_nanosleep,
    [SYS_getpid] = signet_linux_getpid,
    [SYS_sendfile] = signet_linux_sendfile,
    [SYS_socket] = signet_linux_socket,
    [SYS_socketpair] = signet_linux_socket,
    [SYS_exit] = signet_linux_exit,
    [SYS_kill] = signet_linux_kill,
    [SYS_uname] = signet_linux_uname,
    [SYS_fcntl] = signet_linux_fcntl,
    [SYS_flock] = signet_linux_flock,
    [SYS_fsync] = signet_linux_fsync,
    [SYS_fdatasync] = signet_linux_fsync,
    [SYS_truncate] = signet_linux_truncate,
    [SYS_ftruncate] = signet_linux_ftruncate,
    [SYS_getcwd] = signet_linux_getcwd,
    [SYS_chdir] = signet_linux_chdir,
    [SYS_fchdir] = signet_linux_fchdir,
    [SYS_rename] = signet_linux_rename,
    [SYS_mkdir] = signet_linux_mkdir,
    [SYS_rmdir] = signet_linux_rmdir,
    [SYS_creat] = signet_linux_creat,
    [SYS_link] = signet_linux_link,
    [SYS_unlink] = signet_linux_unlink,
    [SYS_symlink] = signet_linux_symlink,
    [SYS_readlink] = signet_linux_readlink,
    [SYS_chmod] = signet_linux_chmod,
    [SYS_fchmod] = signet_linux_fchmod,
    [SYS_chown] = signet_linux_chown,
    [SYS_fchown] = signet_linux_fchown,
    [SYS_lchown] = signet_linux_chown,
    [SYS_umask] = signet_linux_umask,
    [SYS_gettimeofday] = signet_linux_gettimeofday,
    [SYS_getrlimit] = signet_linux_getrlimit,
    [SYS_getrusage] = signet_linux_getrusage,
    [SYS_sysinfo] = signet_linux_sysinfo,
    [SYS_times] = signet_linux_times,
    [SYS_getuid] = signet_linux_zero,
    [SYS_getgid] = signet_linux_zero,
    [SYS_setuid] = signet_linux_setid,
    [SYS_setgid] = signet_linux_setid,
    [SYS_geteuid] = signet_linux_zero,
    [SYS_getegid] = signet_linux_zero,
    [SYS_getppid] = signet_linux_getppid,
    [SYS_getpgrp] = signet_linux_getpid,
    [SYS_setsid] = signet_linux_getpid,
    [SYS_getgroups] = signet_linux_getgroups,
    [SYS_getresuid] = signet_linux_getresid,
    [SYS_getresgid] = signet_linux_getresid,
    [SYS_getpgid] = signet_linux_getpgid,
    [SYS_getsid] = signet_linux_getpgid,
    [SYS_rt_sigpending] = signet_linux_rt_sigpending,
    [SYS_rt_sigtimedwait] = signet_linux_rt_sigtimedwait,
    [SYS_rt_sigsuspend] = signet_linux_rt_sigsuspend,
    [SYS_sigaltstack] = signet_linux_sigaltstack,
    [SYS_utime] = signet_linux_utime,
    [SYS_statfs] = signet_linux_statfs,
    [SYS_fstatfs] = signet_linux_fstatfs,
    [SYS_getpriority] = signet_linux_getpriority,
    [SYS_mlock] = signet_linux_mlock,
    [SYS_munlock] = signet_linux_mlock,
    [SYS_mlockall] = signet_linux_mlock,
    [SYS_munlockall] = signet_linux_mlock,
    [SYS_prctl] = signet_linux_prctl,
    [SYS_setrlimit] = signet_linux_setrlimit,
    [SYS_sync] = signet_linux_sync,
    [SYS_gettid] = signet_linux_gettid,
    [SYS_tkill] = signet_linux_tkill,
    [SYS_time] = signet_linux_time,
    [SYS_futex] = signet_linux_futex,
    [SYS_sched_getaffinity] = signet_linux_sched_getaffinity,
    [SYS_getdents64] = signet_linux_getdents64,
    [SYS_set_tid_address] = signet_linux_set_tid_address,
    [SYS_fadvise64] = signet_linux_fadvise64,
    [SYS_clock_gettime] = signet_linux_clock_gettime,
    [SYS_clock_getres] = signet_linux_clock_getres,
    [SYS_clock_nanosleep] = signet_linux_clock_nanosleep,
    [SYS_exit_group] = signet_linux_exit_group,
    [SYS_tgkill] = signet_linux_tgkill,
    [SYS_utimes] = signet_linux_utimes,
    [SYS_openat] = signet_linux_openat,
    [SYS_mkdirat] = signet_linux_mkdirat,
    [SYS_fchownat] = signet_linux_fchownat,
    [SYS_futimesat] = signet_linux_futimesat,
    [SYS_newfstatat] = signet_linux_newfstatat,
    [SYS_unlinkat] = signet_linux_unlinkat,
    [SYS_renameat] = signet_linux_renameat,
    [SYS_linkat] = signet_linux_linkat,
    [SYS_symlinkat] = signet_linux_symlinkat,
    [SYS_readlinkat] = signet_linux_readlinkat,
    [SYS_fchmodat] = signet_linux_fchmodat,
    [SYS_faccessat] = signet_linux_faccessat,
    [SYS_pselect6] = signet_linux_pselect6,
    [SYS_ppoll] = signet_linux_ppoll,
    [SYS_set_robust_list] = signet_linux_set_robust_list,
    [SYS_utimensat] = signet_linux_utimensat,
    [SYS_eventfd] = signet_linux_eventfd,
    [SYS_fallocate] = signet_linux_fallocate,
    [SYS_eventfd2] = signet_linux_eventfd2,
    [SYS_dup3] = signet_linux_dup3,
    [SYS_pipe2] = signet_linux_pipe2,
    [SYS_preadv] = signet_linux_preadv,
    [SYS_pwritev] = signet_linux_pwritev,
    [SYS_prlimit64] = signet_linux_prlimit64,
    [SYS_getcpu] = signet_linux_getcpu,
    [SYS_renameat2] = signet_linux_renameat2,
    [SYS_getrandom] = signet_linux_getrandom,
    [SYS_membarrier] = signet_linux_membarrier,
    [SYS_statx] = signet_linux_statx,
    [436 /* close_range */] = signet_linux_close_range,
    [439 /* faccessat2 */] = signet_linux_faccessat2,
    [452 /* fchmodat2 */] = signet_linux_fchmodat2,
};

#define HANDLERS (long)(sizeof handlers / sizeof *handlers)

long signet_error(struct signet_result result) {
  switch (result.status) {
  case SIGNET_OK:
    return 0;
  case SIGNET_ARGUMENT:
    return -EINVAL;
  case SIGNET_ADDRESS:
    return -EFAULT;
  case SIGNET_HANDLE:
    return -EBADF;
  case SIGNET_MEMORY:
  case SIGNET_QUOTA:
    return -ENOMEM;
  case SIGNET_TIMEOUT:
    return -ETIMEDOUT;
  case SIGNET_AGAIN:
  case SIGNET_FULL:
    return -EAGAIN;
  case SIGNET_INTERRUPTED:
    return -EINTR;
  case SIGNET_DENIED:
    return -EPERM;
  case SIGNET_UNSUPPORTED:
    return -ENOSYS;
  }
  return -EIO;
}

long signet_system_call(long number, long a, long b, long c, long d, long e, long f) {
  if (number < 0 || number >= HANDLERS || !handlers[number])
    return signet_trace_unknown(number);
  const long argument[6] = {a, b, c, d, e, f};
  signet_handler *handler = handlers[number];
  if (!signet_threads_begun)
    return handler(argument);
  struct thread *self = signet_self();
  for (;;) {
    self->in_call++;
    long result = handler(argument);
    self->in_call--;
    bool again = true;
    if (signet_signals_ready(self))
      again = signet_signals_deliver(self);
    if (result != INTERRUPTED_AGAIN)
      return result;
    if (!again)
      return -EINTR;
  }
}

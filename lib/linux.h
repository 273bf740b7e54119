/* The handlers of Linux's system calls, one a call; signet_linux_CALL. dispatch.c has the table that names them. */
#ifndef LIB_LINUX_H
#define LIB_LINUX_H

#include "lib/library.h"

/* memory.c */
signet_handler signet_linux_brk, signet_linux_mmap, signet_linux_munmap, signet_linux_mprotect, signet_linux_mremap,
    signet_linux_madvise, signet_linux_msync, signet_linux_mlock;
/* time.c */
signet_handler signet_linux_clock_gettime, signet_linux_clock_getres, signet_linux_clock_nanosleep,
    signet_linux_nanosleep, signet_linux_gettimeofday, signet_linux_time, signet_linux_times, signet_linux_getrusage;
/* futex.c */
signet_handler signet_linux_futex;
/* thread.c */
signet_handler signet_linux_exit, signet_linux_exit_group, signet_linux_set_tid_address, signet_linux_gettid,
    signet_linux_sched_yield, signet_linux_sched_getaffinity, signet_linux_set_robust_list, signet_linux_membarrier;
/* signal.c */
signet_handler signet_linux_rt_sigaction, signet_linux_rt_sigprocmask, signet_linux_rt_sigpending,
    signet_linux_rt_sigsuspend, signet_linux_rt_sigtimedwait, signet_linux_sigaltstack, signet_linux_kill,
    signet_linux_tkill, signet_linux_tgkill, signet_linux_pause;
/* identity.c */
signet_handler signet_linux_getpid, signet_linux_getppid, signet_linux_zero, signet_linux_uname, signet_linux_sysinfo,
    signet_linux_getrandom, signet_linux_getrlimit, signet_linux_setrlimit, signet_linux_prlimit64, signet_linux_umask,
    signet_linux_getgroups, signet_linux_getpgid, signet_linux_prctl, signet_linux_setid, signet_linux_getresid,
    signet_linux_getpriority, signet_linux_getcpu;
/* descriptor.c */
signet_handler signet_linux_read, signet_linux_write, signet_linux_readv, signet_linux_writev, signet_linux_pread64,
    signet_linux_pwrite64, signet_linux_preadv, signet_linux_pwritev, signet_linux_lseek, signet_linux_close,
    signet_linux_dup, signet_linux_dup2, signet_linux_dup3, signet_linux_fcntl, signet_linux_ioctl, signet_linux_fstat,
    signet_linux_close_range, signet_linux_sendfile;
/* file.c */
signet_handler signet_linux_open, signet_linux_openat, signet_linux_creat, signet_linux_ftruncate, signet_linux_fsync,
    signet_linux_sync, signet_linux_getdents64, signet_linux_flock, signet_linux_fallocate, signet_linux_fadvise64;
/* name.c */
signet_handler signet_linux_stat, signet_linux_lstat, signet_linux_newfstatat, signet_linux_statx, signet_linux_access,
    signet_linux_faccessat, signet_linux_faccessat2, signet_linux_mkdir, signet_linux_mkdirat, signet_linux_rmdir,
    signet_linux_unlink, signet_linux_unlinkat, signet_linux_rename, signet_linux_renameat, signet_linux_renameat2,
    signet_linux_symlink, signet_linux_symlinkat, signet_linux_readlink, signet_linux_readlinkat, signet_linux_link,
    signet_linux_linkat, signet_linux_chmod, signet_linux_fchmod, signet_linux_fchmodat, signet_linux_fchmodat2,
    signet_linux_chown, signet_linux_fchown, signet_linux_fchownat, signet_linux_utimensat, signet_linux_utimes,
    signet_linux_utime, signet_linux_futimesat, signet_linux_truncate, signet_linux_statfs, signet_linux_fstatfs;
/* path.c */
signet_handler signet_linux_getcwd, signet_linux_chdir, signet_linux_fchdir;
/* pipe.c, event.c */
signet_handler signet_linux_pipe, signet_linux_pipe2, signet_linux_eventfd, signet_linux_eventfd2;
/* poll.c */
signet_handler signet_linux_poll, signet_linux_ppoll, signet_linux_select, signet_linux_pselect6;
/* refused.c: calls whose honest answer is an error other than ENOSYS */
signet_handler signet_linux_socket;

#endif

/* Files: opening, reading and writing in every size, positions, descriptors, attributes. Run in an empty directory. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "show.h"

static unsigned hash(const unsigned char *bytes, size_t length) {
  unsigned value = 2166136261u;
  for (size_t i = 0; i < length; i++)
    value = (value ^ bytes[i]) * 16777619u;
  return value;
}

static void show_status(const char *name) {
  struct stat status;
  if (lstat(name, &status) != 0)
    printf("%s: %s\n", name, strerror(errno));
  else
    printf("%s: mode %o size %ld\n", name, status.st_mode, S_ISDIR(status.st_mode) ? 0l : (long)status.st_size);
}

int main(void) {
  static unsigned char bytes[1000003], back[1000003];
  char text[64];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = i * 7 + i / 251;
  SHOW(open("none", O_RDONLY));
  SHOW(open("", O_RDONLY));
  SHOW(open("none/deeper", O_RDONLY));
  int file = open("file", O_RDWR | O_CREAT | O_EXCL, 0640);
  SHOW(file);
  SHOW(open("file", O_RDWR | O_CREAT | O_EXCL, 0640));
  SHOW(write(file, "hello", 5));
  SHOW(lseek(file, 0, SEEK_CUR));
  SHOW(lseek(file, -2, SEEK_END));
  SHOW(read(file, text, sizeof text));
  SHOW(read(file, text, sizeof text));
  SHOW(lseek(file, -1, SEEK_SET));
  SHOW(lseek(file, 3, 77));
  const size_t sizes[] = {1, 320, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 262144, 262145, 1000003};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    SHOW(pwrite(file, bytes, sizes[i], 11));
    memset(back, 0, sizeof back);
    SHOW(pread(file, back, sizes[i], 11));
    printf("%zu: %08x %08x\n", sizes[i], hash(bytes, sizes[i]), hash(back, sizes[i]));
    SHOW(ftruncate(file, 11));
    SHOW(pread(file, back, sizes[i], 5));
  }
  SHOW(lseek(file, 0, SEEK_SET));
  struct iovec out[4] = {{bytes, 10}, {bytes, 0}, {bytes + 10, 5000}, {bytes + 5010, 7}};
  SHOW(writev(file, out, 4));
  SHOW(lseek(file, 0, SEEK_SET));
  struct iovec in[3] = {{back, 4000}, {back + 4000, 3}, {back + 4003, 9000}};
  SHOW(readv(file, in, 3));
  printf("%08x\n", hash(back, 5017));
  SHOW(preadv(file, in, 3, 4000));
  SHOW(pwritev(file, out, 4, 4000));
  SHOW(lseek(file, 100000, SEEK_SET));
  SHOW(write(file, "x", 1));
  show_status("file");
  SHOW(fsync(file));
  SHOW(fdatasync(file));
  SHOW(posix_fallocate(file, 0, 200000));
  show_status("file");
  SHOW(write(file, "", 0));
  SHOW(read(file, text, 0));
  /* Access modes. */
  int reader = open("file", O_RDONLY), writer = open("file", O_WRONLY);
  SHOW(write(reader, "x", 1));
  SHOW(read(writer, text, 1));
  SHOW(ftruncate(reader, 0));
  SHOW(fcntl(reader, F_GETFL) & O_ACCMODE);
  SHOW(fcntl(writer, F_GETFL) & O_ACCMODE);
  /* Appending. */
  int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
  SHOW(write(log, "one\n", 4));
  SHOW(lseek(log, 0, SEEK_SET));
  SHOW(write(log, "two\n", 4));
  SHOW(lseek(log, 0, SEEK_CUR));
  int second = open("log", O_RDWR);
  SHOW(fcntl(second, F_SETFL, O_APPEND));
  SHOW(write(second, "three\n", 6));
  SHOW(lseek(second, 0, SEEK_CUR));
  SHOW(pread(second, text, sizeof text, 0));
  printf("%.14s", text);
  /* Descriptors. */
  SHOW(dup(second));
  SHOW(dup2(second, 20));
  SHOW(dup2(20, 20));
  SHOW(dup2(21, 21));
  SHOW(dup3(20, 20, 0));
  SHOW(dup3(20, 200, O_CLOEXEC));
  SHOW(fcntl(200, F_GETFD));
  SHOW(fcntl(20, F_GETFD));
  SHOW(fcntl(20, F_SETFD, FD_CLOEXEC));
  SHOW(fcntl(20, F_GETFD));
  SHOW(fcntl(20, F_DUPFD, 50));
  SHOW(fcntl(20, F_DUPFD, 50));
  SHOW(fcntl(20, F_DUPFD_CLOEXEC, 50));
  SHOW(fcntl(20, F_DUPFD, -1));
  SHOW(close(200));
  SHOW(close(200));
  SHOW(read(200, text, 1));
  SHOW(lseek(20, 0, SEEK_SET));
  SHOW(read(second, text, 3));
  SHOW(lseek(50, 0, SEEK_CUR));
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  SHOW(fcntl(second, F_SETLK, &lock));
  SHOW(fcntl(second, F_GETLK, &lock));
  SHOW(lock.l_type);
  /* Attributes. */
  SHOW(fchmod(second, 0604));
  show_status("log");
  SHOW(chmod("log", 0751));
  show_status("log");
  struct timespec times[2] = {{1000000000, 123456789}, {1500000000, 987654321}};
  struct stat status;
  SHOW(utimensat(AT_FDCWD, "log", times, 0));
  SHOW(stat("log", &status));
  printf("%ld.%09ld %ld.%09ld\n", (long)status.st_atim.tv_sec, status.st_atim.tv_nsec, (long)status.st_mtim.tv_sec,
         status.st_mtim.tv_nsec);
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = 7;
  SHOW(futimens(second, times));
  SHOW(fstat(second, &status));
  printf("%ld.%09ld %ld.%09ld\n", (long)status.st_atim.tv_sec, status.st_atim.tv_nsec, (long)status.st_mtim.tv_sec,
         status.st_mtim.tv_nsec);
  SHOW(utimensat(AT_FDCWD, "none", times, 0));
  SHOW(truncate("log", 3));
  show_status("log");
  SHOW(truncate("none", 3));
  SHOW(truncate("log", -1));
  SHOW(access("log", R_OK | W_OK | X_OK));
  SHOW(access("file", X_OK));
  SHOW(access("none", F_OK));
  /* Standard input and output. */
  FILE *stream = fopen("text", "w+");
  for (int i = 0; i < 3000; i++)
    fprintf(stream, "line %d\n", i);
  rewind(stream);
  int lines = 0;
  while (fgets(text, sizeof text, stream))
    lines++;
  printf("%d lines, at %ld\n", lines, ftell(stream));
  fseek(stream, 100, SEEK_SET);
  printf("%s", fgets(text, sizeof text, stream));
  fclose(stream);
  stream = fopen("text", "a");
  fprintf(stream, "end\n");
  printf("%ld\n", ftell(stream));
  fclose(stream);
  printf("remove %d %d\n", remove("text"), remove("text"));
  return 0;
}

/* The /tmp that every process has: sealed it is in the process's memory, native a fresh one. Files, names, directories,
 * files that lost their name, threads. Leaves /tmp/left behind. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
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

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *name) {
  DIR *directory = opendir(name);
  char *names[3000];
  size_t count = 0;
  if (!directory) {
    printf("%s: %s\n", name, strerror(errno));
    return;
  }
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    names[count] = malloc(300);
    snprintf(names[count++], 300, "%s(%d)", entry->d_name, entry->d_type);
  }
  qsort(names, count, sizeof *names, by_name);
  printf("%s:", name);
  for (size_t i = 0; i < count; i++)
    printf(" %s", names[i]);
  printf("\n");
  closedir(directory);
}

static void bytes_of_files(void) {
  static unsigned char bytes[1000003], back[1000003];
  char text[64];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = i * 7 + i / 251;
  int file = open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0640);
  SHOW(file);
  SHOW(open("/tmp/file", O_RDWR | O_CREAT | O_EXCL, 0640));
  SHOW(write(file, "hello", 5));
  SHOW(lseek(file, -2, SEEK_END));
  SHOW(read(file, text, sizeof text));
  SHOW(read(file, text, sizeof text));
  SHOW(lseek(file, -1, SEEK_SET));
  SHOW(lseek(file, 3, 77));
  const size_t sizes[] = {1, 320, 4096, 16383, 16384, 16385, 65536, 262145, 1000003};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    SHOW(pwrite(file, bytes, sizes[i], 11));
    memset(back, 0, sizeof back);
    SHOW(pread(file, back, sizes[i], 11));
    printf("%zu: %08x %08x\n", sizes[i], hash(bytes, sizes[i]), hash(back, sizes[i]));
    SHOW(ftruncate(file, 11));
    SHOW(pread(file, back, sizes[i], 5));
    /* What was cut off reads as zeros when the file is long again. */
    SHOW(ftruncate(file, sizes[i] + 20));
    SHOW(pread(file, back, sizes[i] + 20, 0));
    printf("%08x\n", hash(back, sizes[i] + 20));
  }
  SHOW(lseek(file, 0, SEEK_SET));
  struct iovec out[4] = {{bytes, 10}, {bytes, 0}, {bytes + 10, 50000}, {bytes + 50010, 7}};
  SHOW(writev(file, out, 4));
  SHOW(lseek(file, 0, SEEK_SET));
  struct iovec in[3] = {{back, 40000}, {back + 40000, 3}, {back + 40003, 10014}};
  SHOW(readv(file, in, 3));
  printf("%08x\n", hash(back, 50017));
  SHOW(preadv(file, in, 3, 4000));
  SHOW(pwritev(file, out, 4, 4000));
  SHOW(ftruncate(file, 0));
  SHOW(pwrite(file, "x", 1, 3000000));
  SHOW(pread(file, back, 1000003, 2500000));
  printf("%08x\n", hash(back, 500001));
  show_status("/tmp/file");
  SHOW(fsync(file));
  SHOW(fdatasync(file));
  SHOW(posix_fallocate(file, 0, 3200000));
  show_status("/tmp/file");
  SHOW(write(file, "", 0));
  SHOW(read(file, text, 0));
  SHOW(pread(file, text, 5, 1l << 40));
  int reader = open("/tmp/file", O_RDONLY), writer = open("/tmp/file", O_WRONLY);
  SHOW(write(reader, "x", 1));
  SHOW(read(writer, text, 1));
  SHOW(ftruncate(reader, 0));
  SHOW(posix_fallocate(reader, 0, 10));
  SHOW(ftruncate(writer, -1));
  /* A mapping of it. */
  SHOW(pwrite(file, "mapped", 6, 4096));
  char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 4096);
  printf("%.6s\n", mapped == MAP_FAILED ? "failed" : mapped);
  SHOW(munmap(mapped, 8192));
  /* Positions belong to descriptions. */
  int copy = dup(file);
  SHOW(lseek(file, 123, SEEK_SET));
  SHOW(lseek(copy, 0, SEEK_CUR));
  SHOW(lseek(reader, 0, SEEK_CUR));
  SHOW(read(copy, text, 10));
  SHOW(lseek(file, 0, SEEK_CUR));
  SHOW(close(copy));
  SHOW(close(copy));
  SHOW(truncate("/tmp/file", 7));
  show_status("/tmp/file");
  SHOW(truncate("/tmp/none", 7));
  SHOW(truncate("/tmp", 7));
  SHOW(open("/tmp/file", O_RDONLY | O_TRUNC));
  show_status("/tmp/file");
  /* Appending. */
  int log = open("/tmp/log", O_WRONLY | O_CREAT | O_APPEND, 0600);
  int second = open("/tmp/log", O_RDWR);
  SHOW(write(log, "one\n", 4));
  SHOW(lseek(log, 0, SEEK_SET));
  SHOW(write(second, "ONE", 3));
  SHOW(write(log, "two\n", 4));
  SHOW(lseek(log, 0, SEEK_CUR));
  SHOW(fcntl(second, F_SETFL, O_APPEND));
  SHOW(write(second, "three\n", 6));
  SHOW(pread(second, text, sizeof text, 0));
  printf("%.14s", text);
  /* Attributes. */
  struct stat status;
  struct timespec times[2] = {{1000000000, 123456789}, {1500000000, 987654321}};
  SHOW(fchmod(second, 0604));
  show_status("/tmp/log");
  SHOW(chmod("/tmp/log", 0751));
  show_status("/tmp/log");
  SHOW(futimens(second, times));
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = 7;
  SHOW(utimensat(AT_FDCWD, "/tmp/log", times, 0));
  SHOW(fstat(second, &status));
  printf("%ld.%09ld %ld.%09ld\n", (long)status.st_atim.tv_sec, status.st_atim.tv_nsec, (long)status.st_mtim.tv_sec,
         status.st_mtim.tv_nsec);
  SHOW(access("/tmp/log", R_OK | W_OK | X_OK));
  SHOW(access("/tmp/file", X_OK));
  SHOW(access("/tmp/none", F_OK));
  for (int i = 3; i < 20; i++)
    close(i);
}

static void names(void) {
  struct stat status;
  char text[300];
  SHOW(mkdir("/tmp", 0700));
  SHOW(rmdir("/tmp"));
  SHOW(unlink("/tmp"));
  SHOW(open("/tmp", O_WRONLY));
  SHOW(open("/tmp", O_RDONLY | O_CREAT, 0600));
  SHOW(open("/tmp/none", O_RDONLY));
  SHOW(open("/tmp/log/deeper", O_RDONLY | O_CREAT, 0600));
  SHOW(open("/tmp/none/deeper", O_RDONLY | O_CREAT, 0600));
  SHOW(open("/tmp/log", O_RDONLY | O_DIRECTORY));
  SHOW(stat("/tmp/log/", &status));
  SHOW(readlink("/tmp/log", text, sizeof text));
  SHOW(mkdir("/tmp/d", 0750));
  SHOW(mkdir("/tmp/d", 0750));
  SHOW(mkdir("/tmp/d/e", 0700));
  SHOW(mkdir("/tmp/none/e", 0700));
  show_status("/tmp/d");
  SHOW(rename("/tmp/log", "/tmp/d/log"));
  SHOW(rename("/tmp/none", "/tmp/d/none"));
  SHOW(rename("/tmp/d/log", "/tmp/file"));
  SHOW(rename("/tmp/file", "/tmp/file"));
  SHOW(rename("/tmp/d", "/tmp/d/e/d"));
  SHOW(rename("/tmp/d", "/tmp/file"));
  SHOW(rename("/tmp/file", "/tmp/d"));
  SHOW(mkdir("/tmp/full", 0700));
  SHOW(mkdir("/tmp/full/of", 0700));
  SHOW(rename("/tmp/d", "/tmp/full"));
  SHOW(rmdir("/tmp/full"));
  SHOW(rmdir("/tmp/file"));
  SHOW(unlink("/tmp/full"));
  SHOW(rename("/tmp/d", "/tmp/full/of"));
  SHOW(unlink("/tmp/none"));
  SHOW(rename("/tmp/file", "outside"));
  SHOW(rename("/tmp", "/tmp/x"));
  SHOW(rename("/tmp/file", "/tmp"));
  SHOW(rename("/tmp", "/tmp/"));
  list("/tmp");
  list("/tmp/full");
  list("/tmp/full/of");
  list("/tmp/file");
  list("/tmp/d");
  /* Relative names. */
  int directory = open("/tmp/full", O_RDONLY | O_DIRECTORY);
  SHOW(read(directory, text, 10));
  SHOW(ftruncate(directory, 10));
  SHOW(mkdirat(directory, "new", 0711));
  SHOW(openat(directory, "new/file", O_RDWR | O_CREAT, 0600));
  SHOW(unlinkat(directory, "new/file", AT_REMOVEDIR));
  SHOW(unlinkat(directory, "new/file", 0));
  SHOW(unlinkat(directory, "new", AT_REMOVEDIR));
  SHOW(openat(directory, "../file", O_RDONLY));
  SHOW(fstatat(directory, "of", &status, 0));
  SHOW(chdir("/tmp/full/of"));
  SHOW(open("e/../../../relative", O_WRONLY | O_CREAT, 0644));
  SHOW(chdir("/tmp/relative"));
  SHOW(chdir("//tmp/./full//.."));
  printf("%s\n", getcwd(text, sizeof text));
  show_status("relative");
  list(".");
  SHOW(rmdir("full/of/e"));
  SHOW(fchdir(directory));
  SHOW(rmdir("of"));
  list(".");
  SHOW(chdir("/"));
  SHOW(rmdir("/tmp/full"));
  SHOW(openat(directory, "more", O_WRONLY | O_CREAT, 0600));
  SHOW(stat("/tmp/full", &status));
  memset(text, 'a', sizeof text);
  memcpy(text, "/tmp/", 5);
  text[5 + 255] = 0;
  SHOW_OK(open(text, O_WRONLY | O_CREAT, 0600));
  show_status(text);
  SHOW(unlink(text));
  text[5 + 255] = 'a';
  text[5 + 256] = 0;
  SHOW(open(text, O_WRONLY | O_CREAT, 0600));
  for (int i = 3; i < 20; i++)
    close(i);
}

/* Names removed while the directory is read: each is told once. */
static void remove_while_listing(void) {
  char name[64];
  SHOW(mkdir("/tmp/many", 0755));
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "/tmp/many/of-some-length-%d", i);
    close(open(name, O_WRONLY | O_CREAT, 0644));
  }
  DIR *directory = opendir("/tmp/many");
  struct dirent *entry;
  int count = 0;
  while ((entry = readdir(directory)))
    count += entry->d_name[0] != '.' && unlinkat(dirfd(directory), entry->d_name, 0) == 0;
  printf("removed %d\n", count);
  rewinddir(directory);
  count = 0;
  while (readdir(directory))
    count++;
  printf("left %d\n", count);
  closedir(directory);
  SHOW(rmdir("/tmp/many"));
}

static void nameless(void) {
  char text[20];
  struct stat status;
  int file = open("/tmp/gone", O_RDWR | O_CREAT | O_TRUNC, 0600), again = open("/tmp/gone", O_RDONLY);
  SHOW(write(file, "still here", 10));
  SHOW(unlink("/tmp/gone"));
  SHOW(unlink("/tmp/gone"));
  SHOW(open("/tmp/gone", O_RDONLY));
  SHOW(close(file));
  SHOW(fstat(again, &status));
  printf("links %ld size %ld\n", (long)status.st_nlink, (long)status.st_size);
  SHOW(fchmod(again, 0123));
  SHOW(fstat(again, &status));
  printf("%o\n", status.st_mode);
  SHOW(read(again, text, sizeof text));
  printf("%.10s\n", text);
  file = open("/tmp/gone", O_RDWR | O_CREAT | O_EXCL, 0600);
  SHOW(read(file, text, sizeof text));
  /* And one whose name another's took. */
  SHOW(write(file, "first", 5));
  int other = open("/tmp/other", O_RDWR | O_CREAT, 0600);
  SHOW(write(other, "second", 6));
  SHOW(rename("/tmp/other", "/tmp/gone"));
  SHOW(pread(file, text, sizeof text, 0));
  SHOW(close(file));
  show_status("/tmp/gone");
  SHOW(unlink("/tmp/gone"));
  FILE *stream = tmpfile();
  SHOW(stream != NULL);
  for (int i = 0; i < 3000; i++)
    fprintf(stream, "line %d\n", i);
  rewind(stream);
  int lines = 0;
  while (fgets(text, sizeof text, stream))
    lines++;
  printf("%d lines, at %ld\n", lines, ftell(stream));
  fclose(stream);
  char template[] = "/tmp/temporary-XXXXXX";
  SHOW_OK(mkstemp(template));
  SHOW(unlink(template));
  for (int i = 3; i < 20; i++)
    close(i);
}

enum { ROUNDS = 200 };
static int shared;
static void *work(void *argument) {
  long number = (long)argument, damage = 0;
  char name[32], line[64], back[64];
  for (int i = 0; i < ROUNDS; i++) {
    snprintf(name, sizeof name, "/tmp/thread-%ld-%d", number, i % 3);
    int length = snprintf(line, sizeof line, "%ld: the line number %04d\n", number, i);
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    damage += write(file, line, length) != length || pread(file, back, length, 0) != length;
    damage += memcmp(line, back, length) != 0;
    damage += write(shared, line, length) != length;
    if (i % 2)
      damage += unlink(name) != 0;
    else
      damage += rename(name, number % 2 ? "/tmp/odd" : "/tmp/even") != 0;
    damage += pread(file, back, length, 0) != length || memcmp(line, back, length) != 0;
    close(file);
  }
  return (void *)damage;
}

static void threads(void) {
  pthread_t threads[4];
  long damage = 0;
  struct stat status;
  shared = open("/tmp/shared", O_WRONLY | O_CREAT | O_APPEND, 0600);
  for (long i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < 4; i++) {
    void *result;
    pthread_join(threads[i], &result);
    damage += (long)result;
  }
  SHOW(damage);
  SHOW(fstat(shared, &status));
  SHOW(status.st_size);
  close(shared);
  list("/tmp");
}

int main(void) {
  struct stat status;
  SHOW(stat("/tmp", &status));
  if (stat("/tmp", &status) != 0)
    return 1;
  printf("%o\n", status.st_mode);
  list("/tmp");
  bytes_of_files();
  names();
  remove_while_listing();
  nameless();
  threads();
  const char *const all[] = {"/tmp/even", "/tmp/odd", "/tmp/shared", "/tmp/file", "/tmp/relative"};
  for (int i = 0; i < 5; i++)
    SHOW(unlink(all[i]));
  list("/tmp");
  int left = open("/tmp/left", O_WRONLY | O_CREAT, 0600);
  SHOW(write(left, "left\n", 5));
  return 0;
}

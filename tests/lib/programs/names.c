/* Directories and names: making, listing, renaming, links, the working directory. Run in an empty directory. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "show.h"

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
  while ((entry = readdir(directory)))
    names[count++] = strdup(entry->d_name);
  qsort(names, count, sizeof *names, by_name);
  printf("%s:", name);
  for (size_t i = 0; i < count; i++)
    printf(" %s", names[i]);
  printf("\n");
  closedir(directory);
}

/* Seeks back to a place and reads on from there. */
static void seek_in(const char *name) {
  DIR *directory = opendir(name);
  char first[300], again[300];
  for (int i = 0; i < 700; i++)
    readdir(directory);
  long place = telldir(directory);
  strcpy(first, readdir(directory)->d_name);
  for (int i = 0; i < 500; i++)
    readdir(directory);
  seekdir(directory, place);
  strcpy(again, readdir(directory)->d_name);
  printf("seekdir: %s\n", strcmp(first, again) == 0 ? "same" : "another");
  rewinddir(directory);
  int count = 0;
  while (readdir(directory))
    count++;
  printf("rewound: %d\n", count);
  closedir(directory);
}

static void make(const char *name) { close(open(name, O_WRONLY | O_CREAT, 0644)); }

int main(void) {
  char text[5000];
  struct stat status;
  SHOW(mkdir("d", 0755));
  SHOW(mkdir("d", 0755));
  SHOW(mkdir("none/d", 0755));
  SHOW(mkdir("d/e", 0700));
  make("d/f");
  make("g");
  list(".");
  list("d");
  list("g");
  list("none");
  SHOW(open("d", O_WRONLY));
  SHOW(open("g", O_RDONLY | O_DIRECTORY));
  SHOW(open("g/", O_RDONLY));
  SHOW(open("d/", O_WRONLY | O_CREAT, 0600));
  SHOW(stat("g/", &status));
  SHOW(stat("d/", &status));
  SHOW(stat("g/x", &status));
  SHOW(stat("d/../g", &status));
  SHOW(stat("./d/./e/../f", &status));
  int directory = open("d", O_RDONLY);
  SHOW(read(directory, text, 10));
  SHOW(openat(directory, "f", O_RDONLY));
  SHOW(openat(directory, "none", O_RDONLY));
  SHOW(openat(99, "f", O_RDONLY));
  SHOW(mkdirat(directory, "h", 0711));
  SHOW(fstatat(directory, "h", &status, 0));
  printf("%o\n", status.st_mode);
  SHOW(fstatat(directory, "", &status, AT_EMPTY_PATH));
  SHOW(fstatat(directory, "", &status, 0));
  SHOW(unlinkat(directory, "h", 0));
  SHOW(unlinkat(directory, "h", AT_REMOVEDIR));
  SHOW(faccessat(directory, "f", R_OK, 0));
  int file = openat(directory, "f", O_RDWR);
  SHOW(openat(file, "x", O_RDONLY));
  SHOW(rename("g", "d/g"));
  SHOW(rename("g", "d/g"));
  SHOW(rename("d", "d/e/d"));
  SHOW(rename("d/e", "d/g"));
  SHOW(rename("d/g", "d/e"));
  SHOW(renameat(directory, "g", AT_FDCWD, "g"));
  list("d");
  SHOW(symlink("g", "link"));
  SHOW(symlink("none", "broken"));
  SHOW(symlink("x", "link"));
  SHOW(symlink("", "empty"));
  SHOW(readlink("link", text, sizeof text));
  SHOW(readlink("link", text, 0));
  SHOW(readlink("g", text, sizeof text));
  SHOW(symlink("a/rather/long/target", "long"));
  SHOW(readlink("long", text, 5));
  printf("%.5s\n", text);
  SHOW(stat("link", &status));
  printf("%o\n", status.st_mode & S_IFMT);
  SHOW(lstat("link", &status));
  printf("%o\n", status.st_mode & S_IFMT);
  SHOW(stat("broken", &status));
  SHOW(open("broken", O_RDONLY));
  SHOW(open("link", O_RDONLY | O_NOFOLLOW));
  SHOW(symlink("loop", "loop"));
  SHOW(open("loop", O_RDONLY));
  SHOW(unlink("loop"));
  SHOW(symlink("../../../../../../../../etc", "out"));
  SHOW(unlink("out"));
  SHOW(unlink("link"));
  SHOW(unlink("d"));
  SHOW(rmdir("d"));
  SHOW(rmdir("g"));
  SHOW(rmdir("d/e/."));
  SHOW(rmdir("d/e"));
  SHOW(chdir("none"));
  SHOW(chdir("g"));
  SHOW(chdir("d"));
  list(".");
  SHOW(stat("../g", &status));
  SHOW(chdir(".."));
  SHOW(fchdir(directory));
  list(".");
  SHOW(fchdir(file));
  SHOW(chdir(".././d/..//d/"));
  printf("%s\n", strrchr(getcwd(text, sizeof text), '/'));
  SHOW(getcwd(text, 1));
  SHOW(chdir(".."));
  memset(text, 'a', sizeof text);
  text[256] = 0;
  SHOW(open(text, O_RDONLY));
  text[256] = 'a';
  text[4999] = 0;
  SHOW(open(text, O_RDONLY));
  SHOW(mkdir("many", 0755));
  for (int i = 0; i < 2000; i++) {
    snprintf(text, sizeof text, "many/a-name-of-some-length-%d", i);
    make(text);
  }
  list("many");
  seek_in("many");
  for (int i = 0; i < 2000; i++) {
    snprintf(text, sizeof text, "many/a-name-of-some-length-%d", i);
    unlink(text);
  }
  SHOW(rmdir("many"));
  umask(077);
  make("masked");
  SHOW(stat("masked", &status));
  printf("%o\n", status.st_mode);
  SHOW(umask(0));
  char template[] = "temporary-XXXXXX";
  SHOW_OK(mkstemp(template));
  SHOW(unlink(template));
  char directory_template[] = "temporary-XXXXXX";
  printf("%s\n", mkdtemp(directory_template) ? "made" : strerror(errno));
  SHOW(rmdir(directory_template));
  return 0;
}

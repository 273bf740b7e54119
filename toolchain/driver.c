/* signet-cc: gcc, with registers reserved, our assembler and linker in front of its own, and the sealed C library in
 * place of the host's. A drop-in cc; one option of its own, -msignet-parallel. Finds its files from where it stands. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "toolchain/assembly.h"
#include "toolchain/host.h"

static const char *const options_before[] = {
    "-ffixed-r11",
    "-ffixed-r14",
    "-fcf-protection=none",        /* endbr is of no use where every indirect branch is masked */
    "-fno-stack-clash-protection", /* guards are the window's own */
    "-fno-stack-protector",
    "-mtls-dialect=gnu",
    "-gno-variable-location-views", /* they assume that no padding is added */
    "-D__signet__=1",
};

/* After the user's own options: what nobody can ask for. */
static const char *const options_after[] = {
    "-fno-pic",
    "-fno-pie",
    "-no-pie",
    "-ftls-model=local-exec",
    "-mno-avx512f",
    "-mno-mmx",
    "-mno-3dnow",
    "-mno-rtm",
    "-mno-shstk",
    "-mcmodel=small",
    "-fno-split-stack",
    "-mno-avxvnni",
    "-mno-fma4",
    "-mno-xop",
    "-mno-tbm",
    "-mno-lwp",
    "-Werror=trampolines", /* nested functions whose address is taken would need executable stacks */
    /* It moves a comparison that begins every case of a switch to before the switch: masking the jump would lose the
       flags. */
    "-fno-crossjumping",
};

/* Options that make code or links of a kind that no image is. */
static bool is_dropped(const char *option) {
  static const char *const list[] = {"-fPIC",
                                     "-fpic",
                                     "-fPIE",
                                     "-fpie",
                                     "-pie",
                                     "-no-pie",
                                     "-static-pie",
                                     "-static",
                                     "-static-libgcc",
                                     "-rdynamic",
                                     "-fstack-protector",
                                     "-fstack-protector-strong",
                                     "-fstack-protector-all",
                                     "-fstack-clash-protection",
                                     "-fcf-protection",
                                     "-m64",
                                     "-Wl,-z,relro",
                                     "-Wl,-z,now",
                                     "-Wl,-pie",
                                     "-fplt",
                                     "-pg"};
  for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
    if (strcmp(option, list[i]) == 0)
      return true;
  return strncmp(option, "-fcf-protection=", 16) == 0 || strncmp(option, "-mcmodel=", 9) == 0 ||
         strncmp(option, "-ftls-model=", 12) == 0;
}

static const char *refusal(const char *option) {
  if (strcmp(option, "-shared") == 0)
    return "there are no shared libraries in a sealed process";
  if (strcmp(option, "-m32") == 0 || strcmp(option, "-mx32") == 0)
    return "only 64-bit code is supported";
  if (strcmp(option, "-masm=intel") == 0)
    return "the rewriter reads AT&T syntax";
  if (strcmp(option, "-ffixed-r11") != 0 && strncmp(option, "-fsplit-stack", 13) == 0)
    return "stacks are not split";
  return NULL;
}

/* The directory that holds bin/, libexec/ and sysroot/. */
static const char *own_directory(void) {
  static char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) {
    fprintf(stderr, "signet-cc: cannot find out where it is\n");
    exit(1);
  }
  path[length] = 0;
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(path, '/');
    if (slash)
      *slash = 0;
  }
  return path;
}

int main(int argc, char **argv) {
  const char *top = own_directory();
  bool parallel = false;
  char **arguments = memory_allocate(((size_t)argc + 64) * sizeof *arguments);
  size_t count = 0;
  arguments[count++] = (char *)"gcc";
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "-msignet-parallel") == 0)
      parallel = true;
  const char *libraries = parallel ? "lib/parallel" : "lib";
  arguments[count++] = memory_format("-B%s/libexec/signet/", top);
  arguments[count++] = memory_format("-B%s/sysroot/%s/", top, libraries);
  arguments[count++] = memory_format("-specs=%s/libexec/signet/image.specs", top);
  for (size_t i = 0; i < sizeof options_before / sizeof options_before[0]; i++)
    arguments[count++] = (char *)options_before[i];
  for (int i = 1; i < argc; i++) {
    const char *reason = refusal(argv[i]);
    if (reason) {
      fprintf(stderr, "signet-cc: %s is not supported: %s\n", argv[i], reason);
      return 1;
    }
    if (strcmp(argv[i], "-msignet-parallel") != 0 && !is_dropped(argv[i]))
      arguments[count++] = argv[i];
  }
  for (size_t i = 0; i < sizeof options_after / sizeof options_after[0]; i++)
    arguments[count++] = (char *)options_after[i];
  arguments[count++] = (char *)"-nostdinc";
  arguments[count++] = (char *)"-isystem";
  arguments[count++] = memory_format("%s/sysroot/include", top);
  arguments[count++] = (char *)"-isystem";
  arguments[count++] = (char *)HOST_COMPILER_INCLUDE;
  arguments[count++] = (char *)"-idirafter";
  arguments[count++] = memory_format("%s/sysroot/include-linux", top);
  arguments[count++] = memory_format("-L%s/sysroot/%s", top, libraries);
  arguments[count] = NULL;
  if (parallel)
    setenv("SIGNET_PARALLEL", "1", 1);
  /* The compiler's own search would find the host's headers and libraries. */
  static const char *const ignored[] = {"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX"};
  for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
    unsetenv(ignored[i]);
  execv(HOST_COMPILER, arguments);
  perror("signet-cc: " HOST_COMPILER);
  return 127;
}

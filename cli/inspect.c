/* `signet inspect`: what an image is, before it runs. One thread. */
#include <errno.h>
#include <gelf.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "verifier/verifier.h"

static const char help[] = "usage: signet inspect [--json] IMAGE…\n"
                           "\n"
                           "Shows hash, sizes, entry point, processor features, and the kernel calls that the code can "
                           "ever make: the verifier has seen all of them.\n"
                           "The hash is BLAKE2b-256 of the file: `b2sum -l 256 IMAGE` prints the same.\n";

static const char *const calls[] = {
#define CALL_NAME(number, name, arguments) [number] = #name,
    SIGNET_CALLS(CALL_NAME)
#undef CALL_NAME
};

static const struct {
  const char *name;
  int bit;
} features[] = {
#define FEATURE_NAME(name, bit, text) {text, bit},
    VERIFIER_FEATURES(FEATURE_NAME)
#undef FEATURE_NAME
};

struct sizes {
  uint64_t entry, code, constants, data, zeroed;
};

/* The image has been accepted: its headers are sound. */
static struct sizes measure(void *image, size_t length) {
  struct sizes sizes = {0};
  size_t headers = 0;
  GElf_Ehdr file;
  elf_version(EV_CURRENT);
  Elf *elf = elf_memory(image, length);
  if (gelf_getehdr(elf, &file))
    sizes.entry = file.e_entry;
  elf_getphdrnum(elf, &headers);
  for (size_t i = 0; i < headers; i++) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_LOAD)
      continue;
    if (header.p_flags & PF_X)
      sizes.code += header.p_filesz;
    else if (header.p_flags & PF_W)
      sizes.data += header.p_filesz;
    else
      sizes.constants += header.p_filesz;
    sizes.zeroed += header.p_memsz - header.p_filesz;
  }
  elf_end(elf);
  return sizes;
}

static json_t *name_list(uint64_t bits, bool of_calls) {
  json_t *list = json_array();
  if (of_calls) {
    for (size_t i = 0; i < SIGNET_CALL_COUNT; i++)
      if (bits >> i & 1)
        json_array_append_new(list, json_string(calls[i]));
  } else {
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
      if (bits >> features[i].bit & 1)
        json_array_append_new(list, json_string(features[i].name));
  }
  return list;
}

static void print_list(const char *title, const json_t *list) {
  size_t index;
  json_t *name;
  printf("  %-13s", title);
  if (json_array_size(list) == 0)
    printf("none");
  json_array_foreach(list, index, name) printf("%s%s", index ? ", " : "", json_string_value(name));
  putchar('\n');
}

static json_t *describe(const char *path, void *bytes, size_t length, const struct kernel_image_facts *facts) {
  char hash[65];
  struct sizes sizes = measure(bytes, length);
  cli_hexadecimal(facts->hash, sizeof facts->hash, hash);
  return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o}", "file", path, "hash", hash, "file_bytes",
                   (json_int_t)length, "entry", (json_int_t)sizes.entry, "code_bytes", (json_int_t)sizes.code,
                   "instructions", (json_int_t)facts->instructions, "constant_bytes", (json_int_t)sizes.constants,
                   "data_bytes", (json_int_t)sizes.data, "zeroed_bytes", (json_int_t)sizes.zeroed, "features",
                   name_list(facts->features, false), "kernel_calls", name_list(facts->calls_named, true));
}

static void print(json_t *facts) {
#define NUMBER(key) (long long)json_integer_value(json_object_get(facts, key))
  printf("%s\n", json_string_value(json_object_get(facts, "file")));
  printf("  hash         %s\n", json_string_value(json_object_get(facts, "hash")));
  printf("  entry        0x%llx\n", NUMBER("entry"));
  printf("  code         %lld bytes, %lld instructions\n", NUMBER("code_bytes"), NUMBER("instructions"));
  printf("  constants    %lld bytes\n", NUMBER("constant_bytes"));
  printf("  data         %lld bytes, and %lld zeroed\n", NUMBER("data_bytes"), NUMBER("zeroed_bytes"));
  print_list("processor", json_object_get(facts, "features"));
  print_list("kernel calls", json_object_get(facts, "kernel_calls"));
#undef NUMBER
}

int cli_inspect(int count, char **arguments) {
  static const struct option table[] = {
      {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
  bool json = false;
  for (int option; (option = getopt_long(count, arguments, "h", table, NULL)) != -1;) {
    if (option == 'j') {
      json = true;
    } else if (option == 'h') {
      fputs(help, stdout);
      return 0;
    } else {
      fputs("`signet inspect --help` lists the options.\n", stderr);
      return CLI_USAGE;
    }
  }
  if (optind == count) {
    cli_error("inspect: no image named");
    return CLI_USAGE;
  }
  if (!cli_prepare_to_load())
    return CLI_FAILED;
  json_t *all = json_array();
  int status = 0;
  for (int i = optind; i < count; i++) {
    size_t length;
    struct kernel_image *image;
    struct kernel_refusal refusal;
    struct kernel_image_facts facts;
    void *bytes = cli_read_file(arguments[i], &length);
    if (!bytes) {
      cli_error("%s: %s", arguments[i], strerror(errno));
      status = CLI_REFUSED;
      continue;
    }
    if (kernel_image_load(bytes, length, &image, &refusal) != SIGNET_OK) {
      cli_error("%s: %s; `signet verify` shows every broken rule", arguments[i], cli_refusal_text(&refusal));
      status = CLI_REFUSED;
    } else {
      kernel_image_facts(image, &facts);
      json_t *described = describe(arguments[i], bytes, length, &facts);
      if (!json)
        print(described);
      json_array_append_new(all, described);
      kernel_image_release(image);
    }
    free(bytes);
  }
  if (json)
    cli_print_json(all);
  else
    json_decref(all);
  return status;
}

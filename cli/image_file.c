/* Owns what the tools read from ELF files: the code segment, the note's rule, and symbols, through libelf. Not part of
 * the trusted base: what may run is decided by kernel/image.c. */
#include <ctype.h>
#include <gelf.h>
#include <stdio.h>
#include <string.h>

#include <signet/image.h>

#include "cli/cli.h"

static Elf *open_elf(const void *image, size_t length) {
  if (elf_version(EV_CURRENT) == EV_NONE)
    return NULL;
  Elf *elf = elf_memory((char *)(uintptr_t)image, length);
  if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64)
    return elf;
  elf_end(elf);
  return NULL;
}

/* Our note among those of a segment, as the kernel looks for it (kernel/elf.c). */
static void read_notes(const uint8_t *bytes, uint64_t left, uint64_t alignment, struct cli_code *code) {
  struct signet_note content;
  uint64_t align = alignment == 8 ? 8 : 4;
  GElf_Nhdr note;
  while (left >= sizeof note) {
    memcpy(&note, bytes, sizeof note);
    uint64_t content_at = (sizeof note + (uint64_t)note.n_namesz + align - 1) & -align;
    uint64_t size = (content_at + note.n_descsz + align - 1) & -align;
    if (content_at > left || note.n_descsz > left - content_at)
      return;
    if (note.n_type == SIGNET_NOTE && note.n_namesz == sizeof SIGNET_NOTE_NAME && note.n_descsz == sizeof content &&
        memcmp(bytes + sizeof note, SIGNET_NOTE_NAME, sizeof SIGNET_NOTE_NAME) == 0) {
      memcpy(&content, bytes + content_at, sizeof content);
      code->parallel = content.flags & SIGNET_NOTE_PARALLEL;
    }
    if (size >= left)
      return;
    bytes += size;
    left -= size;
  }
}

bool cli_find_code(const void *image, size_t length, struct cli_code *code) {
  Elf *elf = open_elf(image, length);
  size_t headers = 0;
  bool found = false;
  *code = (struct cli_code){0};
  if (!elf || elf_getphdrnum(elf, &headers) != 0)
    headers = 0;
  for (size_t i = 0; i < headers; i++) {
    GElf_Phdr header;
    if (!gelf_getphdr(elf, (int)i, &header))
      continue;
    bool inside = header.p_offset <= length && header.p_filesz <= length - header.p_offset;
    if (header.p_type == PT_NOTE && inside)
      read_notes((const uint8_t *)image + header.p_offset, header.p_filesz, header.p_align, code);
    if (found || header.p_type != PT_LOAD || !(header.p_flags & PF_X) || !inside || header.p_vaddr > UINT32_MAX)
      continue;
    code->bytes = (const uint8_t *)image + header.p_offset;
    code->length = header.p_filesz;
    code->offset = (uint32_t)header.p_vaddr;
    found = true;
  }
  elf_end(elf);
  return found;
}

void cli_symbol(const void *image, size_t length, uint64_t offset, char *text, size_t size) {
  Elf *elf = open_elf(image, length);
  uint64_t best = 0;
  text[0] = 0;
  for (Elf_Scn *section = NULL; elf && (section = elf_nextscn(elf, section));) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB || header.sh_entsize != sizeof(Elf64_Sym))
      continue;
    Elf_Data *data = elf_getdata(section, NULL);
    for (int i = 0; data && (uint64_t)i < header.sh_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      if (!gelf_getsym(data, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_value > offset ||
          symbol.st_value < best)
        continue;
      const char *name = elf_strptr(elf, header.sh_link, symbol.st_name);
      if (!name || (symbol.st_size && offset >= symbol.st_value + symbol.st_size))
        continue;
      best = symbol.st_value;
      snprintf(text, size, "%s+0x%llx", name, (unsigned long long)(offset - best));
    }
    break; /* a good file has one, and a bad one shall not take time */
  }
  /* The name is the file's, and goes to a terminal. */
  for (char *at = text; *at; at++)
    if (!isprint((unsigned char)*at))
      *at = '?';
  elf_end(elf);
}

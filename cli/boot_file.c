/* Owns the bootable file: the kernel's ELF file byte for byte, the boot archive behind it, and behind that the table of
 * segments again with one more. Section headers stay, so that debuggers read the file. One thread. */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "cli/boot.h"

#define PAGE 4096
#define KERNEL 0xffffffff80000000ull /* virtual less physical address of the kernel's image: port/pc/link.ld */
#define ARCHIVE_SYMBOL "pc_archive"
#define SEGMENTS_MOST 64

/* 0: there is no such symbol. */
static uint64_t symbol_value(Elf *elf, const char *wanted) {
  for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB || header.sh_entsize != sizeof(Elf64_Sym))
      continue;
    Elf_Data *data = elf_getdata(section, NULL);
    for (int i = 0; data && (uint64_t)i < header.sh_size / header.sh_entsize; i++) {
      GElf_Sym symbol;
      const char *name = gelf_getsym(data, i, &symbol) ? elf_strptr(elf, header.sh_link, symbol.st_name) : NULL;
      if (name && strcmp(name, wanted) == 0)
        return symbol.st_value;
    }
  }
  return 0;
}

static bool write_file(Elf *elf, const uint8_t *kernel, size_t length, const struct boot_bytes *archive,
                       struct boot_bytes *into) {
  Elf64_Phdr segments[SEGMENTS_MOST];
  GElf_Ehdr head;
  size_t count;
  uint64_t address = symbol_value(elf, ARCHIVE_SYMBOL);
  if (!gelf_getehdr(elf, &head) || head.e_ident[EI_CLASS] != ELFCLASS64 || elf_getphdrnum(elf, &count) != 0 ||
      count >= SEGMENTS_MOST || address < KERNEL || address % PAGE != 0)
    return false;
  for (size_t i = 0; i < count; i++) {
    GElf_Phdr segment;
    if (!gelf_getphdr(elf, (int)i, &segment))
      return false;
    segments[i] = segment;
    /* What is loaded over the archive, or where the kernel does not look for it, would fail in the dark. */
    if (segment.p_type == PT_LOAD && segment.p_paddr + segment.p_memsz > address - KERNEL)
      return false;
  }
  boot_append(into, kernel, length, 1);
  segments[count++] = (Elf64_Phdr){.p_type = PT_LOAD,
                                   .p_flags = PF_R,
                                   .p_offset = boot_append(into, archive->data, archive->length, PAGE),
                                   .p_vaddr = address,
                                   .p_paddr = address - KERNEL,
                                   .p_filesz = archive->length,
                                   .p_memsz = archive->length,
                                   .p_align = PAGE};
  head.e_phoff = boot_append(into, segments, count * sizeof *segments, 8);
  head.e_phnum = (Elf64_Half)count;
  memcpy(into->data, &head, sizeof head);
  return true;
}

bool boot_file(const char *kernel_path, const struct boot_bytes *archive, struct boot_bytes *into) {
  size_t length;
  void *kernel = cli_read_file(kernel_path, &length);
  if (!kernel) {
    cli_error("the machine's kernel, %s: %s; `make` builds it", kernel_path, strerror(errno));
    return false;
  }
  Elf *elf = elf_version(EV_CURRENT) != EV_NONE ? elf_memory(kernel, length) : NULL;
  bool good = elf && elf_kind(elf) == ELF_K_ELF && write_file(elf, kernel, length, archive, into);
  if (!good)
    cli_error("%s is not the machine's kernel: no ELF file with a page-aligned symbol " ARCHIVE_SYMBOL " at its end",
              kernel_path);
  elf_end(elf);
  free(kernel);
  return good;
}

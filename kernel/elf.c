/* Reads an ELF file that may be anything at all, and says in words why it is no image (include/signet/image.h has the
 * rules). image.c, on sealed bytes; no lock. */
#include "kernel/object.h"

struct elf_header {
  uint8_t magic[4];
  uint8_t class, data, version, abi;
  uint8_t padding[8];
  uint16_t type, machine;
  uint32_t version2;
  uint64_t entry, programs, sections;
  uint32_t flags;
  uint16_t header_size, program_size, program_count;
  uint16_t section_size, section_count, section_names;
};

struct elf_program {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_length, length, alignment;
};

enum { ELF_LOAD = 1, ELF_DYNAMIC = 2, ELF_INTERPRETER = 3, ELF_NOTE = 4 };
enum { ELF_EXECUTE = 1, ELF_WRITE = 2, ELF_READ = 4 };
enum { ELF_EXECUTABLE = 2, ELF_X86_64 = 62 };
#define PROGRAMS_MOST 64
#define NOTES_MOST 0x10000u /* bytes of one segment: each of so many may hold the same ones */

struct elf_note {
  uint32_t name_length, length, type;
};

static bool no(struct kernel_refusal *refusal, const char *text) {
  refuse(refusal, text);
  return false;
}

static bool no_at(struct kernel_refusal *refusal, const char *text, uint64_t number) {
  refuse(refusal, text);
  refuse_add_number(refusal, number);
  return false;
}

static bool header_check(const struct elf_header *header, size_t length, struct kernel_refusal *refusal) {
  if (memcmp(header->magic, "\177ELF", 4) != 0)
    return no(refusal, "not an ELF file");
  if (header->class != 2 || header->data != 1 || header->version != 1 || header->version2 != 1)
    return no(refusal, "not a 64-bit little-endian ELF file of version 1");
  if (header->machine != ELF_X86_64)
    return no(refusal, "not for x86-64");
  if (header->type != ELF_EXECUTABLE)
    return no(refusal, "not a static executable (the ELF type is not EXEC)");
  if (header->program_size != sizeof(struct elf_program) || !header->program_count ||
      header->program_count > PROGRAMS_MOST)
    return no(refusal, "the number or size of the program headers is out of range");
  uint64_t table = (uint64_t)header->program_count * sizeof(struct elf_program);
  if (header->programs > length || table > length - header->programs)
    return no(refusal, "the program headers lie outside the file");
  return true;
}

static bool segment_check(const struct elf_program *program, size_t length, struct kernel_image *image,
                          struct kernel_refusal *refusal) {
  bool first = !image->segments;
  uint64_t low = first ? SIGNET_IMAGE_LOW : image->high;
  if (image->segments == IMAGE_SEGMENTS_MOST)
    return no(refusal, "more segments than an image may have");
  if (program->address & PAGE_MASK || program->offset & PAGE_MASK)
    return no_at(refusal, "a segment does not start on a page, at ", program->address);
  if (program->offset > length || program->file_length > length - program->offset)
    return no_at(refusal, "the file is cut off: it ends before its segment at ", program->address);
  if (program->file_length > program->length)
    return no_at(refusal, "a segment is larger in the file than in memory, at ", program->address);
  if (program->address < low || program->address >= SIGNET_CODE_HIGH ||
      program->length > SIGNET_CODE_HIGH - program->address)
    return no_at(refusal, "a segment overlaps another, is out of order or lies outside the image's area, at ",
                 program->address);
  bool execute = program->flags & ELF_EXECUTE, write = program->flags & ELF_WRITE;
  if (program->flags & ~(uint32_t)(ELF_EXECUTE | ELF_WRITE | ELF_READ))
    return no_at(refusal, "a segment has unknown flags, at ", program->address);
  if (execute && write)
    return no_at(refusal, "a segment is both writable and executable, at ", program->address);
  if (execute != first)
    return no_at(refusal,
                 first ? "the first segment is not the code: it is not executable, at "
                       : "a second segment is executable, at ",
                 program->address);
  if (first &&
      (program->address != SIGNET_IMAGE_LOW || program->file_length != program->length || program->length & PAGE_MASK))
    return no_at(refusal, "the code segment is not whole pages from the start of the image's area, at ",
                 program->address);
  if (!write && page_up(program->file_length) != page_up(program->length))
    return no_at(refusal, "a read-only segment is larger in memory than in the file, at ", program->address);
  image->segment[image->segments++] =
      (struct segment){.offset = (uint32_t)program->address,
                       .file_offset = (uint32_t)program->offset,
                       .file_length = (uint32_t)program->file_length,
                       .length = (uint32_t)program->length,
                       .protection = write ? SIGNET_PROTECT_WRITE : SIGNET_PROTECT_READ};
  image->high = (uint32_t)page_up(program->address + program->length);
  if (write)
    image->charge += page_up(program->length);
  return true;
}

/* Looks for our note among those of a note segment; other notes are passed over. */
static bool note_check(const uint8_t *bytes, size_t length, const struct elf_program *program,
                       struct kernel_image *image, bool *seen, struct kernel_refusal *refusal) {
  struct elf_note note;
  struct signet_note content;
  if (program->offset > length || program->file_length > length - program->offset)
    return no(refusal, "the file is cut off: it ends before its notes");
  if (program->file_length > NOTES_MOST)
    return no(refusal, "its notes are too long");
  const uint8_t *next = bytes + program->offset;
  uint64_t left = program->file_length, align = program->alignment == 8 ? 8 : 4;
  while (left >= sizeof note) {
    memcpy(&note, next, sizeof note);
    uint64_t content_at = (sizeof note + (uint64_t)note.name_length + align - 1) & -align;
    uint64_t size = (content_at + note.length + align - 1) & -align;
    if (content_at > left || note.length > left - content_at)
      return no(refusal, "a note is cut off");
    if (note.type == SIGNET_NOTE && note.name_length == sizeof SIGNET_NOTE_NAME &&
        !memcmp(next + sizeof note, SIGNET_NOTE_NAME, sizeof SIGNET_NOTE_NAME)) {
      if (*seen)
        return no(refusal, "it has two Signet notes");
      if (note.length != sizeof content)
        return no(refusal, "its Signet note has another size");
      memcpy(&content, next + content_at, sizeof content);
      if (content.abi_version != SIGNET_ABI_VERSION)
        return no_at(refusal, "it is for another version of the ABI: ", content.abi_version);
      if (content.flags & ~SIGNET_NOTE_PARALLEL)
        return no_at(refusal, "its Signet note has unknown flags: ", content.flags);
      image->parallel = content.flags & SIGNET_NOTE_PARALLEL;
      image->stack = content.stack;
      *seen = true;
    }
    if (size >= left)
      break;
    next += size;
    left -= size;
  }
  return true;
}

bool elf_parse(const uint8_t *bytes, size_t length, struct kernel_image *image, struct kernel_refusal *refusal) {
  struct elf_header header;
  struct elf_program program;
  bool noted = false;
  if (length < sizeof header)
    return no(refusal, "too short to be an ELF file");
  if (length > SIGNET_CODE_HIGH)
    return no(refusal, "larger than an image may be");
  memcpy(&header, bytes, sizeof header);
  if (!header_check(&header, length, refusal))
    return false;
  for (uint32_t i = 0; i < header.program_count; i++) {
    memcpy(&program, bytes + header.programs + i * sizeof program, sizeof program);
    if (program.type == ELF_DYNAMIC || program.type == ELF_INTERPRETER)
      return no(refusal, "it is dynamically linked");
    if (program.type == ELF_LOAD && program.length && !segment_check(&program, length, image, refusal))
      return false;
    if (program.type == ELF_NOTE && !note_check(bytes, length, &program, image, &noted, refusal))
      return false;
  }
  if (!image->segments)
    return no(refusal, "it has no segments");
  if (!noted)
    return no(refusal, "it has no Signet note: not made for this system");
  const struct segment *code = &image->segment[0];
  if (header.entry % SIGNET_BUNDLE || header.entry < code->offset ||
      header.entry >= (uint64_t)code->offset + code->length)
    return no_at(refusal, "the entry is not a bundle start in the code segment: ", header.entry);
  image->entry = (uint32_t)header.entry;
  image->charge += page_up(length);
  return true;
}

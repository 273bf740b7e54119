/* What the devices of a port understand: operations and records of device_request. Read by ports that offer such a
 * device and by the services that drive it. A device is granted by a manifest; nothing else can name it.
 *
 * The bare machine's: ports are a range of I/O ports, an interrupt is a line of the interrupt controller.
 *
 * An archive holds images: the boot archive (boot.h), or what `signet up` has read. Power ends the machine, or the
 * system that `signet up` has started.
 *
 * A stream is a byte stream of the host: standard input, output, error, a terminal, a serial line. A directory is a
 * tree of files of the host; names are relative to it, "/"-separated, "" is the tree itself; ".." and links cannot
 * leave it. A network is TCP of the host: the ports that it was made to listen at, and the addresses that it may
 * connect to. A failure is SIGNET_DEVICE with the error number of Linux (ENOENT = 2 …) as the value. */
#ifndef SIGNET_DEVICE_H
#define SIGNET_DEVICE_H

#include <stdint.h>

enum signet_device_kind {
  SIGNET_DEVICE_STREAM = 1,
  SIGNET_DEVICE_DIRECTORY = 2,
  SIGNET_DEVICE_PORTS = 3,
  SIGNET_DEVICE_INTERRUPT = 4,
  SIGNET_DEVICE_ARCHIVE = 5,
  SIGNET_DEVICE_POWER = 6,
  SIGNET_DEVICE_NETWORK = 7,
};

enum signet_device_operation {
  /* All. -> enum signet_device_kind; arguments unused. */
  SIGNET_DEVICE_IDENTIFY = 1,
  /* Stream. read: waits until there is something, -> bytes read, 0 at the end. write: -> bytes written, at least 1. */
  SIGNET_STREAM_READ = 2,
  SIGNET_STREAM_WRITE = 3,
  /* -> SIGNET_STREAM_IS_* bits; writes struct signet_file_status to the buffer if it is large enough. */
  SIGNET_STREAM_STATUS = 4,
  /* -> 1 when a read would not wait, 0 otherwise. */
  SIGNET_STREAM_POLL = 5,
  /* -> columns in the low 32 bits, rows in the high; 0 where there is no terminal. */
  SIGNET_STREAM_WINDOW_SIZE = 6,
  /* arguments[0] = 0: line by line and echoed; 1: byte by byte, unechoed. Terminals only. */
  SIGNET_STREAM_TERMINAL_MODE = 7,
  /* arguments[0] = offset as a signed number, [1] = 0 set, 1 current, 2 end; -> the new position; ESPIPE for what
     cannot seek. */
  SIGNET_STREAM_SEEK = 8,

  /* Directory. Files that are open are named by a number that the device gives. */
  /* text = name, arguments[0] = SIGNET_OPEN_* bits, [1] = permission bits of a file it makes. -> file number.
   * Opens directories too (read only). */
  SIGNET_DIRECTORY_OPEN = 16,
  /* arguments[0] = file number. */
  SIGNET_DIRECTORY_CLOSE = 17,
  /* arguments[0] = file number, [1] = offset in the file. -> bytes. */
  SIGNET_DIRECTORY_READ = 18,
  SIGNET_DIRECTORY_WRITE = 19,
  /* arguments[0] = file number; -> bytes of struct signet_directory_entry records written to the buffer, 0 at the end.
   * [1] = position to read from: 0, or the `next` of the last entry. */
  SIGNET_DIRECTORY_LIST = 20,
  /* arguments[0] = file number: writes struct signet_file_status. */
  SIGNET_DIRECTORY_STATUS = 21,
  /* text = name, arguments[0] = 1: do not follow a link at the end. Writes struct signet_file_status. */
  SIGNET_DIRECTORY_STATUS_NAME = 22,
  /* arguments[0] = file number, [1] = length. */
  SIGNET_DIRECTORY_TRUNCATE = 23,
  /* arguments[0] = file number. */
  SIGNET_DIRECTORY_SYNC = 24,
  /* text = name, arguments[0] = permission bits. */
  SIGNET_DIRECTORY_MAKE = 25,
  /* text = name, arguments[0] = 1: a directory. */
  SIGNET_DIRECTORY_REMOVE = 26,
  /* text = old name, text2 = new name. Both in this tree. */
  SIGNET_DIRECTORY_RENAME = 27,
  /* text = target, text2 = name of the link. */
  SIGNET_DIRECTORY_LINK = 28,
  /* text = name: writes the target to the buffer, -> its length. */
  SIGNET_DIRECTORY_READ_LINK = 29,
  /* text = name, arguments[0] = permission bits. */
  SIGNET_DIRECTORY_PERMISSIONS = 30,
  /* text = name, arguments[0] = access time, [1] = modification time, nanoseconds since 1970; [2] = 1: do not follow a
     link. */
  SIGNET_DIRECTORY_TIMES = 31,

  /* Ports. arguments[0] = port, counted from the first that was granted, [1] = 1, 2 or 4 bytes, all of which were
     granted, at a multiple of their number; else ARGUMENT. -> the value. */
  SIGNET_PORTS_READ = 48,
  /* The same; [2] = value. */
  SIGNET_PORTS_WRITE = 49,
  /* arguments[0] = port: the buffer's bytes (at most 4096), one after another, to that port. -> bytes. */
  SIGNET_PORTS_WRITE_BYTES = 50,

  /* Interrupt. Waits until the line has interrupted since the last answer; -> how often. */
  SIGNET_INTERRUPT_WAIT = 56,

  /* Archive. arguments[0] = entry -> its length; SIGNET_DEVICE with ENOENT where there is none. Writes its name (32
     bytes, NUL-terminated) to the buffer if that is large enough. */
  SIGNET_ARCHIVE_STATUS = 64,
  /* arguments[0] = entry, [1] = offset. -> bytes, 0 at the end. EIO: the entry is damaged (its hash is not what the
     archive says). */
  SIGNET_ARCHIVE_READ = 65,

  /* Power. Ends the machine, and is not answered; the buffer holds how the system ended (struct signet_system_ending of
     system.h, an array of them); text, if there is any, is printed: why it did not start. */
  SIGNET_POWER_END = 72,

  /* Network. Listeners are numbered from 0. Connections are named by numbers that the device gives, never 0; EBADF: it
   * is closed. Only WAIT waits: EAGAIN where another operation would, and an event tells when to try again. */
  /* Writes struct signet_network_status. */
  SIGNET_NETWORK_STATUS = 80,
  /* arguments[0] = listener. Writes struct signet_network_listener; ENOENT: there is none. */
  SIGNET_NETWORK_LISTENER = 81,
  /* arguments[0] = listener. -> the number of the connection that has waited longest; writes its
   * struct signet_network_address, from where it comes, if the buffer is large enough. ENFILE: there are as many
   * connections as were granted; others wait. */
  SIGNET_NETWORK_ACCEPT = 82,
  /* text = host, as it was granted; arguments[0] = port, [1] = which of the host's addresses, from 0. -> number. An
   * event comes when it stands or has failed: then SEND of no bytes tells which. EACCES: not granted; ENOENT: it has no
   * more addresses. */
  SIGNET_NETWORK_CONNECT = 83,
  /* arguments[0] = connection. -> bytes, 0: the other side will send nothing more. */
  SIGNET_NETWORK_RECEIVE = 84,
  /* -> bytes taken. */
  SIGNET_NETWORK_SEND = 85,
  /* arguments[1] = 1: nothing more is received, 2: sent, 3: both. */
  SIGNET_NETWORK_SHUT = 86,
  SIGNET_NETWORK_CLOSE = 87,
  /* Waits until something has happened; writes struct signet_network_event records, as many as there are and fit.
   * -> how many. Each tells what has changed since the last of its number; events of different numbers come in no
   * order, and may tell of what is over. */
  SIGNET_NETWORK_WAIT = 88,
};

struct signet_network_status {
  uint32_t listeners;
  uint32_t connections; /* granted */
  uint32_t open;
  uint32_t reserved;
};

struct signet_network_address {
  uint8_t bytes[16]; /* IPv6; IPv4 as ::ffff:a.b.c.d */
  uint16_t port;
  uint16_t reserved[3];
};

struct signet_network_listener {
  struct signet_network_address address;
  char text[48]; /* the address without the port, "0.0.0.0" or "::" for all; NUL-terminated */
};

struct signet_network_event {
  uint32_t number; /* of a connection; ARRIVED: of a listener */
  uint32_t what;   /* SIGNET_NETWORK_* */
};
#define SIGNET_NETWORK_READABLE 1u
#define SIGNET_NETWORK_WRITABLE 2u
#define SIGNET_NETWORK_ENDED 4u  /* the other side will send nothing more */
#define SIGNET_NETWORK_FAILED 8u /* neither direction works any more */
#define SIGNET_NETWORK_ARRIVED 16u

#define SIGNET_STREAM_IS_TERMINAL 1u
#define SIGNET_STREAM_IS_FILE 2u
#define SIGNET_STREAM_IS_PIPE 4u

#define SIGNET_OPEN_READ 1u
#define SIGNET_OPEN_WRITE 2u
#define SIGNET_OPEN_CREATE 4u
#define SIGNET_OPEN_EXCLUSIVE 8u
#define SIGNET_OPEN_TRUNCATE 16u
#define SIGNET_OPEN_APPEND 32u
#define SIGNET_OPEN_DIRECTORY 64u
#define SIGNET_OPEN_NO_FOLLOW 128u

struct signet_file_status {
  uint64_t device, inode;
  uint32_t mode; /* as Linux: type and permission bits */
  uint32_t links;
  uint64_t size;
  uint64_t blocks;                      /* of 512 bytes */
  uint64_t accessed, modified, changed; /* nanoseconds since 1970 */
};

struct signet_directory_entry {
  uint64_t inode;
  uint64_t next; /* position after this entry */
  uint16_t size; /* of this record, a multiple of 8 */
  uint8_t type;  /* as d_type of Linux */
  char name[];   /* NUL-terminated */
};

#endif

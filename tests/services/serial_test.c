/* The serial driver on a 16550 of the test's own: what a terminal does with each byte, the frames of a line between
 * programs byte by byte, lines that are slow, full or dead, and everything that is wrong at the start. */
#include <errno.h>
#include <sys/stat.h>

#include <signet/calls.h>

#include "services/line.h"
#include "tests/services/serial_line.h"

/* ---- A terminal ---- */

static void test_terminal(void) {
  uint64_t value;
  ok(begin(0) == 0, "the driver begins");
  ok(shows("\x10\x01"), "the first that it sends says that it listens");
  ok(chip.enable == 1 && chip.line_control == 3 && (chip.fifo_control & 0xc7) == 0xc1 && chip.modem_control == 0xb &&
         chip.divisor[0] == 1 && !chip.divisor[1],
     "the device is as it should be");
  ok(ask(0, FILES_STREAM_STATUS, (struct files_request){0}, NULL, 0, &value) == 0 && value == SIGNET_STREAM_IS_TERMINAL,
     "it is a terminal");
  struct signet_file_status status;
  memcpy(&status, buffer.data + FILES_ANSWER, sizeof status);
  ok(status.mode == (S_IFCHR | 0620) && buffer.message.length == FILES_ANSWER + sizeof status, "and looks like one");
  ok(ask(1, FILES_STREAM_WINDOW_SIZE, (struct files_request){0}, NULL, 0, &value) == 0 && value == (24ull << 32 | 80),
     "of 80 columns and 24 rows");

  ok(waits() && poll_says(0), "a read waits");
  type("hello");
  ok(shows("hello") && poll_says(0) && waits(), "what is typed is shown, and not yet read");
  type("\r");
  ok(shows("\r\n") && poll_says(1) && reads("hello\n") && poll_says(0), "the return key ends the line");
  type("one\ntwo\rthr");
  ok(reads("one\n") && reads("two\n") && waits(), "a read gives one line");
  type("ee\n");
  ok(read_gives(3, "thr", 3) && read_gives(1, "e", 1) && reads("e\n"), "or as much of it as was asked for");
  chip.line_out_count = 0;

  type("abc\bd\n");
  ok(shows("abc\b \bd\r\n") && reads("abd\n"), "^H takes a character back");
  type("abc\x7f\x7f\x7f\x7f\x7fx\n");
  ok(shows("abc\b \b\b \b\b \bx\r\n") && reads("x\n"), "DEL too, and no more than there are");
  type("a\xc3\xa4\x7f\x7f\n");
  ok(shows("a\xc3\xa4\b \b\b \b\r\n") && reads("\n"), "a character of two bytes is one");
  type("a\x01\x7f"
       "b\n");
  ok(shows("a^A\b \b\b \bb\r\n") && reads("ab\n"), "a control is shown as two, and taken back as two");
  type("ab\tc\x7f\x7f"
       "d\n");
  ok(shows("ab\tc\b \b\b\b\b\b\b\bd\r\n") && reads("abd\n"), "a tab is taken back as wide as it was");
  write_text(1, "prompt> ", 8, NULL);
  type("\t\x7f"
       "x\n");
  ok(shows("prompt> \t\b\b\b\b\b\b\b\bx\r\n") && reads("x\n"), "also behind a prompt");
  type("some words\x15new\n");
  ok(shows("some words\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \bnew\r\n") && reads("new\n"),
     "^U takes the line back");
  type("\x15\x08\n");
  ok(shows("\r\n") && reads("\n"), "of nothing they take nothing");
  type("done\n\x7f\x15"
       "x\n");
  ok(reads("done\n") && reads("x\n"), "and never of the line before");
  chip.line_out_count = 0;

  type("\x04");
  ok(shows("") && poll_says(1) && reads("") && poll_says(0) && waits(), "^D on an empty line is the end, once");
  type("ab\x04");
  ok(shows("ab") && reads("ab") && waits(), "^D in a line gives what there is, and no end");
  type("ab\x04");
  ok(read_gives(2, "ab", 2) && waits(), "nor when the read was just as long");
  type("abc\x04\x04");
  ok(read_gives(2, "ab", 2) && reads("c") && reads("") && waits(), "the second is an end");
  type("x\x04y\n");
  ok(reads("x") && reads("y\n"), "what follows is the next");
  chip.line_out_count = 0;

  type("half\x03");
  ok(shows("half^C") && events_told_count == 1 && events_told[0].event == SIGNET_EVENT_INTERRUPT && poll_says(0),
     "^C is an event, and throws away what was typed");
  type("line\n\x1c");
  ok(shows("line\r\n^\\") && events_told_count == 1 && poll_says(0),
     "^\\ too; the event waits until the last was taken");
  type("\x03\x03\x1c");
  serial_event_taken();
  ok(events_told_count == 2 && events_told[1].event == SIGNET_EVENT_INTERRUPT, "each is told once");
  serial_event_taken();
  ok(events_told_count == 3 && events_told[2].event == SIGNET_EVENT_QUIT, "one after the other");
  serial_event_taken();
  ok(events_told_count == 3, "and no more");
  chip.line_out_count = 0;

  ok(write_text(1, "a\nb\r\n", 5, &value) == 0 && value == 5 && shows("a\r\nb\r\r\n"), "a new line is sent as CR LF");
  ok(write_text(2, "\x10\x02\xff\0x", 5, &value) == 0 && value == 5 && sent("\x10\x02\xff\0x", 5),
     "standard error goes to the same terminal, and nothing is framed");
  serial_drain();
  ok(shows(""), "nor at the end");
}

static void test_terminal_modes(void) {
  begin_well(0);
  type("edit");
  chip.line_out_count = 0;
  set_mode(1);
  ok(poll_says(1) && reads("edit"), "byte by byte: what was typed so far can be read");
  type("a");
  ok(shows("") && reads("a"), "a key is read at once, and not shown");
  type("\x7f\b\x15\x04\r");
  ok(shows("") && reads("\x7f\b\x15\x04\n"), "keys that edit are keys; the return key is a new line");
  type("x\x03y");
  ok(events_told_count == 1 && reads("y") && shows(""), "^C is an event still");
  type("one\ntwo\n");
  ok(reads("one\ntwo\n"), "a read gives all there is");
  set_mode(0);
  type("line\n");
  ok(shows("line\r\n") && reads("line\n"), "line by line again");
  type("one\n\x04two\x04three");
  set_mode(1);
  ok(reads("one\ntwothree"), "the ends between lines are none, byte by byte");
  type("\x04");
  set_mode(0);
  type("\n");
  ok(reads("\x04\n"), "and those that were keys are none later");
  type("\x04");
  set_mode(1);
  ok(poll_says(0) && waits(), "an end alone is nothing to read");
  ok(ask(0, FILES_STREAM_TERMINAL_MODE, (struct files_request){.flags = 2}, NULL, 0, NULL) == EINVAL &&
         ask(1, FILES_STREAM_TERMINAL_MODE, (struct files_request){0}, NULL, 0, NULL) == ENOTTY,
     "there is no other mode, and only the input has one");
}

static void test_terminal_full(void) {
  static char text[LINE_ROOM + 100];
  begin_well(0);
  memset(text, 'x', sizeof text);
  arrive(text, LINE_ROOM + 50);
  uint32_t bells = 0;
  for (uint32_t i = 0; i < chip.line_out_count; i++)
    bells += chip.line_out[i] == 7;
  ok(bells == 51 && chip.line_out_count == LINE_ROOM + 50, "a line that is too long rings the bell: %u times", bells);
  type("\n");
  text[LINE_ROOM - 1] = '\n';
  ok(read_gives(4096, text, LINE_ROOM), "and can be ended");
  set_mode(1);
  memset(text, 'y', sizeof text);
  arrive(text, sizeof text);
  uint64_t value;
  ok(ask(0, FILES_STREAM_READ_BLOCK, (struct files_request){.length = sizeof block}, NULL, 0, &value) == 0 &&
         value == LINE_ROOM && memcmp(block, text, LINE_ROOM) == 0,
     "byte by byte what there is no room for is lost");
  set_mode(0);
  for (int i = 0; i < 3000; i++)
    type("\x04");
  for (int i = 0; i < 3000; i++)
    type("a\n");
  uint32_t ends = 0, lines = 0;
  while (poll_says(1)) {
    ask(0, FILES_STREAM_READ, (struct files_request){.length = 4096}, NULL, 0, &value);
    ends += value == 0;
    lines += value == 2;
  }
  ok(ends == 3000 && lines > 500 && lines < 600, "ends and lines fill it too: %u, %u", ends, lines);
}

/* ---- A framed line ---- */

static void test_framed_output(void) {
  uint64_t value;
  ok(begin(SERVICES_SERIAL_FRAMED) == 0 && shows("\x10\x01"), "a framed line begins with standard output");
  ok(ask(1, FILES_STREAM_STATUS, (struct files_request){0}, NULL, 0, &value) == 0 && value == SIGNET_STREAM_IS_PIPE,
     "it is a pipe");
  ok(ask(1, FILES_STREAM_WINDOW_SIZE, (struct files_request){0}, NULL, 0, &value) == 0 && value == 0 &&
         ask(0, FILES_STREAM_TERMINAL_MODE, (struct files_request){0}, NULL, 0, NULL) == ENOTTY,
     "and no terminal");
  ok(write_text(1, "out\n", 4, &value) == 0 && value == 4 && shows("out\n"), "output as it is");
  ok(write_text(2, "err", 3, NULL) == 0 && shows("\x10\x02"
                                                 "err"),
     "standard error is announced");
  ok(write_text(2, "more", 4, NULL) == 0 && shows("more"), "once");
  ok(write_text(1, "\x10", 1, NULL) == 0 && shows("\x10\x01\x10\x10"),
     "and output again; the frame's own byte is sent twice");
  uint8_t all[256], twice[257];
  for (int i = 0, j = 0; i < 256; i++) {
    all[i] = (uint8_t)i;
    twice[j++] = (uint8_t)i;
    if (i == 0x10)
      twice[j++] = 0x10;
  }
  ok(write_text(1, all, 256, &value) == 0 && value == 256 && sent(twice, 257), "every byte");
  memset(block, 'z', 100000);
  ok(ask(1, FILES_STREAM_WRITE_BLOCK, (struct files_request){.length = 100000}, NULL, 0, &value) == 0 && value > 1000 &&
         value <= 100000 && sent(block, (uint32_t)value),
     "a block, as much of it as there is room for: %lu", value);
  write_text(2, "e", 1, NULL);
  chip.line_out_count = 0;
  serial_drain();
  ok(shows("\x10\x03"), "in the end the line is the kernel's");
}

static void test_framed_input(void) {
  begin_well(SERVICES_SERIAL_FRAMED);
  arrive("a\r\n\x03\x04\x7f\0z", 8);
  ok(shows("") && read_gives(4096, "a\r\n\x03\x04\x7f\0z", 8) && events_told_count == 0,
     "bytes are bytes, and not shown");
  arrive("x\x10\x10y", 4);
  ok(read_gives(4096, "x\x10y", 3), "the frame's own byte");
  arrive("\x10", 1);
  ok(poll_says(0) && waits(), "half of a frame is nothing yet");
  arrive("\x10", 1);
  ok(reads("\x10"), "and then it is");
  arrive("p\x10\x42q", 4);
  ok(events_told_count == 1 && events_told[0].event == SIGNET_EVENT_INTERRUPT && reads("pq"), "an event");
  serial_event_taken();
  arrive("\x10\x5c\x10\x40\x10\x60\x10\x7f\x10\x05\x10\x01", 12);
  ok(events_told_count == 2 && events_told[1].event == SIGNET_EVENT_WINDOW_SIZE && poll_says(0),
     "another; frames that mean nothing are passed over");
  arrive("last\x10\x04", 6);
  ok(reads("last") && poll_says(1) && reads("") && reads("") && poll_says(1), "the end of input stays");
  arrive("more", 4);
  ok(reads(""), "and nothing comes behind it");
}

/* Input faster than it is read: nothing is lost, because nothing is taken from the line. */
static void test_flow(void) {
  static uint8_t data[100000];
  static uint8_t got[100000];
  uint32_t received = 0, most = 0;
  uint64_t value;
  begin_well(SERVICES_SERIAL_FRAMED);
  for (size_t i = 0; i < sizeof data; i++) {
    data[i] = (uint8_t)(i * 7 + i / 251);
    if (data[i] == 0x10)
      data[i] = 0x11;
  }
  arrive(data, sizeof data);
  ok(line_in_left == sizeof data - LINE_ROOM - FIFO && !(chip.enable & 1),
     "a line that is full takes no more: %u are left", line_in_left);
  while (received < sizeof data) {
    if (ask(0, FILES_STREAM_READ, (struct files_request){.length = 1 + test_random() % 4096}, NULL, 0, &value) ||
        !value)
      break;
    memcpy(got + received, buffer.data + FILES_ANSWER, value);
    received += (uint32_t)value;
    while (chip_interrupts())
      serial_interrupt();
    most = line_in_left > most ? line_in_left : most;
  }
  ok(received == sizeof data && memcmp(got, data, sizeof data) == 0 && !chip.lost, "and in the end it was all read");
  ok(most < sizeof data - LINE_ROOM, "while it is read, more is taken");
}

/* ---- Reads that wait ---- */

static void test_parked(void) {
  uint64_t value;
  struct files_answer answer;
  begin_well(0);
  ok(ask(0, FILES_STREAM_READ, (struct files_request){.length = 100}, NULL, 0, NULL) == UINT32_MAX && answers == 0,
     "a read waits for a line");
  type("ab");
  ok(answers == 0, "not for half of one");
  type("c\n");
  memcpy(&answer, answered.data, sizeof answer);
  ok(answers == 1 && answered.message.tag == FILES_ANSWERED && answered.message.length == FILES_ANSWER + 4 &&
         answer.error == 0 && answer.value == 4 && memcmp(answered.data + FILES_ANSWER, "abc\n", 4) == 0,
     "it is answered when the line is there");
  type("d\n");
  ok(answers == 1 && reads("d\n"), "once");
  ok(ask(0, FILES_STREAM_READ_BLOCK, (struct files_request){.length = 5000}, NULL, 0, NULL) == UINT32_MAX,
     "one with a block waits too");
  ok(write_text(1, "meanwhile", 9, &value) == 0 && value == 9, "and holds up no output");
  memset(block, 0, 10);
  type("xy\n");
  memcpy(&answer, answered.data, sizeof answer);
  ok(answers == 2 && answered.message.tag == FILES_ANSWERED_BLOCK && answered.message.moved_count == 1 &&
         answered.message.moved[0].handle == 0x155 && answer.value == 3 && memcmp(block, "xy\n", 3) == 0,
     "the block comes back with the answer");
  ask(0, FILES_STREAM_READ, (struct files_request){.length = 1}, NULL, 0, NULL);
  type("\x04");
  memcpy(&answer, answered.data, sizeof answer);
  ok(answers == 3 && answer.error == 0 && answer.value == 0, "an end is an answer");
  ask(0, FILES_STREAM_READ, (struct files_request){.length = 1}, NULL, 0, NULL);
  serial_gone(1);
  serial_gone(2);
  type("x\n");
  ok(answers == 4, "clients of the other streams may go");
  ask(0, FILES_STREAM_READ, (struct files_request){.length = 100}, NULL, 0, NULL);
  type("\x03");
  answers = 3;
  serial_gone(0);
  type("nobody\n");
  ok(answers == 3, "a client that is gone is not answered");
  begin_well(SERVICES_SERIAL_FRAMED);
  ask(0, FILES_STREAM_READ, (struct files_request){.length = 2}, NULL, 0, NULL);
  type("xyz");
  memcpy(&answer, answered.data, sizeof answer);
  ok(answers == 1 && answer.value == 2 && memcmp(answered.data + FILES_ANSWER, "xy", 2) == 0 && reads("z"),
     "framed, it has what is there, no more than it asked for");
}

/* ---- Slow devices, and those that are none ---- */

static uint32_t waited;
static void other_end_takes(void) {
  waited++;
  if (chip.to_send)
    chip_send();
  while (chip_interrupts())
    serial_interrupt();
}

static void test_slow(void) {
  static uint8_t data[200000], wanted[250000];
  uint32_t length = 0, done = 0;
  uint64_t value;
  begin_well(SERVICES_SERIAL_FRAMED);
  chip.slow = true;
  while_waiting = other_end_takes;
  waited = 0;
  for (size_t i = 0; i < sizeof data; i++) {
    data[i] = (uint8_t)(i * 13 + i / 241);
    wanted[length++] = data[i];
    if (data[i] == 0x10)
      wanted[length++] = 0x10;
  }
  while (done < sizeof data) {
    uint32_t part = sizeof data - done < 4096 ? sizeof data - done : 4096;
    if (write_text(1, data + done, part, &value) || !value)
      break;
    done += (uint32_t)value;
  }
  ok(done == sizeof data && waited > 100, "a writer waits for a slow line: %u times", waited);
  serial_drain();
  wanted[length++] = 0x10;
  wanted[length++] = 3;
  ok(sent(wanted, length) && !chip.overfilled, "which gets every byte, and never more at once than it takes");

  begin_well(0);
  chip.slow = true;
  memset(data, 'x', sizeof data);
  for (done = 0; done < 10; done++)
    type("0123456789");
  other_end_takes();
  for (int i = 0; i < 100 && (chip.to_send || chip_interrupts()); i++)
    other_end_takes();
  ok(chip.line_out_count == 100, "the echo goes out by interrupts alone: %u", chip.line_out_count);

  /* Nothing takes what the terminal would show: it shows what there was room for, in order. */
  begin_well(0);
  chip.slow = true;
  for (done = 0; done < 4000; done++)
    type("01234\x15");
  uint32_t shown = 0;
  bool same = true;
  for (int i = 0; i < 100000 && (chip.to_send || chip_interrupts()); i++)
    other_end_takes();
  for (; shown < chip.line_out_count; shown++)
    same = same && chip.line_out[shown] == (uint8_t) "01234\b \b\b \b\b \b\b \b\b \b"[shown % 20];
  ok(same && shown > 16000 && shown < 17000, "an echo for which there is no room is not shown: %u", shown);
  uint32_t calls = ports_calls;
  serial_interrupt();
  ok(ports_calls - calls <= 2, "an interrupt of nothing costs %u requests", ports_calls - calls);

  chip.no_fifo = true;
  begin_well(SERVICES_SERIAL_FRAMED);
  ok(write_text(1, "hello", 5, &value) == 0 && shows("hello") && !chip.overfilled,
     "a device without FIFOs gets bytes one by one");
  type("abc");
  ok(reads("abc"), "and gives them so");
  chip.no_fifo = false;

  begin_well(SERVICES_SERIAL_FRAMED);
  ports_gone = true;
  done = 0;
  for (int i = 0; i < 20; i++)
    done += write_text(1, data, 4000, &value) == 0;
  serial_interrupt();
  ok(done == 20, "ports that are gone hold nobody up");
  serial_drain();
  ok(true, "not even at the end");
}

static void test_start(void) {
  chip.absent = true;
  ok(begin(0) == SERVICES_END_DEVICE, "where no 16550 is, it says so");
  chip.absent = false;
  ok(begin(2) == SERVICES_END_STARTUP, "flags that there are not");
  begin(0);
  struct signet_startup good = startup;
  struct services_serial good_bytes = bytes;
  for (int i = 0; i < 8; i++) {
    startup = good;
    bytes = good_bytes;
    switch (i) {
    case 0:
      startup.abi_version++;
      break;
    case 1:
      startup.slots--;
      break;
    case 2:
      startup.slots++;
      break;
    case 3:
      startup.bytes_length--;
      break;
    case 4:
      startup.bytes_length++;
      break;
    case 5:
      bytes.version++;
      break;
    case 6:
      bytes.columns = 65536;
      break;
    case 7:
      bytes.rows = 65536;
      break;
    }
    ok(serial_begin(&startup) == SERVICES_END_STARTUP, "a start that is wrong, %d", i);
  }
  startup = good;
  bytes = good_bytes;
  bytes.columns = 132, bytes.rows = 50;
  uint64_t value;
  ok(serial_begin(&startup) == 0 && ask(2, FILES_STREAM_WINDOW_SIZE, (struct files_request){0}, NULL, 0, &value) == 0 &&
         value == (50ull << 32 | 132),
     "the size of a terminal as it is told");
  /* What came before the driver is not thrown away, if the device's FIFOs were on. */
  begin(0);
  chip.fifo_control = 1;
  chip.enable = 0;
  arrive("early\n", 6);
  serial_begin(&startup);
  while (chip_interrupts())
    serial_interrupt();
  ok(reads("early\n") && !chip.lost, "what was typed before it began");
}

static void test_requests(void) {
  begin_well(0);
  uint64_t value;
  ok(write_text(0, "x", 1, NULL) == EBADF &&
         ask(1, FILES_STREAM_READ, (struct files_request){.length = 1}, NULL, 0, NULL) == EBADF &&
         ask(2, FILES_STREAM_READ, (struct files_request){.length = 1}, NULL, 0, NULL) == EBADF &&
         ask(1, FILES_STREAM_POLL, (struct files_request){0}, NULL, 0, NULL) == EBADF,
     "input is not written, output not read");
  ok(ask(0, FILES_STREAM_SEEK, (struct files_request){0}, NULL, 0, NULL) == ESPIPE, "nothing can be sought in it");
  ok(ask(0, FILES_OPEN, (struct files_request){0}, "/x", 3, NULL) == ENOSYS &&
         ask(0, 77, (struct files_request){0}, NULL, 0, NULL) == ENOSYS,
     "requests of files, and none");
  ok(ask(0, FILES_STREAM_READ, (struct files_request){0}, NULL, 0, &value) == 0 && value == 0 &&
         write_text(1, "", 0, &value) == 0 && value == 0,
     "nothing is read and written at once");
  ok(ask(1, FILES_STREAM_WRITE_BLOCK, (struct files_request){.length = FILES_BLOCK_MOST + 1}, NULL, 0, NULL) ==
             EINVAL &&
         ask(0, FILES_STREAM_READ_BLOCK, (struct files_request){.length = UINT64_MAX}, NULL, 0, NULL) == EINVAL,
     "more than a block holds");
}

/* ---- Random bytes against a terminal and a framed line written down otherwise ---- */

static void test_random_frames(void) {
  static uint8_t in[4000], wanted[4000];
  uint32_t different = 0;
  for (int round = 0; round < 500; round++) {
    begin_well(SERVICES_SERIAL_FRAMED);
    uint32_t count = 0, length = 0, events = 0;
    bool ended = false;
    while (count < 3000 && !(ended && test_random() % 4)) {
      uint8_t byte = (uint8_t)(test_random() % 3 ? test_random() : 0x10);
      in[count++] = byte;
      if (byte != 0x10) {
        if (!ended)
          wanted[length++] = byte;
        continue;
      }
      byte = (uint8_t)(test_random() % 300 == 0 ? 4 : test_random() % 2 ? 0x10 : 0x40 + test_random() % 40);
      in[count++] = byte;
      if (byte == 0x10 && !ended)
        wanted[length++] = byte;
      ended |= byte == 4;
      events += byte > 0x40 && byte < 0x60;
    }
    for (uint32_t at = 0, part; at < count; at += part) {
      part = 1 + test_random() % 50;
      if (part > count - at)
        part = count - at;
      arrive(in + at, part);
      while (events_told_count >= 90)
        events_told_count -= 50;
    }
    bool same = length ? read_gives(4096, wanted, length) : true;
    different += !same || poll_says(ended) == false || (events != 0) != (events_told_count != 0);
  }
  ok(!different, "500 random streams of frames give what they should");

  /* What a terminal shows after any input is what it would show for the lines that are read. */
  different = 0;
  for (int round = 0; round < 500; round++) {
    static const char keys[] = "abcdefgh \t\x01\x7f\x7f\x15\x7f";
    char typed[200], screen[400], line[200], wanted_screen[400];
    uint32_t count = test_random() % 60, at = 0, used = 0;
    begin_well(0);
    for (uint32_t i = 0; i < count; i++)
      typed[i] = keys[test_random() % (sizeof keys - 1)];
    arrive(typed, count);
    /* The screen: one row. */
    memset(screen, ' ', sizeof screen);
    for (uint32_t i = 0; i < chip.line_out_count; i++) {
      uint8_t byte = chip.line_out[i];
      if (byte == '\b')
        at--;
      else if (byte == '\t')
        at = at / 8 * 8 + 8;
      else
        screen[at++] = (char)byte;
    }
    type("\n");
    uint64_t value;
    ask(0, FILES_STREAM_READ, (struct files_request){.length = 200}, NULL, 0, &value);
    memcpy(line, buffer.data + FILES_ANSWER, value);
    memset(wanted_screen, ' ', sizeof wanted_screen);
    for (uint32_t i = 0; i + 1 < value; i++) {
      if (line[i] == '\t') {
        used = used / 8 * 8 + 8;
      } else if (line[i] == 1) {
        wanted_screen[used++] = '^';
        wanted_screen[used++] = 'A';
      } else {
        wanted_screen[used++] = line[i];
      }
    }
    different += at != used || memcmp(screen, wanted_screen, sizeof screen) != 0;
  }
  ok(!different, "500 random lines: what the terminal shows is what is read");
}

static void test_all(void) {
  test_terminal();
  test_terminal_modes();
  test_terminal_full();
  test_framed_output();
  test_framed_input();
  test_flow();
  test_parked();
  test_slow();
  test_start();
  test_requests();
  test_random_frames();
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  test_run_low(test_all);
  return finish();
}

/* Looks for rights that its manifest did not give it: a sealed program that tries every handle that there could be, and
 * asks about others. Prints what it found; tests/system/ambient.py knows what there may be. */
#include <stdio.h>

#include <signet/calls.h>
#include <signet/device.h>
#include <signet/program.h>

#define GENERATIONS 64u /* of each entry of a table; a new process's are at their first */

int main(void) {
  static const char *const names[] = {"input", "output", "error", "files", "supervision"};
  static struct signet_observed_process processes[64];
  static struct signet_observed_channel channels[64];
  unsigned long answered = 0, named = 0, devices = 0, images = 0, children = 0, others = 0;
  struct signet_handle_information information;
  for (uint32_t index = 0; index < 65536; index++)
    for (uint32_t generation = 0; generation < GENERATIONS; generation++) {
      uint32_t handle = generation << 16 | index;
      if (signet_handle_query(handle, &information).status != SIGNET_OK)
        continue;
      answered++;
      bool slot = false;
      for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        slot |= signet_slot(names[i]) == handle;
      named += slot;
      devices += information.kind == SIGNET_KIND_DEVICE;
      images += information.kind == SIGNET_KIND_IMAGE;
      children += information.kind == SIGNET_KIND_PROCESS;
      struct signet_device_request request = {.operation = SIGNET_DEVICE_IDENTIFY};
      others += signet_device_request(handle, &request).status != SIGNET_HANDLE;
      others += signet_process_stop(handle).status != SIGNET_HANDLE;
      others += signet_process_event(handle, SIGNET_EVENT_TERMINATE).status != SIGNET_HANDLE;
    }
  struct signet_result seen = signet_process_observe(SIGNET_OBSERVE_PROCESSES, 0, processes, sizeof processes);
  printf("ambient: %lu handles answer, %lu of them in slots; %lu devices, %lu images, %lu children, %lu obeyed\n",
         answered, named, devices, images, children, others);
  printf("ambient: sees %llu processes, the first is %s\n", (unsigned long long)seen.value, processes[0].name);
  seen = signet_process_observe(SIGNET_OBSERVE_CHANNELS, 0, channels, sizeof channels);
  unsigned long strangers = 0;
  for (uint64_t i = 0; i < seen.value; i++)
    strangers += channels[i].process[0] != processes[0].number;
  printf("ambient: sees %llu channels, %lu of them of others\n", (unsigned long long)seen.value, strangers);
  fflush(stdout);
  for (;;) /* so that it can be looked at */
    signet_word_wait(&(uint32_t){0}, 0, SIGNET_NEVER);
}

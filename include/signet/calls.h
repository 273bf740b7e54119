/* C prototypes of the kernel's calls for sealed programs; lib/ has one assembly stub for each. Host code includes
 * abi.h alone. Offsets are ordinary pointers here, because a pointer's value in a sealed process is its offset. */
#ifndef SIGNET_CALLS_H
#define SIGNET_CALLS_H

#include <signet/abi.h>

struct signet_result signet_abi_version(void);
_Noreturn void signet_process_exit(uint32_t kind, uint32_t code);
struct signet_result signet_thread_create(void (*entry)(void *), void *stack, void *argument, void *thread_pointer);
_Noreturn void signet_thread_exit(uint32_t *clear);
struct signet_result signet_thread_yield(void);
struct signet_result signet_word_wait(volatile void *word, uint32_t expected, uint64_t deadline);
struct signet_result signet_word_wake(volatile void *word, uint32_t most);
struct signet_result signet_memory_map(uint64_t offset, uint64_t length, uint32_t protection);
struct signet_result signet_memory_unmap(uint64_t offset, uint64_t length);
struct signet_result signet_memory_protect(uint64_t offset, uint64_t length, uint32_t protection);
struct signet_result signet_clock_read(uint32_t clock);
struct signet_result signet_random_fill(void *bytes, uint64_t length);
struct signet_result signet_floating_point_control(uint32_t mxcsr, uint32_t x87);
struct signet_result signet_event_listen(void (*entry)(uint64_t event));
_Noreturn void signet_event_return(void);
struct signet_result signet_channel_create(const struct signet_contract *contract, uint64_t length);
struct signet_result signet_channel_send(uint32_t endpoint, const struct signet_message *message);
struct signet_result signet_channel_receive(const uint32_t *endpoints, uint32_t count, struct signet_message *message,
                                            uint64_t capacity, uint64_t deadline);
struct signet_result signet_channel_call(uint32_t endpoint, const struct signet_message *message,
                                         struct signet_message *reply, uint64_t capacity, uint64_t deadline);
struct signet_result signet_handle_close(uint32_t handle);
struct signet_result signet_handle_query(uint32_t handle, struct signet_handle_information *information);
struct signet_result signet_block_allocate(uint64_t length);
struct signet_result signet_image_load(uint32_t block, uint64_t length);
struct signet_result signet_process_create(const struct signet_process_specification *specification);
struct signet_result signet_process_grant(uint32_t child, uint32_t slot, uint32_t handle);
struct signet_result signet_process_start(uint32_t child);
struct signet_result signet_process_stop(uint32_t child);
struct signet_result signet_process_wait(uint32_t child, struct signet_ending *ending, uint64_t deadline);
struct signet_result signet_device_request(uint32_t device, const struct signet_device_request *request);
struct signet_result signet_process_usage(struct signet_usage *usage);
struct signet_result signet_process_event(uint32_t child, uint32_t event);
struct signet_result signet_set_create(void);
struct signet_result signet_set_insert(uint32_t set, uint32_t endpoint, uint64_t key);
struct signet_result signet_set_receive(uint32_t set, struct signet_message *message, uint64_t capacity,
                                        uint64_t deadline);
struct signet_result signet_process_observe(uint32_t what, uint64_t after, void *buffer, uint64_t length);

#endif

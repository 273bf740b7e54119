# The file and console services: sealed images of their own, with no C library start-up.
SERVICES_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen -ffunction-sections
SERVICES_COMPILER := $(B)/bin/signet-cc $(B)/libexec/signet/as $(B)/sysroot/.stamp

$(B)/services/objects/%.o: services/% $(SERVICES_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(SERVICES_CFLAGS) -MMD -MP -c $< -o $@

SERVICES_LINK = $(B)/bin/signet-cc -nostartfiles -Wl,--gc-sections $(filter %.o,$^) -o $@
SERVICES_LIBRARIES := $(B)/lib/libsignet.a $(B)/lib/libsignetrt.a $(B)/libexec/signet/ld
$(B)/services/console: $(patsubst %,$(B)/services/objects/%.o,start.S thread.S console.c console_input.c lines.c stream.c) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
$(B)/services/files: $(patsubst %,$(B)/services/objects/%.o,start.S files_main.c loop.c files.c mounts.c request.c) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
$(B)/services/serial: $(patsubst %,$(B)/services/objects/%.o,start.S thread.S serial_main.c serial.c line.c stream.c loop.c) \
  $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
$(B)/services/memory: $(patsubst %,$(B)/services/objects/%.o,start.S memory_main.c memory.c cpio.c pages.c request.c loop.c) \
  $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
# The console with programs that share it.
$(B)/tests/services/console_client: tests/services/console_client.c $(B)/gen/contracts/files.h $(B)/bin/signet-cc \
  $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I$(B)/gen -Iinclude -I. -o $@ $<
ALL += $(B)/tests/services/console_client
TESTS += tests/services/console.py
tests/services/console.py: $(B)/tests/services/console_client $(B)/services/console $(B)/services/supervisor $(B)/bin/signet
NETWORK := network.c network_listen.c network_patience.c network_stream.c startup.c
NETWORK_CONTRACTS := $(patsubst %,$(B)/gen/contracts/%.h,network listener stream supervision)
$(NETWORK:%=$(B)/services/objects/%.o): $(NETWORK_CONTRACTS)
$(B)/services/network: $(patsubst %,$(B)/services/objects/%.o,start.S thread.S $(NETWORK)) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
ALL += $(B)/services/network
NAMES := names.c names_table.c startup.c
$(NAMES:%=$(B)/services/objects/%.o): $(patsubst %,$(B)/gen/contracts/%.h,names offers supervision)
$(B)/services/names: $(patsubst %,$(B)/services/objects/%.o,start.S $(NAMES)) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
ALL += $(B)/services/names
# Its clients, hostile ones too, on the real kernel.
$(B)/tests/services/names: tests/services/names.c tests/child.h services/services.h \
    $(patsubst %,$(B)/gen/contracts/%.h,names offers supervision) $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iinclude -I. -I$(B)/gen -o $@ $<
ALL += $(B)/tests/services/names
TESTS += tests/services/names.sh
tests/services/names.sh: $(B)/services/names $(B)/tests/services/names
# The bare machine's are in its boot archive, and all of the first is read before its first instruction: they have no
# text of debuggers.
SUPERVISOR := supervisor.c $(patsubst %,supervisor_%.c,channels end observe start tell watch) policy.c system.c
SUPERVISOR_CONTRACTS := $(addprefix $(B)/gen/contracts/,supervision.h observation.h)
$(SUPERVISOR:%=$(B)/services/objects/%.o): SERVICES_CFLAGS += -Os
$(SUPERVISOR:%=$(B)/services/objects/%.o) $(SUPERVISOR:%=$(B)/tests/lib/native/services/%.o): $(SUPERVISOR_CONTRACTS)
$(addprefix $(B)/services/,memory serial supervisor): SERVICES_LINK += -Wl,--strip-debug
$(B)/services/supervisor: $(patsubst %,$(B)/services/objects/%.o,start.S thread.S $(SUPERVISOR)) $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
# A system of crashes, on the real kernel.
$(B)/tests/services/restarts: tests/services/restarts.c $(patsubst %,$(B)/gen/contracts/%.h,extension observation) \
    $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude -I. -I$(B)/gen -o $@ $<
ALL += $(B)/tests/services/restarts
TESTS += tests/services/restarts.sh
tests/services/restarts.sh: $(addprefix $(B)/services/,supervisor console) $(B)/tests/services/restarts $(B)/bin/signet

ALL += $(addprefix $(B)/services/,console files memory serial supervisor)
-include $(wildcard $(B)/services/objects/*.d)

# The services native, on a mock of the kernel, under the sanitizers; as the library's tests in lib/module.mk.
$(addprefix $(B)/tests/services/,supervisor_test supervisor_restart_test supervisor_random_test): \
  $(patsubst %,$(B)/tests/lib/native/%.o,$(SUPERVISOR:%=services/%) tests/services/supervisor_kernel.c tests/lib/tap.c)
$(addprefix $(B)/tests/services/,supervisor_restart_test supervisor_random_test): \
  $(B)/tests/lib/native/tests/services/supervisor_puppets.c.o
$(patsubst %,$(B)/tests/lib/native/tests/services/%.c.o,supervisor_puppets supervisor_restart_test supervisor_random_test): \
  $(SUPERVISOR_CONTRACTS)
$(addprefix $(B)/tests/services/,memory_test memory_archive_test memory_model_test): \
  $(patsubst %,$(B)/tests/lib/native/%.o,tests/services/memory_kernel.c services/memory.c services/cpio.c services/pages.c \
  services/request.c lib/tree.c lib/normalise.c tests/lib/tap.c)
$(B)/tests/services/lines_test: $(patsubst %,$(B)/tests/lib/native/%.o,services/lines.c tests/lib/tap.c)
$(B)/tests/services/serial_test: $(patsubst %,$(B)/tests/lib/native/%.o,tests/services/serial_line.c services/serial.c \
  services/line.c services/stream.c tests/lib/tap.c)
$(B)/tests/services/patience_test: $(patsubst %,$(B)/tests/lib/native/%.o,services/network_patience.c tests/lib/tap.c)
SERVICES_TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/services/*_test.c))
$(SERVICES_TESTS): $(B)/tests/services/%: $(B)/tests/lib/native/tests/services/%.c.o
	@mkdir -p $(@D)
	$(CC) $(LIBRARY_TEST_FLAGS) -no-pie $^ -o $@
ALL += $(SERVICES_TESTS)
TESTS += $(SERVICES_TESTS)
-include $(wildcard $(B)/tests/lib/native/tests/services/*.d $(B)/tests/lib/native/services/*.d)

# The network service sealed, on the real kernel, with a client and a parent of its own.
NETWORK_TEST := $(addprefix $(B)/tests/network/,host parent echo share)
$(B)/tests/network/host: tests/network/host.c $(B)/lib/libport-linux.a $(B)/lib/libkernel.a $(B)/lib/libverifier.a
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -D_GNU_SOURCE -static-pie $< -o $@ -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -lpthread
$(B)/tests/network/objects/%.c.o: tests/network/%.c $(NETWORK_CONTRACTS) $(SERVICES_COMPILER)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc $(SERVICES_CFLAGS) -MMD -MP -c $< -o $@
$(B)/tests/network/parent: $(patsubst %,$(B)/services/objects/%.o,start.S thread.S) $(B)/tests/network/objects/parent.c.o $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
$(B)/tests/network/share: $(B)/services/objects/start.S.o $(B)/tests/network/objects/share.c.o $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
$(B)/tests/network/echo: $(patsubst %,$(B)/services/objects/%.o,start.S startup.c) $(B)/tests/network/objects/echo.c.o $(SERVICES_LIBRARIES)
	$(SERVICES_LINK)
ALL += $(NETWORK_TEST)
TESTS += tests/network/service.py
tests/network/service.py: $(NETWORK_TEST) $(B)/services/network
-include $(wildcard $(B)/tests/network/objects/*.d)

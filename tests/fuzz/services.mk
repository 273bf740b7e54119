# Services and what hears them, each compiled for the host over a kernel of the tests (service_kernel.h).
SERVICE_FUZZ := $(patsubst %,tests/fuzz/service_%.c,kernel channels play) kernel/blake2b.c
SERVICE_FUZZ_LINK := -Wl,-T,tests/fuzz/service_state.ld

FUZZ += service_names
FUZZ_service_names := $(SERVICE_FUZZ) services/names.c services/names_table.c services/startup.c lib/supervised.c
FUZZ_LIBS_service_names := $(SERVICE_FUZZ_LINK)

FUZZ += service_network
FUZZ_service_network := $(SERVICE_FUZZ) $(patsubst %,services/%.c,network network_listen network_patience network_stream startup) \
  lib/supervised.c
FUZZ_LIBS_service_network := $(SERVICE_FUZZ_LINK)

FUZZ += service_files
FUZZ_service_files := $(SERVICE_FUZZ) tests/fuzz/service_requests.c $(patsubst %,services/%.c,files files_main loop mounts request) \
  lib/supervised.c lib/normalise.c
FUZZ_LIBS_service_files := $(SERVICE_FUZZ_LINK)

FUZZ += service_memory
FUZZ_service_memory := $(SERVICE_FUZZ) tests/fuzz/service_requests.c \
  $(patsubst %,services/%.c,memory memory_main loop cpio pages request) lib/heap.c lib/tree.c lib/normalise.c
FUZZ_LIBS_service_memory := $(SERVICE_FUZZ_LINK)

FUZZ += service_console
FUZZ_service_console := $(SERVICE_FUZZ) tests/fuzz/service_requests.c $(patsubst %,services/%.c,console console_input lines stream) \
  lib/supervised.c
FUZZ_LIBS_service_console := $(SERVICE_FUZZ_LINK)

FUZZ += service_serial
FUZZ_service_serial := $(SERVICE_FUZZ) tests/fuzz/service_requests.c $(patsubst %,services/%.c,serial serial_main line loop stream)
FUZZ_LIBS_service_serial := $(SERVICE_FUZZ_LINK)

FUZZ += service_supervisor
FUZZ_service_supervisor := $(SERVICE_FUZZ) tests/fuzz/service_processes.c $(SUPERVISOR:%=services/%)
FUZZ_LIBS_service_supervisor := $(SERVICE_FUZZ_LINK)

FUZZ += service_client
FUZZ_service_client := $(SERVICE_FUZZ) tests/fuzz/service_program.c $(filter-out lib/start.c,$(wildcard lib/*.c))
FUZZ_LIBS_service_client := $(SERVICE_FUZZ_LINK)

# The web server, which takes memory of the C library, by way of service_web.h; its main never returns.
FUZZ += service_web
FUZZ_WEB_PARSER := $(B)/programs-source/http-parser
FUZZ_WEB := $(patsubst %,apps/web/%.c,answer blocks date deadline directory extension_queue file_table range request sealed \
  sealed_extension sealed_files sealed_status server site status target text)
FUZZ_service_web := $(SERVICE_FUZZ) $(patsubst %,tests/fuzz/service_%.c,program web_memory web_peers web_program) $(FUZZ_WEB) $(FUZZ_WEB_PARSER)/http_parser.c contractc/print.c lib/supervised.c
FUZZ_LIBS_service_web := $(SERVICE_FUZZ_LINK)
$(foreach kind,gcc clang coverage,$(FUZZ_WEB:%.c=$(B)/fuzz/$(kind)/%.o)): FUZZ_EXTRA := -ftrivial-auto-var-init=pattern \
  -Wno-return-type -iquote $(B)/gen -isystem $(FUZZ_WEB_PARSER) -include tests/fuzz/service_web.h
$(foreach kind,gcc clang coverage,$(FUZZ_WEB:%.c=$(B)/fuzz/$(kind)/%.o)): | $(FUZZ_WEB_PARSER).stamp $(B)/gen/web/status_files.h

# The process that runs the web system's scripts, which are the input's here.
FUZZ += service_extension
FUZZ_EXTENSION := apps/web/extension/extension
FUZZ_service_extension := $(SERVICE_FUZZ) $(patsubst %,tests/fuzz/service_%.c,program web_memory) $(FUZZ_EXTENSION).c lib/supervised.c
FUZZ_LIBS_service_extension := $(SERVICE_FUZZ_LINK)
$(foreach kind,gcc clang coverage,$(B)/fuzz/$(kind)/$(FUZZ_EXTENSION).o): FUZZ_EXTRA := -ftrivial-auto-var-init=pattern \
  -include tests/fuzz/service_web.h

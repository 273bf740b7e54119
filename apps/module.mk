# Example systems. first/ is what `make run` shows.
$(B)/apps/first/%: apps/first/%.c $(B)/bin/signet-cc $$(SIGNET_CC_INPUTS)
	@mkdir -p $(@D)
	$(B)/bin/signet-cc -O2 -g -Wall -Wextra -Werror -o $@ $<

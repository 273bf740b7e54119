# Plain make drives everything. The README's two commands: `make run` and `make test`.
# Each folder says in its module.mk what it builds; this file says how.
SHELL := /bin/bash
.DEFAULT_GOAL := all
B := build
CC := gcc
HOST_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Iinclude -I.
# kernel/ and verifier/ are freestanding: no header of an operating system, no floating point or vector registers.
TRUSTED_CFLAGS := $(HOST_CFLAGS) -ffreestanding -fno-builtin -fno-stack-protector -mgeneral-regs-only -fno-strict-aliasing
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
TESTS :=
ALL :=

include $(sort $(wildcard */module.mk port/*/module.mk))

.PHONY: all clean
all: $(ALL)
clean:
	rm -rf $(B)

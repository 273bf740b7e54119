#!/bin/bash
# Builds Debian's musl: `build-musl.sh sealed|parallel|native SOURCE WORK PREFIX COMPILER`. The sealed kinds have toolchain/musl laid
# over the source; `parallel` is the same library under the parallel rule, and installs no headers. Called by
# toolchain/module.mk.
set -euo pipefail

kind=$1 source=$(realpath "$2") work=$(realpath -m "$3") prefix=$(realpath -m "$4") compiler=$5
here=$(realpath "$(dirname "$0")")
# What the overlay replaces under another name, or leaves to the portable C.
replaced=(src/fenv/x86_64/fenv.s src/ldso/x86_64/dlsym.s src/ldso/x86_64/tlsdesc.s src/string/x86_64/memmove.s)

# Two makes may want it at once: the second waits, and finds it built.
mkdir -p "$prefix"
exec 9>"$work.lock"
flock 9
stamp=$prefix/.$kind
if [ -e "$stamp" ] && [ -z "$(find "$here/musl" "$here/build-musl.sh" $([ "$kind" = native ] || echo "$prefix/../libexec/signet" "$compiler") -newer "$stamp" -type f | head -n 1)" ]; then
  exit 0
fi
rm -rf "$work"
mkdir -p "$work"
cp -a "$source/." "$work"
cd "$work"
flags="-O2"
if [ "$kind" != native ]; then
  for file in "${replaced[@]}"; do rm -f "$file"; done
  cp -r "$here/musl/." .
  flags="-O2 -I$here/../include"
fi
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
library=$prefix/lib
[ "$kind" = parallel ] && library=$prefix/lib/parallel && compiler="$compiler -msignet-parallel"
{
  ./configure --target=x86_64-linux-musl --host=x86_64-linux-musl --build=x86_64-linux-gnu --disable-shared \
    --disable-gcc-wrapper --disable-wrapper --prefix="$prefix" --syslibdir="$prefix/lib" \
    AR=ar RANLIB=ranlib CC="$compiler" CFLAGS="$flags"
  make -j"${JOBS:-2}" lib/libc.a lib/crt1.o lib/crti.o lib/crtn.o
} >"$work.log" 2>&1 </dev/null || { tail -n 30 "$work.log" >&2; exit 1; }
mkdir -p "$library"
cp lib/libc.a lib/crt1.o lib/crti.o lib/crtn.o "$library"
# Libraries whose content is elsewhere, but which programs ask for by name.
for name in m pthread rt dl crypt util xnet resolv gcc gcc_eh atomic ssp_nonshared; do
  rm -f "$library/lib$name.a"
  ar rc "$library/lib$name.a"
done
if [ "$kind" != parallel ]; then
  make -s install-headers >>"$work.log" 2>&1
  mkdir -p "$prefix/include-linux"
  for name in linux asm-generic; do ln -sfn /usr/include/$name "$prefix/include-linux/$name"; done
  ln -sfn /usr/include/x86_64-linux-gnu/asm "$prefix/include-linux/asm"
fi
if [ "$kind" = native ]; then
  cat >"$prefix/specs" <<'SPECS'
*startfile:
crt1.o%s crti.o%s

*endfile:
crtn.o%s

*lib:
--start-group -lc -lgcc-host --end-group

*libgcc:


*link_gcc_c_sequence:
%{!nolibc:%L}

*link_ssp:


*link:
-m elf_x86_64 -static -nostdlib -no-pie

*link_libgcc:


SPECS
  ln -sfn "$(gcc -print-libgcc-file-name)" "$library/libgcc-host.a"
fi
touch "$stamp"

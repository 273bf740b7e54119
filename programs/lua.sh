# lua, compiled file by file: the package's own Makefile wants libtool, readline and a shared library.
build() {
  cd src
  rm -f luac.c
  # What debian/rules writes before it compiles.
  echo '#define DEB_HOST_MULTIARCH "x86_64-linux-musl"' >lua5.4-deb-multiarch.h
  printf '%s\n' *.c | xargs -P "$JOBS" -n 1 "$CC" $CFLAGS -std=gnu99 -DLUA_COMPAT_5_3 -DLUA_USE_POSIX -c
  "$CC" $CFLAGS -o "$OUTPUT" *.o -lm
}

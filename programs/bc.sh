# GNU bc, by its own configure and Makefile. The build runs a small program that it has just compiled (fbc) to make
# bc's mathematics library, so a first pass with the host's compiler makes that header; make -o takes it as it is.
build() {
  mkdir "$work.host"
  trap 'rm -rf "$work.host"' EXIT
  cp -a . "$work.host"
  (cd "$work.host" && ./configure --without-readline CC="$HOSTCC" && make -j "$JOBS" -C lib && make -C bc libmath.h)
  ./configure $CROSS --without-readline
  cp "$work.host/bc/libmath.h" bc/
  make -j "$JOBS" -C lib
  make -j "$JOBS" -C bc -o libmath.h bc
  cp bc/bc "$OUTPUT"
}

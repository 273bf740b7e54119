# The sqlite3 shell. Its configure and Makefile make the amalgamation (with tclsh, on the host) and the shell. The parser generator
# runs while it builds; the Makefile would compile it for the target, so it is made first and left as it is.
build() {
  ./configure $CROSS --disable-tcl --disable-readline --disable-editline --disable-shared --enable-static \
    --disable-load-extension --enable-threadsafe BUILD_CC="$HOSTCC"
  "$HOSTCC" -O2 -o lemon tool/lemon.c
  cp tool/lempar.c .
  make -j "$JOBS" -o lemon sqlite3
  cp sqlite3 "$OUTPUT"
}

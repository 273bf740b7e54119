# The sqlite3 shell. Its configure and Makefile make the amalgamation (with tclsh, on the host) and the shell.
build() {
  ./configure $CROSS --disable-tcl --disable-readline --disable-editline --disable-shared --enable-static \
    --disable-load-extension --enable-threadsafe BUILD_CC="$HOSTCC"
  make -j "$JOBS" sqlite3
  cp sqlite3 "$OUTPUT"
}

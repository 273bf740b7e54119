# gzip, by its own configure and Makefile.
build() {
  ./configure $CROSS --disable-dependency-tracking
  make -j "$JOBS" -C lib
  make -j "$JOBS" version.h
  make -j "$JOBS" gzip
  cp gzip "$OUTPUT"
}

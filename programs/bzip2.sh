# bzip2: its own Makefile's objects; the package links the program to a shared library, this to the archive.
build() {
  make -j "$JOBS" CC="$CC" CFLAGS="-Wall $CFLAGS -D_FILE_OFFSET_BITS=64" libbz2.a bzip2.o
  "$CC" $CFLAGS -o "$OUTPUT" bzip2.o libbz2.a
}

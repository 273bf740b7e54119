# zstd, by its own Makefile, without the formats of other libraries and without its hand-written assembly (the
# package's own switch), which is compiled from C instead.
build() {
  make -C programs -j "$JOBS" zstd HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0 ZSTD_NO_ASM=1 ZSTD_LEGACY_SUPPORT=0 \
    BACKTRACE=0 CC="$CC" CFLAGS="-O3 -DZSTD_DISABLE_ASM"
  cp programs/zstd "$OUTPUT"
}

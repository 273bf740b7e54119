#!/bin/bash
# The demonstration of `make run`: real programs sealed on a real file, beside their native builds; two attacks, refused; and what
# was sealed and verified. Exit status 1 if anything is not as it should be.
set -uo pipefail
exec 2>&1
cd "$(dirname "$0")/../.."
signet=build/bin/signet
programs=build/programs natives=build/programs-native
work=build/run
rm -rf $work
mkdir -p $work/given
. apps/show.sh

title "A real file, and real programs that know nothing of Signet"
tar --sort=name --mtime=2020-01-01Z --owner=0 --group=0 -cf $work/given/sqlite-src.tar -C build/programs-source/sqlite3 src
ls -l $work/given | tail -n +2

title "gzip, sealed: it is given one directory and nothing else"
show "$signet run --dir $work/given::/data $programs/gzip -9 -k -n -v /data/sqlite-src.tar"
$signet run --dir $work/given::/data $programs/gzip -9 -k -n -v /data/sqlite-src.tar || wrong=1
$natives/gzip -9 -n -c $work/given/sqlite-src.tar >$work/native.gz
must "the compressed file is the one that native gzip makes, byte for byte" cmp $work/given/sqlite-src.tar.gz $work/native.gz
show "$signet run --dir $work/given::/data:ro $programs/sha256sum /data/sqlite-src.tar"
$signet run --dir $work/given::/data:ro $programs/sha256sum /data/sqlite-src.tar | tee $work/sealed.sum
must "the host's sha256sum says the same" test "$(cut -d ' ' -f 1 $work/sealed.sum)" = "$(sha256sum <$work/given/sqlite-src.tar | cut -d ' ' -f 1)"
show "$signet run --dir $work/given::/data:ro $programs/lua -e '…count the lines…'"
$signet run --dir $work/given::/data:ro $programs/lua -e \
  'local n = 0; for _ in io.lines("/data/sqlite-src.tar") do n = n + 1 end; print(_VERSION .. " counted " .. n .. " lines")' || wrong=1

title "First attack: code that leaves its window. It is refused before it runs"
refused() { # refused WHAT HEX: overwrites the entry of a good image and tries to run it
  echo "The entry of a good image, overwritten with $1:"
  python3 apps/first/tamper.py $programs/gzip $work/tampered "$2"
  show "$signet verify $work/tampered"
  $signet verify $work/tampered | tail -n +2
  must "the verifier refuses it" test "${PIPESTATUS[0]}" = 1
  show "$signet run $work/tampered"
  $signet run $work/tampered
  status=$?
  must "and the kernel does not run it (status $status)" test $status = 126
}
refused "a store through a bare 64-bit pointer" 488907
refused "a system call of the host" 0f05
refused "a jump to wherever a register says" ffe0
echo "A program that gcc made for Linux:"
show "$signet verify $natives/gzip"
$signet verify $natives/gzip >$work/native.verdict
status=$?
head -n 3 $work/native.verdict
must "the verifier refuses it (broken rules found: $(wc -l <$work/native.verdict))" test $status = 1

title "Second attack: a verified process that reaches for what it was not given"
show "$signet run --dir $work/given::/data:ro build/apps/first/intruder file /etc/passwd /data/../../../etc/passwd /proc/self/mem"
$signet run --dir $work/given::/data:ro build/apps/first/intruder file /etc/passwd /data/../../../etc/passwd /proc/self/mem | tee $work/files
must "none of these files exists for it" test "$(grep -c 'No such file' $work/files)" = 3
show "$signet run build/apps/first/intruder memory"
# The shell in between keeps to itself what it has to say about how its child ended.
bash -c '"$@" 2>&1; exit $?' - $signet run build/apps/first/intruder memory 2>/dev/null | tee $work/memory
must "it ended as a program does that broke the rules of memory" test "${PIPESTATUS[0]}" = 139
must "it was stopped at the write, and the report says where" grep -q 'faulted at .*write_elsewhere' $work/memory
must "nothing was written" test "$(grep -c 'WROTE' $work/memory)" = 0

title "What was sealed and verified"
$signet inspect $programs/gzip $programs/sha256sum $programs/lua build/apps/first/intruder || wrong=1
show "$signet run --verbose … $programs/sha256sum /data/sqlite-src.tar"
$signet run --verbose --dir $work/given::/data:ro $programs/sha256sum /data/sqlite-src.tar || wrong=1
echo
if [ $wrong = 0 ]; then echo "All as it should be."; else echo "SOMETHING IS NOT AS IT SHOULD BE; see NO above."; fi
exit $wrong

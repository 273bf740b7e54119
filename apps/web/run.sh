#!/bin/bash
# The web system of `make run`. On a terminal it stays up until ^C, for a browser. Without one it makes the requests itself, kills
# processes, shows what came back and which processes served it, and ends; exit status 1 if anything is not as it should be.
set -uo pipefail
exec 2>&1
cd "$(dirname "$0")/../.."
signet=build/bin/signet
manifest=apps/web/web.yaml
address=http://127.0.0.1:8080
work=build/run-web
rm -rf $work
mkdir -p $work
. apps/show.sh

# Another port where 8080 is taken: the same manifest, from another folder.
if (exec 3<>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  echo "Something listens at port 8080 already; this takes $port."
  sed -e "s/:8080/:$port/" -e "s|{directory: |{directory: ../../apps/web/|" $manifest >$work/web.yaml
  manifest=$work/web.yaml
  address=http://127.0.0.1:$port
fi

title "A system of sealed processes, checked before anything starts"
show "signet check $manifest"
$signet check $manifest || exit 1

if [ -t 0 ] && [ -t 1 ]; then
  title "Starting it: open $address/ in a browser, $address/status for its processes; ^C ends it"
  echo "In another terminal: signet ps, signet top, signet trace, signet kill extension (build/bin/signet)."
  exec $signet up $manifest
fi

title "Starting it"
show "signet up $manifest"
$signet up --socket $work/control $manifest >$work/log 2>&1 </dev/null &
system=$!
trap 'kill $system 2>/dev/null; wait $system 2>/dev/null' EXIT
for _ in $(seq 300); do
  curl -s -o /dev/null --max-time 2 $address/ && break
  kill -0 $system 2>/dev/null || break
  sleep 0.05
done
cat $work/log
must "the front page is served" curl -s -f -o $work/front --max-time 5 $address/
[ $wrong = 0 ] || exit 1

title "Requests: network -> web -> files, and network -> web -> extension"
get() { # get PATH [CURL OPTION…]: shows the answer's first line and the length of its body; $code holds the status
  local path=$1
  shift
  show "curl $* $address$path"
  code=$(curl -s -o $work/body -D $work/head --max-time 5 -w '%{http_code}' "$@" "$address$path")
  printf '   %s, %s bytes\n' "$(head -n 1 $work/head | tr -d '\r')" "$(stat -c %s $work/body)"
}
get /
must "a page" test "$code" = 200
get / -r 0-99
must "a part of it, of 100 bytes" test "$code" = 206 -a "$(stat -c %s $work/body)" = 100
get '/ext/hello?name=newcomer'
must "a Lua script answered, in a process of its own" test "$code" = 200
sed 's/^/   | /' $work/body | head -n 5
get /../../etc/passwd --path-as-is
must "there is no way out of the site" test "$code" -ge 400

title "Which processes served this: each has its own memory and the channels of its manifest, nothing else"
show "signet ps"
$signet ps --socket $work/control || wrong=1
show "signet ps --channels"
$signet ps --channels --socket $work/control || wrong=1

title "A crash: the extension jumps to where no code is. It costs its request a 503, and nobody else anything"
get /ext/crash
must "the request that was in it is answered 503" test "$code" = 503
get '/ext/hello?name=again'
must "the next one works" test "$code" = 200

title "Killing processes while the system runs: they come back, and their clients are given new channels"
for victim in extension files network web; do
  show "signet kill $victim"
  $signet kill --socket $work/control $victim || wrong=1
  for _ in $(seq 100); do
    code=$(curl -s -o /dev/null --max-time 5 -w '%{http_code}' "$address/ext/hello?name=$victim" || true)
    [ "$code" = 200 ] && break
    sleep 0.02
  done
  must "$victim is back: /ext/hello is answered $code" test "$code" = 200
  get /
  must "and so is the page" test "$code" = 200
done
show "signet ps"
$signet ps --socket $work/control | tee $work/ps
sed -n '/restart\|ended\|fault/p' $work/log | tail -n 12

title "The end"
kill -TERM $system
wait $system
must "the system ended in good order" test $? = 0
trap - EXIT
echo
if [ $wrong = 0 ]; then echo "All as it should be."; else echo "SOMETHING IS NOT AS IT SHOULD BE; see NO above."; fi
exit $wrong

#!/bin/bash
# signet check and signet graph: what they answer, as text, as JSON, as a drawing; their exit statuses.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
. tests/manifest/web.bash
signet=$PWD/build/bin/signet
# Real images: `check` has them judged.
sed -i "s|$scratch/images/program|$PWD/build/services/console|" "$scratch/web.yaml"
json() { # EXPRESSION: of what check --json says of the web system
  "$signet" check --json "$scratch/web.yaml" | python3 -c 'import json, sys
answer = json.load(sys.stdin)
process = {one["name"]: one for one in answer["processes"]}
device = {one["process"] + "." + one["name"]: one for one in answer["devices"]}
print('"$1"')'
}
report=$("$signet" check "$scratch/web.yaml" 2>&1)
is "check: the web system will boot" 0 $?
matches "check: it says so" "^web will boot: 6 processes, 10 channels, 6 devices\." "$report"
is "check: the order is inferred" "['network', 'files', 'console', 'scripts', 'extension', 'web']" "$(json 'answer["order"]')"
is "check: web reaches the scripts through the extension, over the shortest way" "['web', 'extension', 'scripts']" \
  "$(json '[one["way"] for one in process["web"]["reaches"] if one["process"] == "scripts"][0]')"
is "check: who can reach the network" "['network', 'web']" \
  "$(json '[one["process"] for one in device["network.network"]["reached_by"]]')"
is "check: who can reach the scripts" "['extension', 'scripts', 'web']" \
  "$(json '[one["process"] for one in device["scripts.scripts"]["reached_by"]]')"
is "check: the extension cannot reach the site" "['files', 'web']" \
  "$(json '[one["process"] for one in device["files.site"]["reached_by"]]')"
is "check: without the console, two miss something" "['extension', 'web']" "$(json 'process["console"]["breaks"]')"
is "check: nobody needs web" "[]" "$(json 'process["web"]["breaks"]')"
is "check: quotas are summed" True \
  "$(json 'answer["quota"]["memory"] == sum(one["quota"]["memory"] for one in answer["processes"])')"
is "check: each channel with its contract" "['console', 'console', 'extension', 'files', 'files', 'network', 'observation']" \
  "$(json 'sorted(one["contract"] for one in answer["channels"])')"
is "check --reach network" "  the network, which listens at 127.0.0.1:8080; connects to nothing; at most 10240 connections: network
      web -> network" "$("$signet" check --reach network "$scratch/web.yaml")"
is "check --reach observation" "  observation of the system: web" "$("$signet" check --reach observation "$scratch/web.yaml")"
is "check --reach scripts: the directory of that name" "$(printf '%s\n' \
  "  directory $scratch/scripts at /scripts, read-only: scripts" "      extension -> scripts" "      web -> extension -> scripts")" \
  "$("$signet" check --reach scripts "$scratch/web.yaml")"
is "check --reach extension: a process" "  extension
      web -> extension" "$("$signet" check --reach extension "$scratch/web.yaml")"
is "check: who asks the name service can ask whom it lists" "  directory $PWD/tests/manifest/folder at /, to read and write: store
      names -> shop -> store
      shop -> store
      asker -> names -> shop -> store" "$("$signet" check --reach folder tests/manifest/good/names.yaml)"
is "check: the end of main ends the system" "  asker  the system ends" \
  "$("$signet" check tests/manifest/good/names.yaml | grep 'system ends')"
is "check: the order of chain.yaml" "a b c d e" \
  "$("$signet" check --json tests/manifest/good/chain.yaml | python3 -c 'import json, sys; print(*json.load(sys.stdin)["order"])')"
refused=$("$signet" check --json tests/manifest/bad/many.yaml)
is "check --json of a bad one: status 1" 1 $?
is "check --json of a bad one: all problems, with places" "False ['M201', 'M501', 'M202', 'M504', 'M204', 'M303', 'M106'] 3:3" \
  "$(python3 -c 'import json, sys
answer = json.loads(sys.argv[1])
first = answer["problems"][0]
print(answer["boots"], [one["number"] for one in answer["problems"]], "%d:%d" % (first["line"], first["column"]))' "$refused")"

"$signet" graph --dot "$scratch/web.dot" --svg "$scratch/web.svg" "$scratch/web.yaml"
is "graph: status 0" 0 $?
is "graph --dot is what graph prints" "$("$signet" graph "$scratch/web.yaml")" "$(cat "$scratch/web.dot")"
edges() { grep -c "$1" "$scratch/web.dot"; }
is "graph: an arrow for each channel, the console's as one" 7 "$(edges '" -> ".*label=')"
is "graph: a line for each device, the streams as one" 4 "$(edges '" -> "device ')"
check "graph: web asks the extension over its contract" grep -qF '"web" -> "extension" [label="extension"]' "$scratch/web.dot"
check "graph: dot understands it" dot -Tplain -o /dev/null "$scratch/web.dot"
check "graph --svg: a picture with the processes in it" grep -q ">extension<" "$scratch/web.svg"
mkdir "$scratch/a\"b\\n]"
sed "s|directory: site|directory: 'a\"b\\\\n]'|" "$scratch/web.yaml" >"$scratch/odd.yaml"
"$signet" graph --dot "$scratch/odd.dot" "$scratch/odd.yaml"
check "graph: a directory's name cannot end its label" dot -Tplain -o /dev/null "$scratch/odd.dot"
"$signet" graph --svg "$scratch/no/where.svg" "$scratch/web.yaml" 2>/dev/null
is "graph: what cannot be written: status 1" 1 $?
"$signet" graph tests/manifest/bad/many.yaml >"$scratch/nothing" 2>/dev/null
is "graph: a bad manifest is not drawn" "1 0" "$? $(wc -c <"$scratch/nothing")"
for command in check graph; do
  matches "$command --help" "^usage: signet $command " "$("$signet" $command --help)"
  "$signet" $command 2>/dev/null
  is "$command of nothing: status 2" 2 $?
  "$signet" $command a b 2>/dev/null
  is "$command of two: status 2" 2 $?
  "$signet" $command --nonsense "$scratch/web.yaml" 2>/dev/null
  is "$command --nonsense: status 2" 2 $?
done
"$signet" check --reach nobody "$scratch/web.yaml" 2>/dev/null
is "check --reach nobody: status 2" 2 $?
finish

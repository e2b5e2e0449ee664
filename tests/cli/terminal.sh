# What a terminal changes: tables fit its width and a few words stand out. Pipes, files and JSON stay whole and plain.
. "$(dirname "$0")/lib.sh"
escape=$(printf '\033')
export TERM=xterm # a pipe must stay plain even then

# on_terminal COLUMNS WORD...: the words as a command on a terminal of that width, what it shows to out.txt.
on_terminal() {
    columns=$1
    shift
    script -qec "stty cols $columns && $*" /dev/null </dev/null 2>&1 | tr -d '\r' >out.txt
}
plain() {
    sed "s/$escape\[[0-9;]*[mK]//g" out.txt
}
fits() { # fits COLUMNS PATTERN WHAT: the lines of the pattern are there, and none of them is wider
    plain | grep -e "$2" >lines.txt || complain "$3 has no line '$2': $(cat out.txt)"
    [ "$(awk '{ if (length > most) most = length } END { print most }' lines.txt)" -le "$1" ] ||
        complain "$3 is wider than $1: $(cat lines.txt)"
}

expect 0 "Pareto front" "$starcl" search small.cfg --run run --set search.generations=1 --set model.depth=12
"$starcl" show run --json >whole.json
genome=$(sed -n 's/.*"genome":	"\(.*\)",/\1/p' whole.json | head -n 1)
id=$(sed -n 's/.*"id":	\([0-9]*\),/\1/p' whole.json | head -n 1)

# The front.
on_terminal 70 "$starcl" show run
fits 70 "^ *[0-9]* .*\.\.\.\$" "the front"
grep -qF "$genome" out.txt && complain "a genome of 12 LIVs fits 70 columns?"
grep -q "^$escape\[1m *id .*$escape\[0m\$" out.txt || complain "the head does not stand out: $(cat out.txt)"
[ "$(grep -c "$escape\[1m" out.txt)" = 1 ] || complain "more than the head stands out"
on_terminal 300 "$starcl" show run
grep -qF "$genome" out.txt || complain "a wide terminal does not show the genome"
plain | grep -q '\.\.\.$' && complain "a wide terminal cuts"
for setting in NO_COLOR=1 TERM=dumb; do
    on_terminal 70 env $setting "$starcl" show run
    grep -q "$escape" out.txt && complain "$setting has codes: $(cat out.txt)"
    fits 70 "^ *[0-9]* .*\.\.\.\$" "the front with $setting"
done
on_terminal 70 env NO_COLOR= "$starcl" show run
grep -q "$escape\[1m" out.txt || complain "an empty NO_COLOR counts"

# Pipes and files, and JSON on a terminal.
expect 0 "$genome" "$starcl" show run
grep -q "$escape\|\.\.\." out.txt && complain "a pipe is cut or coloured: $(cat out.txt)"
on_terminal 40 "$starcl" show run --json
cmp -s out.txt whole.json || complain "JSON depends on the terminal"

# Other tables.
on_terminal 70 "$starcl" show run --lineage "$id"
fits 70 "^        [0-9]" "the lineage"
on_terminal 80 "$starcl" show run --generations
fits 80 "^generation\|^ *[0-9]" "generations"
plain | grep -q "quartile  greatest\$" || complain "80 columns are too few for what is measured: $(cat out.txt)"
on_terminal 60 "$starcl" show run --compare run
fits 60 "^run" "the comparison"
on_terminal 60 "$starcl" devices
fits 60 "^\* [0-9]\|^  index" "the list of devices"
on_terminal 100 "$starcl" devices
fits 100 "^\* [0-9].*[MG]iB  [A-Z]" "the list of devices with memory and platform"
on_terminal 50 "$starcl" show "$genome" --config small.cfg --set model.depth=12
fits 50 "^ *LIV\|^ *ends" "the architecture"
grep -qF "$genome" out.txt || complain "the genome that was asked for is cut"

# Errors.
on_terminal 80 "$starcl" serach
grep -q "^$escape\[1;31mstarcl:$escape\[0m there is no command 'serach'" out.txt || complain "plain: $(cat out.txt)"
expect 2 "starcl: there is no command" "$starcl" serach
grep -q "$escape" out.txt && complain "an error in a file has codes"
on_terminal 80 "$starcl" doctor run/none
grep -q "^$escape\[1;31mproblem *$escape\[0m" out.txt || complain "the doctor's problem does not stand out"

# What runs here; scripts read the first line.
expect 0 "SQLite     3." "$starcl" --version
head -n 1 out.txt | grep -qx "starcl [0-9]*\.[0-9]*\.[0-9]*" || complain "the first line of --version is $(head -n 1 out.txt)"
for library in build OpenCL CLBlast libconfig cJSON zlib Random123; do
    grep -q "^$library  *[A-Za-z0-9/]" out.txt || complain "--version does not say $library"
done
grep -q "^OpenCL .*/libOpenCL\.so" out.txt || complain "--version does not name the loader"
finish

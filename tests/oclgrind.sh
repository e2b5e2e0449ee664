# The kernels in a simulator that watches every access: sh oclgrind.sh LOG COMMAND...
# Fails if the command does, or if oclgrind reports an invalid access or a data race.
log=$1
shift
rm -f "$log"
oclgrind --data-races --uniform-writes --log "$log" "$@" || exit 1
if [ -s "$log" ]; then
    head -50 "$log"
    exit 1
fi

# The device fails in the middle of a search, once or for good.
. "$(dirname "$0")/lib.sh"
layer=$3

# Once: that candidate is recorded as failed, the others are as they would have been.
expect 0 "Pareto front" "$starcl" search small.cfg --run whole
expect 0 "Pareto front" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_COUNT=1 "$starcl" search small.cfg --run once
reason=$(sqlite3 once/run.db "SELECT reason FROM evaluations WHERE status = 'failed'")
case "$reason" in
*"CL_OUT_OF_RESOURCES (-5)"*"was lost"*) ;;
*) complain "the lost candidate's reason is '$reason'" ;;
esac
[ "$(sqlite3 once/run.db 'SELECT count(*) FROM candidates')" = 12 ] || complain "the search did not go on"

# For good: the search ends, says why and how to go on; when the device is back, it does.
expect 1 "Go on with:  starcl resume gone" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_FOREVER=1 \
    "$starcl" search small.cfg --run gone
expect 0 "Pareto front of gone (done)" "$starcl" resume gone
[ "$(sqlite3 gone/run.db "SELECT count(*) FROM evaluations WHERE status = 'failed'")" = 0 ] ||
    complain "a candidate was blamed for a device that never came back"
same_front whole gone
finish

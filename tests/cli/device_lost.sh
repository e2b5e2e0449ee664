# The device fails in the middle of a search, once or for good.
. "$(dirname "$0")/lib.sh"
layer=$3

failed() {
    sqlite3 "$1/run.db" "SELECT count(*) FROM evaluations WHERE status = 'failed'"
}
evaluated() {
    sqlite3 "$1/run.db" "SELECT count(*) FROM evaluations WHERE status != 'failed'"
}
reason() {
    sqlite3 "$1/run.db" "SELECT reason FROM evaluations WHERE status = 'failed'"
}

# Once: that candidate is tried again on the device opened anew, and nothing is different from an undisturbed search.
expect 0 "Pareto front" "$starcl" search small.cfg --run whole
expect 0 "Pareto front" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_COUNT=1 "$starcl" search small.cfg --run once
[ "$(failed once)" = 0 ] || complain "a candidate was blamed for the device: $(reason once)"
[ "$(evaluated once)" = "$(evaluated whole)" ] || complain "not all candidates were evaluated"
same_front whole once

# Twice, where the second try begins: that candidate is recorded as failed, and the search goes on. Nothing is built
# ahead, because one of the two launches might be of a rehearsal then.
expect 0 "Pareto front" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_COUNT=2 "$starcl" search small.cfg --run twice \
    --set devices.build_ahead=false
case "$(reason twice)" in
"tried twice: "*"CL_OUT_OF_RESOURCES (-5)"*"was lost"*) ;;
*) complain "the lost candidate's reason is '$(reason twice)'" ;;
esac
[ "$(failed twice)" = 1 ] || complain "$(failed twice) candidates failed instead of one"
[ "$(sqlite3 twice/run.db 'SELECT count(*) FROM candidates')" = 12 ] || complain "the search did not go on"

# While the trained weights are read: the embedding and the output projection of each candidate are such reads, and
# nothing that is read while it trains.
expect 0 "Pareto front" env OPENCL_LAYERS="$layer" FAIL_READ_BYTES=32768 FAIL_READ_FROM=5 FAIL_READ_COUNT=1 \
    "$starcl" search small.cfg --run unread
[ "$(failed unread)" = 0 ] || complain "a candidate was blamed for the device: $(reason unread)"
same_front whole unread
expect 0 "Pareto front" env OPENCL_LAYERS="$layer" FAIL_READ_BYTES=32768 FAIL_READ_FROM=5 FAIL_READ_COUNT=2 \
    "$starcl" search small.cfg --run unreadable
case "$(reason unreadable)" in
"tried twice: "*"from the device: CL_OUT_OF_RESOURCES"*) ;;
*) complain "the reason of weights that could not be read is '$(reason unreadable)'" ;;
esac
[ "$(failed unreadable)" = 1 ] || complain "$(failed unreadable) candidates failed instead of one"

# For good: the search ends, says why and how to go on; when the device is back, it does.
expect 1 "Go on with:  starcl resume gone" env OPENCL_LAYERS="$layer" FAIL_FROM=1500 FAIL_FOREVER=1 \
    "$starcl" search small.cfg --run gone
expect 0 "Pareto front of gone (done)" "$starcl" resume gone
[ "$(sqlite3 gone/run.db "SELECT count(*) FROM evaluations WHERE status = 'failed'")" = 0 ] ||
    complain "a candidate was blamed for a device that never came back"
same_front whole gone
finish

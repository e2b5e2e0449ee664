#include "train/division.h"

status division_check(const struct division *division, int batch) {
    long long all = 0;
    for (int part = 0; part < division->count; part++) {
        if (division->sequences[part] < 1)
            return fail_usage("a part has 1 or more sequences, not %d", division->sequences[part]);
        all += division->sequences[part];
    }
    if (division->count == 0 || all == batch)
        return STATUS_OK;
    return fail_usage("the parts are %lld sequences together, and a step has %d (train.batch)", all, batch);
}

int division_parts(const struct division *division) {
    return division->count ? division->count : 1;
}

int division_sequences(const struct division *division, int batch, int first, int last) {
    int sequences = 0;
    for (int part = first; part < last; part++)
        sequences += division->count ? division->sequences[part] : batch;
    return sequences;
}

int division_piece_most(const struct division *division, int batch) {
    int divisor = batch;
    for (int part = 0; part < division->count; part++)
        for (int other = division->sequences[part]; other != 0;) {
            int rest = divisor % other;
            divisor = other;
            other = rest;
        }
    return divisor;
}

int division_first(const struct division *division, int rank, int ranks) {
    return (int)((long long)division_parts(division) * rank / ranks);
}

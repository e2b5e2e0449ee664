/*
 * Which front an individual is on, by the definition: fronts are peeled off one after the other, each being what no
 * other of those left dominates. Populations of 1 to 8 objectives with failures, violations, rungs, ties and doubles.
 * And the archive of a run beside the front of everything that was added.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "evolve/archive.h"
#include "evolve/hypervolume.h"

#include <math.h>
#include <string.h>

enum { MOST = 400 };

static bool broken(const struct individual *individual, int objectives) {
    for (int o = 0; o < objectives; o++)
        if (!isfinite(individual->objectives[o]))
            return true;
    return individual->failed;
}

/* Deb's constraint domination, with failures behind everything and higher rungs before lower ones. */
static bool beats(const struct individual *a, const struct individual *b, int objectives) {
    if (broken(a, objectives) || broken(b, objectives))
        return !broken(a, objectives) && broken(b, objectives);
    if (a->violation != b->violation)
        return a->violation < b->violation;
    if (a->rung != b->rung)
        return a->rung > b->rung;
    int better = 0, worse = 0;
    for (int o = 0; o < objectives; o++) {
        better += a->objectives[o] < b->objectives[o];
        worse += a->objectives[o] > b->objectives[o];
    }
    return better > 0 && worse == 0;
}

static void peel(const struct individual *all, int count, int objectives, int *ranks) {
    for (int i = 0; i < count; i++)
        ranks[i] = -1;
    for (int rank = 0, placed = 0; placed < count; rank++) {
        bool on_front[MOST];
        for (int i = 0; i < count; i++) {
            on_front[i] = ranks[i] < 0;
            for (int j = 0; j < count && on_front[i]; j++)
                on_front[i] = ranks[j] >= 0 || !beats(&all[j], &all[i], objectives);
        }
        for (int i = 0; i < count; i++) {
            if (!on_front[i])
                continue;
            ranks[i] = rank;
            placed++;
        }
    }
}

/* By the definition: the neighbours of an individual are the nearest before and behind it on its front, in the order of
 * the objective and then of ids. Of those with equal objectives all but the oldest and the youngest have a distance
 * that says how many are younger. */
static double crowding_of(const struct individual *all, int count, int objectives, int which) {
    const struct individual *one = &all[which];
    double sum = 0;
    int older = 0, younger = 0;
    for (int i = 0; i < count && !broken(one, objectives); i++) {
        bool equal = all[i].rank == one->rank;
        for (int o = 0; o < objectives; o++)
            equal = equal && all[i].objectives[o] == one->objectives[o];
        older += equal && all[i].id < one->id;
        younger += equal && all[i].id > one->id;
    }
    if (older > 0 && younger > 0)
        return -younger;
    for (int o = 0; o < objectives && !broken(one, objectives); o++) {
        const struct individual *before = NULL, *behind = NULL;
        double least = INFINITY, greatest = -INFINITY;
        for (int i = 0; i < count; i++) {
            const struct individual *other = &all[i];
            double value = other->objectives[o];
            if (other->rank != one->rank)
                continue;
            least = fmin(least, value);
            greatest = fmax(greatest, value);
            bool is_before = value != one->objectives[o] ? value < one->objectives[o] : other->id < one->id;
            if (other == one)
                continue;
            if (is_before && (!before || value > before->objectives[o]))
                before = other;
            if (!is_before && (!behind || value < behind->objectives[o]))
                behind = other;
        }
        if (!before || !behind)
            return INFINITY;
        if (greatest > least)
            sum += (behind->objectives[o] - before->objectives[o]) / (greatest - least);
    }
    return sum;
}

struct mixture {
    int objectives, values; /* few values make ties and doubles; 0: any number */
    double failed, violating;
    int rungs;
};

static struct individual draw(int id, const struct mixture *mixture, struct random_stream *random) {
    struct individual individual = {.id = id};
    double sum = 0;
    for (int o = 0; o < mixture->objectives; o++) {
        double value = random_uniform(random);
        individual.objectives[o] = mixture->values ? floor(value * mixture->values) : value;
        sum += individual.objectives[o];
    }
    /* Half of them near a plane, where many do not dominate each other. */
    if (!mixture->values && random_below(random, 2))
        individual.objectives[0] += mixture->objectives / 2.0 - sum;
    individual.failed = random_uniform(random) < mixture->failed;
    if (random_uniform(random) < mixture->failed)
        individual.objectives[random_below(random, (uint32_t)mixture->objectives)] = NAN;
    if (random_uniform(random) < mixture->violating)
        individual.violation = random_below(random, 2) ? random_uniform(random) : 0.5;
    individual.rung = (int)random_below(random, (uint32_t)mixture->rungs);
    return individual;
}

static void check_population(int count, const struct mixture *mixture, struct random_stream *random) {
    static struct individual all[MOST];
    struct individual *sorted[MOST];
    int ranks[MOST], objectives = mixture->objectives;
    for (int i = 0; i < count; i++) {
        all[i] = draw(i + 1, mixture, random);
        sorted[i] = &all[i];
    }
    peel(all, count, objectives, ranks);
    rank_population(all, count, objectives);
    for (int i = 0; i < count; i++) {
        if (all[i].rank != ranks[i])
            fail_test("%d objectives, %d individuals: number %d is on front %d, not %d", objectives, count, i, ranks[i],
                      all[i].rank);
        double crowding = crowding_of(all, count, objectives, i);
        if (!(all[i].crowding == crowding || fabs(all[i].crowding - crowding) < 1e-9))
            fail_test("%d objectives, %d individuals: crowding of number %d is %.17g, not %.17g", objectives, count, i,
                      crowding, all[i].crowding);
    }
    for (int i = 0; i < count; i++)
        all[i].rank = -1;
    sort_population(sorted, count, objectives);
    bool seen[MOST] = {false};
    for (int i = 0; i < count; i++) {
        int place = (int)(sorted[i] - all);
        assert_true(!seen[place] && sorted[i]->rank == ranks[place]);
        seen[place] = true;
        assert_true(i == 0 || compare_individuals(sorted[i - 1], sorted[i]) < 0);
    }
}

static void test_fronts(void **unused) {
    (void)unused;
    static const int sizes[] = {1, 2, 7, 40, 130};
    struct random_stream random = random_open(82, 1);
    for (int objectives = 1; objectives <= MAX_OBJECTIVES; objectives++) {
        for (int i = 0; i < 5; i++) {
            check_population(sizes[i], &(struct mixture){objectives, 0, 0, 0, 1}, &random);
            check_population(sizes[i], &(struct mixture){objectives, 4, 0, 0, 1}, &random);
            check_population(sizes[i], &(struct mixture){objectives, 0, 0.1, 0.5, 1}, &random);
            check_population(sizes[i], &(struct mixture){objectives, 3, 0.1, 0.3, 3}, &random);
        }
    }
    check_population(MOST, &(struct mixture){2, 0, 0, 0, 1}, &random);
    check_population(MOST, &(struct mixture){3, 0, 0, 0, 1}, &random);
    check_population(MOST, &(struct mixture){5, 0, 0, 0, 1}, &random);
}

/* Five that are equal, and two besides: by either objective the oldest is behind number 6, or the youngest before 7. */
static void test_copies(void **unused) {
    (void)unused;
    struct individual all[] = {{.id = 1, .objectives = {2, 2}}, {.id = 2, .objectives = {2, 2}},
                               {.id = 3, .objectives = {2, 2}}, {.id = 4, .objectives = {2, 2}},
                               {.id = 5, .objectives = {2, 2}}, {.id = 6, .objectives = {1, 4}},
                               {.id = 7, .objectives = {4, 1}}};
    /* 1 / 3 + 1 / 3, as id 1 is nearer the least of both; 2 / 3 + 2 / 3. */
    const double crowding[] = {2.0 / 3, -3, -2, -1, 4.0 / 3, INFINITY, INFINITY};
    rank_population(all, 7, 2);
    for (int i = 0; i < 7; i++)
        assert_true(all[i].crowding == crowding[i] || fabs(all[i].crowding - crowding[i]) < 1e-12);
}

/* Limits before rungs, rungs before objectives, failures last. */
static void test_standing(void **unused) {
    (void)unused;
    struct individual all[] = {{.id = 1, .objectives = {9, 9}},
                               {.id = 2, .objectives = {1, 1}, .violation = 0.5, .rung = 2},
                               {.id = 3, .objectives = {8, 8}, .rung = 1},
                               {.id = 4, .objectives = {0, 0}, .failed = true, .rung = 3},
                               {.id = 5, .objectives = {5, 5}, .violation = 0.25},
                               {.id = 6, .objectives = {7, 9}, .rung = 1},
                               {.id = 7, .objectives = {2, 0}, .violation = 0.5, .rung = 2},
                               {.id = 8, .objectives = {0, 0}, .violation = NAN}};
    const int ranks[] = {1, 3, 0, 4, 2, 0, 3, 4};
    rank_population(all, 8, 2);
    for (int i = 0; i < 8; i++)
        assert_int_equal(all[i].rank, ranks[i]);
}

static int find(const int *numbers, int count, int number) {
    for (int i = 0; i < count; i++)
        if (numbers[i] == number)
            return i;
    return -1;
}

/* What archive_hypervolume() is to be: of those added that meet the limits, on the highest rung that is among them. */
static double volume_of(const struct individual *all, int count, int objectives, const double *reference) {
    double points[MOST * MAX_OBJECTIVES];
    int rung = -1, kept = 0;
    for (int i = 0; i < count; i++)
        if (!broken(&all[i], objectives) && all[i].violation == 0 && all[i].rung > rung)
            rung = all[i].rung;
    for (int i = 0; i < count; i++) {
        if (broken(&all[i], objectives) || all[i].violation > 0 || all[i].rung < rung)
            continue;
        memcpy(points + kept++ * objectives, all[i].objectives, (size_t)objectives * sizeof *points);
    }
    return hypervolume(points, kept, objectives, reference);
}

static void check_archive(int count, const struct mixture *mixture, struct random_stream *random) {
    static struct individual all[MOST];
    int objectives = mixture->objectives, left[MOST], left_count;
    double reference[MAX_OBJECTIVES];
    for (int o = 0; o < objectives; o++)
        reference[o] = mixture->values ? mixture->values : 0.9;
    struct archive *archive = archive_create(objectives, reference);
    bool was_on[MOST] = {false};
    for (int n = 0; n < count; n++) {
        all[n] = draw(n + 1, mixture, random);
        bool joined = archive_add(archive, &all[n], left, &left_count);
        const int *ids = archive_ids(archive);
        int members = 0, gone = 0;
        for (int i = 0; i <= n; i++) {
            bool on_front = !broken(&all[i], objectives);
            for (int j = 0; j <= n && on_front; j++)
                on_front = !beats(&all[j], &all[i], objectives);
            assert_int_equal(find(ids, archive_count(archive), i + 1) >= 0, on_front);
            assert_int_equal(find(left, left_count, i + 1) >= 0, was_on[i] && !on_front);
            members += on_front;
            gone += was_on[i] && !on_front;
            was_on[i] = on_front;
        }
        assert_int_equal(joined, was_on[n]);
        assert_int_equal(archive_count(archive), members);
        assert_int_equal(left_count, gone);
        double volume = volume_of(all, n + 1, objectives, reference);
        assert_true(fabs(archive_hypervolume(archive) - volume) <= 1e-12 * fmax(volume, 1));
    }
    archive_destroy(archive);
}

static void test_archive(void **unused) {
    (void)unused;
    struct random_stream random = random_open(82, 2);
    for (int objectives = 1; objectives <= 4; objectives++) {
        check_archive(150, &(struct mixture){objectives, 0, 0, 0, 1}, &random);
        check_archive(100, &(struct mixture){objectives, 5, 0.1, 0, 1}, &random);
        check_archive(100, &(struct mixture){objectives, 0, 0.1, 0.95, 1}, &random);
        check_archive(100, &(struct mixture){objectives, 4, 0.1, 0.4, 3}, &random);
    }
}

/* Hypervolumes against (10, 10). */
static void test_assessed_again(void **unused) {
    (void)unused;
    const double reference[] = {10, 10};
    struct archive *archive = archive_create(2, reference);
    int left[4], left_count;
    assert_true(archive_add(archive, &(struct individual){.id = 1, .objectives = {2, 8}}, left, &left_count));
    assert_true(archive_add(archive, &(struct individual){.id = 2, .objectives = {8, 2}}, NULL, &left_count));
    assert_int_equal(left_count, 0);
    assert_true(archive_hypervolume(archive) == 16 + 16 - 4);
    /* The same rung: only its own place changes. */
    assert_true(archive_add(archive, &(struct individual){.id = 2, .objectives = {9, 2}}, NULL, NULL));
    assert_int_equal(archive_count(archive), 2);
    assert_true(archive_hypervolume(archive) == 16 + 8 - 2);
    /* A higher one: the others are not comparable any more. */
    struct individual higher = {.id = 2, .rung = 1, .objectives = {9, 9}};
    assert_true(archive_add(archive, &higher, left, &left_count));
    assert_int_equal(left_count, 1);
    assert_int_equal(left[0], 1);
    assert_true(archive_hypervolume(archive) == 1);
    /* It failed there: nothing is left. */
    higher.failed = true;
    assert_false(archive_add(archive, &higher, left, &left_count));
    assert_int_equal(archive_count(archive), 0);
    assert_true(archive_hypervolume(archive) == 0);
    archive_destroy(archive);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fronts), cmocka_unit_test(test_copies),
                                       cmocka_unit_test(test_standing), cmocka_unit_test(test_archive),
                                       cmocka_unit_test(test_assessed_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What fronts.py compares with pymoo, as a filter: commands on standard input, a line of numbers each on standard
 * output.
 *
 *   hypervolume DIMENSIONS COUNT, the reference, COUNT points     the hypervolume
 *   ranks DIMENSIONS COUNT, COUNT times violation and objectives  the front of each, and its crowding distance
 *
 * Called with the word `times` it measures instead, and prints JSON.
 */
#include "evolve/archive.h"
#include "evolve/hypervolume.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool read_numbers(double *numbers, int count) {
    for (int i = 0; i < count; i++)
        if (scanf("%lf", &numbers[i]) != 1)
            return false;
    return true;
}

static bool answer_hypervolume(int dimensions, int count) {
    double *numbers = memory_allocate((size_t)(count + 1) * (size_t)dimensions, sizeof *numbers);
    bool read = read_numbers(numbers, (count + 1) * dimensions);
    if (read)
        printf("%.17g\n", hypervolume(numbers + dimensions, count, dimensions, numbers));
    free(numbers);
    return read;
}

static bool answer_ranks(int objectives, int count) {
    struct individual *all = memory_allocate((size_t)count + 1, sizeof *all);
    bool read = true;
    for (int i = 0; i < count && read; i++) {
        all[i].id = i + 1;
        read = read_numbers(&all[i].violation, 1) && read_numbers(all[i].objectives, objectives);
    }
    if (read)
        rank_population(all, count, objectives);
    for (int i = 0; i < count && read; i++)
        printf("%d %.17g%s", all[i].rank, all[i].crowding, i + 1 < count ? " " : "\n");
    free(all);
    return read;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Of an octant of a sphere, on which no point dominates another, times `radius`; or anywhere below it. */
static void draw_point(double *point, int dimensions, bool on_front, double radius, struct random_stream *random) {
    double square = 0;
    for (int d = 0; d < dimensions; d++) {
        float normal;
        random_normal(random, &normal, 1, 1);
        point[d] = on_front ? fabs(normal) : random_uniform(random);
        square += point[d] * point[d];
    }
    for (int d = 0; d < dimensions && on_front; d++)
        point[d] = 1 - radius * point[d] / sqrt(square);
}

static void time_sorting(int count, int objectives, bool on_front) {
    struct random_stream random = random_open(1, (uint64_t)(count + objectives));
    struct individual *all = memory_allocate((size_t)count, sizeof *all);
    struct individual **sorted = memory_allocate((size_t)count, sizeof *sorted);
    enum { ROUNDS = 5 };
    double least = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < count; i++) {
            all[i].id = i + 1;
            sorted[i] = &all[i];
            draw_point(all[i].objectives, objectives, on_front, 1, &random);
        }
        double begin = now();
        sort_population(sorted, count, objectives);
        least = fmin(least, now() - begin);
    }
    printf("  {\"what\": \"sort %s\", \"individuals\": %d, \"objectives\": %d, \"fronts\": %d, \"ms\": %.3f},\n",
           on_front ? "one front" : "a cube", count, objectives, sorted[count - 1]->rank + 1, 1e3 * least);
    free(all);
    free(sorted);
}

/* A run that gets better and better: the front stays large, and points leave it. */
static void time_archive(int count, int objectives, bool last) {
    struct random_stream random = random_open(2, (uint64_t)(count + objectives));
    double reference[MAX_OBJECTIVES];
    for (int o = 0; o < objectives; o++)
        reference[o] = 1;
    struct archive *archive = archive_create(objectives, reference);
    struct individual *individual = memory_allocate(1, sizeof *individual);
    double begin = now(), slowest = 0;
    int largest = 0;
    for (int i = 0; i < count; i++) {
        double radius = 0.5 + 0.45 * i / count + 0.05 * random_uniform(&random);
        individual->id = i + 1;
        draw_point(individual->objectives, objectives, true, radius, &random);
        double before = now();
        archive_add(archive, individual, NULL, NULL);
        slowest = fmax(slowest, now() - before);
        largest = archive_count(archive) > largest ? archive_count(archive) : largest;
    }
    printf("  {\"what\": \"archive\", \"individuals\": %d, \"objectives\": %d, \"largest front\": %d, "
           "\"ms each\": %.4f, \"slowest ms\": %.3f}%s\n",
           count, objectives, largest, 1e3 * (now() - begin) / count, 1e3 * slowest, last ? "" : ",");
    archive_destroy(archive);
    free(individual);
}

static void time_all(void) {
    printf("[\n");
    for (int objectives = 2; objectives <= 5; objectives++) {
        time_sorting(2000, objectives, false);
        time_sorting(2000, objectives, true);
    }
    time_sorting(4000, 3, false);
    time_sorting(4000, 3, true);
    time_archive(100000, 2, false);
    time_archive(100000, 3, false);
    time_archive(2000, 4, false);
    time_archive(1000, 5, true);
    printf("]\n");
}

int main(int count, char **words) {
    if (count == 2 && strcmp(words[1], "times") == 0) {
        time_all();
        return 0;
    }
    char command[16];
    int dimensions, points;
    while (scanf("%15s %d %d", command, &dimensions, &points) == 3) {
        bool known = strcmp(command, "hypervolume") == 0 || strcmp(command, "ranks") == 0;
        bool fits = dimensions >= 1 && dimensions <= MAX_OBJECTIVES && points >= 0 && points <= 100000;
        if (!known || !fits ||
            !(*command == 'h' ? answer_hypervolume(dimensions, points) : answer_ranks(dimensions, points))) {
            fprintf(stderr, "peer_evolve: '%s %d %d' is no command that is followed by its numbers\n", command,
                    dimensions, points);
            return 2;
        }
    }
    return 0;
}

/*
 * What a search costs beside evaluating: time and memory of asking and telling, for an algorithm whose individuals get
 * numbers that cost nothing. bench/evolution.sh runs it for all.
 *
 *     test_evolve_cost ALGORITHM EVALUATIONS POPULATION
 *
 * Prints a line of JSON: milliseconds of the processor for an evaluation, with telling, and the memory that the process
 * holds.
 */
#include "evolve/algorithm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Bytes of memory that are in use by this process. */
static double resident_bytes(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* Objectives that pull against each other, as quality, size and cache do, with something that no gene explains. */
static void assess(struct individual *individual, int objectives) {
    const struct genome *genome = &individual->genome;
    double classes[4] = {0};
    for (int liv = 0; liv < genome->depth; liv++)
        classes[genome->livs[liv].genes[LIV_CLASS] % 4]++;
    double noise = (double)(individual->identity >> 11) / 9007199254740992.0;
    individual->objectives[0] = 8 * genome->depth - 3 * classes[0] - 2 * classes[1] + noise;
    if (objectives > 1)
        individual->objectives[1] = 4 * classes[0] + classes[1] + noise * noise;
    if (objectives > 2)
        individual->objectives[2] = 3 * classes[0] + 5 * classes[2] + (1 - noise);
    individual->descriptor = 1000 * individual->objectives[objectives - 1];
}

int main(int count, char **words) {
    static struct catalogue catalogue;
    const struct algorithm *algorithm = count == 4 ? algorithm_find(words[1]) : NULL;
    if (!algorithm || catalogue_read(NULL, &catalogue) != STATUS_OK) {
        fprintf(stderr, "call: test_evolve_cost ALGORITHM EVALUATIONS POPULATION\n");
        return 2;
    }
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = 24;
    space.operators = space.featurizers = false;
    int evaluations = atoi(words[2]), objectives = algorithm->objectives_most < 3 ? 1 : 3;
    struct evolve_settings settings = {.algorithm = algorithm,
                                       .space = &space,
                                       .seed = 1,
                                       .population = atoi(words[3]),
                                       .objectives = objectives,
                                       .tournament = 2,
                                       .variation = {.crossover_points = 2, .mutation = 0.1},
                                       .elite = 2,
                                       .attraction = 1,
                                       .absorption = 1};
    struct evolution *evolution = evolution_create(&settings);
    clock_t start = clock(); /* of the processor, whatever else the machine does */
    for (int i = 0; i < evaluations; i++) {
        struct individual individual;
        if (!evolution_ask(evolution, &individual))
            return 1;
        assess(&individual, objectives);
        evolution_tell(evolution, &individual);
    }
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    printf("{\"algorithm\": \"%s\", \"evaluations\": %d, \"population\": %d, \"objectives\": %d, "
           "\"ms_per_evaluation\": %.4f, \"resident_mib\": %.1f}\n",
           algorithm->name, evaluations, settings.population, objectives, 1000 * seconds / evaluations,
           resident_bytes() / 1048576);
    evolution_destroy(evolution);
    return 0;
}

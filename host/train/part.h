/* The parts that every task's data has. */
#ifndef STARCL_TRAIN_PART_H
#define STARCL_TRAIN_PART_H

/* Weights are trained on the first, selection sees the second, reports quote the third, which selection never sees. */
enum task_part { PART_TRAINING, PART_VALIDATION, PART_TEST, TASK_PARTS };

#endif

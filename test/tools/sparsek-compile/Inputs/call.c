/* Calls what sparsek-compile has made of cpu.mlir. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADS 2
#define KEYS 40
#define SIZE 16

static float q[HEADS * KEYS * SIZE], k[KEYS * SIZE], v[KEYS * SIZE], u[KEYS];

static sparsek_f32_4d array(float *data, int64_t heads) {
  sparsek_f32_4d result = {
      data, data, 0, {1, heads, KEYS, SIZE}, {heads * KEYS * SIZE, KEYS * SIZE, SIZE, 1}};
  return result;
}

int main(int argc, char **argv) {
  for (int i = 0; i < KEYS * SIZE; ++i)
    v[i] = 3;
  for (int i = 0; i < KEYS; ++i)
    u[i] = i % 7;
  sparsek_f32_4d queries = array(q, HEADS), keys = array(k, 1), values = array(v, 1);
  sparsek_f32_3d scores = {u, u, 0, {1, 1, KEYS}, {KEYS, KEYS, 1}};
  /* One key less than queries is refused when it runs. */
  if (argc > 1)
    keys.sizes[2] = values.sizes[2] = scores.sizes[2] = KEYS - 1;
  attend_results results;
  _mlir_ciface_attend(&results, &queries, &keys, &values, &scores, 2.0f);
  const float *o = results.result0.aligned + results.result0.offset;
  float least = o[0], most = o[0];
  for (int i = 0; i < HEADS * KEYS * SIZE; ++i) {
    least = o[i] < least ? o[i] : least;
    most = o[i] > most ? o[i] : most;
  }
  /* Without gates an output is a mean of values, which are all the same. */
  printf("sizes %d %d, from %.4f to %.4f, scalar %.1f\n", (int)results.result0.sizes[1],
         (int)results.result0.sizes[2], least, most, results.result1);
  printf("once more %.1f\n", _mlir_ciface_twice(1.5f));
  free(results.result0.allocated);
  return 0;
}

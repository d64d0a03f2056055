/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Launches an attention kernel from C, on a stream of its own.
 *
 *   sparsek-opt attention.mlir --sparsek-nvvm-pipeline=host=false -o kernels.mlir
 *   sparsek-translate kernels.mlir --emit=object --name=attend -o attend.o
 *   sparsek-translate kernels.mlir --emit=header --name=attend -o attend.h
 *   cc attention.c attend.o -I. -I$PREFIX/include -L$PREFIX/lib -lSparsekRuntime -lcuda -o attention
 *
 * All values are ones and nothing is selected, so that every output is 1. */

#include "attend.h"

#include <stdio.h>
#include <stdlib.h>

/* What a program with CUDA's headers has from cuda.h. */
int cuInit(unsigned flags);
int cuDevicePrimaryCtxRetain(void **context, int device);
int cuCtxPushCurrent_v2(void *context);
int cuStreamCreate(void **stream, unsigned flags);
int cuStreamSynchronize(void *stream);
int cuMemAlloc_v2(uint64_t *address, size_t bytes);
int cuMemFree_v2(uint64_t address);
int cuMemcpyAsync(uint64_t to, uint64_t from, size_t bytes, void *stream);

enum { kBatch = 2, kHeads = 4, kKeys = 1000, kSize = 64, kMostArrays = 10 };

static uint64_t memory[kMostArrays];
static int numArrays;

static void check(int failed, const char *what, const char *reason) {
  if (!failed)
    return;
  fprintf(stderr, "%s: %s\n", what, reason);
  exit(1);
}

/* A row-major array [kBatch, heads, kKeys] or [kBatch, heads, kKeys, size],
 * every two bytes of it filled with `pattern`. */
static SparsekDeviceArray makeArray(SparsekDtype dtype, int64_t heads,
                                    int64_t size, uint16_t pattern,
                                    void *stream) {
  SparsekDeviceArray array = {0};
  array.dtype = dtype;
  array.rank = size ? 4 : 3;
  int64_t shape[4] = {kBatch, heads, kKeys, size};
  int64_t stride = 1;
  for (int i = array.rank - 1; i >= 0; --i) {
    array.shape[i] = shape[i];
    array.strides[i] = stride;
    stride *= shape[i];
  }
  size_t bytes = (size_t)stride * (dtype == SPARSEK_BF16 ? 2 : 4);
  uint16_t *values = malloc(bytes);
  check(!values, "malloc", "out of memory");
  for (size_t i = 0; i < bytes / 2; ++i)
    values[i] = pattern;
  check(cuMemAlloc_v2(&array.data, bytes), "cuMemAlloc", "failed");
  check(cuMemcpyAsync(array.data, (uintptr_t)values, bytes, stream),
        "cuMemcpyAsync", "failed");
  check(cuStreamSynchronize(stream), "cuStreamSynchronize", "failed");
  free(values);
  memory[numArrays++] = array.data;
  return array;
}

int main(void) {
  void *context, *stream;
  check(cuInit(0), "cuInit", "no GPU");
  check(cuDevicePrimaryCtxRetain(&context, 0), "cuDevicePrimaryCtxRetain",
        "failed");
  check(cuCtxPushCurrent_v2(context), "cuCtxPushCurrent", "failed");
  check(cuStreamCreate(&stream, 1), "cuStreamCreate", "failed");

  const uint16_t one = 0x3f80; /* in bf16 */
  SparsekAttentionArguments arguments = {0};
  arguments.q = makeArray(SPARSEK_BF16, kHeads, kSize, one, stream);
  arguments.k = makeArray(SPARSEK_BF16, 1, kSize, one, stream);
  arguments.v = makeArray(SPARSEK_BF16, 1, kSize, one, stream);
  arguments.scores = makeArray(SPARSEK_F32, 1, 0, 0, stream);
  arguments.tau = makeArray(SPARSEK_F32, 1, 0, 0, stream);
  arguments.expiry = makeArray(SPARSEK_I32, 1, 0, 0, stream);
  arguments.o = makeArray(SPARSEK_BF16, kHeads, kSize, 0, stream);
  arguments.lse = makeArray(SPARSEK_F32, kHeads, 0, 0, stream);
  arguments.topk = 64;
  arguments.window = 64;

  size_t bytes;
  uint64_t workspace;
  check(attend_prepare(0), "attend_prepare", sparsekLastError());
  check(attend_workspace(&arguments, &bytes), "attend_workspace",
        sparsekLastError());
  check(cuMemAlloc_v2(&workspace, bytes), "cuMemAlloc", "failed");
  /* From here on nothing is allocated and nothing waits. */
  check(attend_launch(&arguments, workspace, bytes, 0, stream), "attend_launch",
        sparsekLastError());

  uint16_t o = 0;
  check(cuMemcpyAsync((uintptr_t)&o, arguments.o.data, sizeof(o), stream),
        "cuMemcpyAsync", "failed");
  check(cuStreamSynchronize(stream), "cuStreamSynchronize", "failed");
  printf("workspace of %zu bytes; o[0] is %s\n", bytes,
         o == one ? "1, as it must be" : "not 1");

  attend_release();
  check(cuMemFree_v2(workspace), "cuMemFree", "failed");
  for (int i = 0; i < numArrays; ++i)
    check(cuMemFree_v2(memory[i]), "cuMemFree", "failed");
  return o != one;
}

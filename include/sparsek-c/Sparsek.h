/*===- Sparsek.h - C API of sparsek -------------------------------*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

/* Parse IR text, run pass pipelines, compile for the host and call the result.
 *
 *   SparsekModule *module = sparsekParse(text, strlen(text), "layer.mlir", 0);
 *   SparsekEngine *engine = sparsekCompile(module, NULL);
 *   SparsekArray q = {data, SPARSEK_F32, 4, shape, NULL}, arguments[] = {q, ...};
 *   SparsekResults *results = sparsekCall(engine, "attention", arguments, 4);
 *   const SparsekArray *o = sparsekResultArray(results, 0);
 *   ...
 *   sparsekReleaseResults(results);
 *   sparsekReleaseEngine(engine);
 *   sparsekReleaseModule(module);
 *
 * Every function that can fail returns NULL or a nonzero status and leaves a
 * text for `sparsekLastError`. A module belongs to one thread at a time. An
 * engine may be called from several threads at once and outlives its module.
 */

#ifndef SPARSEK_C_SPARSEK_H
#define SPARSEK_C_SPARSEK_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SPARSEK_API __attribute__((visibility("default")))
#else
#define SPARSEK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a function or struct below changes; see `sparsekApiVersion`. */
#define SPARSEK_API_VERSION 2

/* A size that is only known when the function is called. */
#define SPARSEK_DYNAMIC ((int64_t)-1)

typedef struct SparsekModule SparsekModule;
typedef struct SparsekEngine SparsekEngine;
typedef struct SparsekResults SparsekResults;

/* Element types of arrays. Booleans and 8-bit integers take one byte each;
 * `index` is 64 bits wide. */
typedef enum SparsekDtype {
  SPARSEK_F32 = 0,
  SPARSEK_F16 = 1,
  SPARSEK_BF16 = 2,
  SPARSEK_F64 = 3,
  SPARSEK_BOOL = 4,
  SPARSEK_I8 = 5,
  SPARSEK_I16 = 6,
  SPARSEK_I32 = 7,
  SPARSEK_I64 = 8
} SparsekDtype;

/* The type of an argument or a result. Scalars have rank 0, as do arrays
 * without dimensions; both are passed as an array of one element. */
typedef struct SparsekType {
  const char *name; /* of an argument in the text, without '%'; "" if unknown */
  SparsekDtype dtype;
  int32_t rank;
  const int64_t *shape; /* rank sizes, SPARSEK_DYNAMIC where unknown */
} SparsekType;

/* What a function of a compiled module takes and gives. */
typedef struct SparsekSignature {
  size_t numArguments;
  const SparsekType *arguments;
  size_t numResults;
  const SparsekType *results;
} SparsekSignature;

/* An array in memory. `strides` counts elements and may be NULL for row-major
 * order without gaps. Arguments must be in that order: sparsekCall refuses
 * other strides and says so. */
typedef struct SparsekArray {
  void *data;
  SparsekDtype dtype;
  int32_t rank;
  const int64_t *shape;
  const int64_t *strides;
} SparsekArray;

/* How to compile; start from `sparsekDefaultCompileOptions`. */
typedef struct SparsekCompileOptions {
  /* The pass pipeline from the module's IR to the LLVM dialect, in the syntax
   * of sparsek-opt's --pass-pipeline without the `builtin.module(...)` around
   * it. Default "sparsek-cpu-pipeline"; "" is for IR that is there already. */
  const char *pipeline;
  /* The processor to compile for, as LLVM calls it. Default NULL: this one. */
  const char *cpu;
  /* How hard LLVM optimises, 0 to 3. Default 3. */
  int32_t optLevel;
  /* Threads of a parallel loop. Default 0: OMP_NUM_THREADS, or one per
   * processor. */
  int32_t threads;
  /* The GPU of functions that run on one, in the driver's order. Default 0. */
  int32_t device;
} SparsekCompileOptions;

/* Called with pieces of text, none of them zero-terminated. */
typedef void (*SparsekTextCallback)(const char *text, size_t length,
                                    void *userData);

/* "0.1.0 (LLVM 22.1.8)": of the library. */
SPARSEK_API const char *sparsekVersion(void);

/* SPARSEK_API_VERSION of the library. */
SPARSEK_API int32_t sparsekApiVersion(void);

/* What went wrong in the last failing call of this thread: one diagnostic per
 * line, with `file:line:column:` where that is known and followed by its notes.
 * Valid until the next call of the thread; "" before the first failure. */
SPARSEK_API const char *sparsekLastError(void);

/* Parses and verifies a module. `length` bytes at `text` need no terminator;
 * `filename` is what diagnostics call it. With `allowUnregistered` operations
 * of unknown dialects in generic form are kept, and the module is verified when
 * it is first used: not before a pipeline that begins with `sparsek-import`,
 * which verifies what it has read. NULL on failure. */
SPARSEK_API SparsekModule *sparsekParse(const char *text, size_t length,
                                        const char *filename,
                                        int32_t allowUnregistered);

/* Runs a pipeline on the module, in the syntax of `SparsekCompileOptions`.
 * Nonzero on failure, which may leave the module half transformed. */
SPARSEK_API int32_t sparsekRunPipeline(SparsekModule *module,
                                       const char *pipeline);

/* Gives the text of the module, in generic form if `generic`. */
SPARSEK_API void sparsekPrint(const SparsekModule *module, int32_t generic,
                              SparsekTextCallback callback, void *userData);

SPARSEK_API void sparsekReleaseModule(SparsekModule *module);

SPARSEK_API SparsekCompileOptions sparsekDefaultCompileOptions(void);

/* Compiles the module for the host; the module itself stays as it is. Every
 * public function whose arguments and results are ranked tensors or scalars of
 * the types above becomes an entry. `options` may be NULL for the
 * defaults. NULL on failure. */
SPARSEK_API SparsekEngine *
sparsekCompile(const SparsekModule *module,
               const SparsekCompileOptions *options);

/* The entries, in the order of the text. */
SPARSEK_API size_t sparsekNumEntries(const SparsekEngine *engine);
SPARSEK_API const char *sparsekEntryName(const SparsekEngine *engine,
                                         size_t index);

/* Lives as long as the engine; NULL for a name that is no entry. */
SPARSEK_API const SparsekSignature *
sparsekEntrySignature(const SparsekEngine *engine, const char *entry);

/* Calls an entry. Count, types and known sizes of the arguments are checked, and
 * so are the checks that the compiled code makes itself. NULL on failure. The
 * arguments are only read, and the results share no memory with them. */
SPARSEK_API SparsekResults *sparsekCall(const SparsekEngine *engine,
                                        const char *entry,
                                        const SparsekArray *arguments,
                                        size_t numArguments);

/* Result number `index`; its memory belongs to `results`. */
SPARSEK_API const SparsekArray *
sparsekResultArray(const SparsekResults *results, size_t index);

SPARSEK_API void sparsekReleaseResults(SparsekResults *results);

SPARSEK_API void sparsekReleaseEngine(SparsekEngine *engine);

#ifdef __cplusplus
}
#endif

#endif /* SPARSEK_C_SPARSEK_H */

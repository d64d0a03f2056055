/*===- CUDA.h - C API for kernels on NVIDIA GPUs ------------------*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

/* Compile gathered attention, the selection and scores for a GPU and launch
 * them.
 *
 *   SparsekAttentionConfig config = sparsekDefaultAttentionConfig();
 *   config.group = 4; config.chip = sparsekDeviceChip(0); ...
 *   SparsekKernel *kernel = sparsekAttentionKernel(&config);
 *   SparsekAttentionArguments arguments = {...};
 *   size_t size;
 *   sparsekAttentionWorkspace(kernel, &arguments, &size);
 *   sparsekLaunchAttention(kernel, &arguments, workspace, size, 0, stream);
 *   sparsekReleaseKernel(kernel);
 *
 * For the selection the same with sparsekSelectionKernel,
 * sparsekSelectionWorkspace and sparsekLaunchSelection, and for scores with
 * sparsekScoreKernel, sparsekScoreWorkspace and sparsekLaunchScore. A kernel of
 * one is an error for the functions of the others.
 *
 * Compiling needs no GPU. Launching needs the NVIDIA driver (libcuda.so.1, or
 * the file that the environment variable SPARSEK_LIBCUDA names) and nothing
 * else of CUDA. Errors are reported as in Sparsek.h. All functions may be
 * called from several threads at once, also with the same kernel.
 */

#ifndef SPARSEK_C_CUDA_H
#define SPARSEK_C_CUDA_H

#include "sparsek-c/Sparsek.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Machine code or PTX with the record that says how to launch it. */
typedef struct SparsekKernel SparsekKernel;

/* The compiled-in part of gathered attention. Everything else (batch, lengths,
 * topk, window, scale, strides) is an argument of the launch. */
typedef struct SparsekAttentionConfig {
  SparsekDtype dtype;  /* of q, k, v and o: SPARSEK_BF16 or SPARSEK_F16 */
  int32_t headDim;     /* D, the last size of q and k */
  int32_t valueDim;    /* Dv, the last size of v and o */
  int32_t group;       /* query heads per KV head */
  const char *gate;    /* "key_value", "value", "none", "straight_through" */
  int32_t sink;        /* nonzero: takes `sink` */
  int32_t packed;      /* nonzero: takes `cuSeqlens` */
  const char *chip;    /* "sm_90a", "sm_80", ... */
  const char *format;  /* "ptx", or "cubin", which needs ptxas */
  const char *options; /* further options of sparsek-nvvm-pipeline, or "" */
} SparsekAttentionConfig;

/* An array in device memory. Strides count elements. Rank 0 stands for an
 * argument that is not given. */
typedef struct SparsekDeviceArray {
  uint64_t data; /* device address */
  SparsekDtype dtype;
  int32_t rank;
  int64_t shape[4];
  int64_t strides[4];
} SparsekDeviceArray;

/* The arguments of one launch. B batch, Hq and Hkv heads (Hq = group * Hkv), Hs
 * score heads (1 or Hkv), N keys, M <= N queries: the last M positions. In
 * every array the last dimension is contiguous. Rows of q, k, v and o begin at
 * multiples of 16 bytes. */
typedef struct SparsekAttentionArguments {
  SparsekDeviceArray q;         /* [B, Hq, M, D] */
  SparsekDeviceArray k;         /* [B, Hkv, N, D] */
  SparsekDeviceArray v;         /* [B, Hkv, N, Dv] */
  SparsekDeviceArray scores;    /* f32 [B, Hs, N]; may be left out, gate none */
  SparsekDeviceArray tau;       /* f32 [B, Hs, N]; may be left out, gate none */
  SparsekDeviceArray expiry;    /* i32 [B, Hs, N] */
  SparsekDeviceArray sink;      /* f32 [Hq], if compiled in */
  SparsekDeviceArray cuSeqlens; /* i32 [S + 1], if compiled in: B = 1, M = N */
  SparsekDeviceArray o;         /* [B, Hq, M, Dv], written */
  SparsekDeviceArray lse;       /* f32 [B, Hq, M], written */
  int64_t topk;                 /* those that tau and expiry were made with */
  int64_t window;
  double scale; /* of the logits; 0 stands for 1/sqrt(D) */
} SparsekAttentionArguments;

/* The compiled-in part of the selection. */
typedef struct SparsekSelectionConfig {
  int32_t packed;   /* nonzero: takes `cuSeqlens` */
  const char *chip; /* as for attention */
  const char *format;
  const char *options;
} SparsekSelectionConfig;

/* The arguments of one selection: scores of B batches and Hs heads for N keys,
 * at most 2^20; B * Hs is at most 65535. In every array the last dimension is
 * contiguous. */
typedef struct SparsekSelectionArguments {
  SparsekDeviceArray scores;    /* f32 [B, Hs, N] */
  SparsekDeviceArray cuSeqlens; /* i32 [S + 1], if compiled in: B = 1 */
  SparsekDeviceArray tau;       /* f32 [B, Hs, N], written: thresholds */
  SparsekDeviceArray expiry;    /* i32 [B, Hs, N], written: lives of keys */
  SparsekDeviceArray interior;  /* i32 [B, Hs, N], written: keys whose gate is
                                   between 0 and 1; may be left out */
  int64_t topk;
  int64_t window;
} SparsekSelectionArguments;

/* The compiled-in part of scores. */
typedef struct SparsekScoreConfig {
  SparsekDtype dtype;       /* of x: SPARSEK_BF16 or SPARSEK_F16 */
  SparsekDtype weightDtype; /* the same, or SPARSEK_F32 */
  int32_t features;         /* C, a multiple of 8 */
  int32_t scoreHeads;       /* Hs, at most 64 */
  const char *norm;         /* "none", "timestep" */
  int32_t statistics;       /* nonzero: takes `statistics`; norm timestep */
  int32_t carry;            /* nonzero: writes `carried`; norm timestep */
  const char *chip;         /* as for attention */
  const char *format;
  const char *options;
} SparsekScoreConfig;

/* The arguments of scores of B batches of N positions. The last dimension of
 * every array but the weights is contiguous; rows of x begin at multiples of 16
 * bytes. With norm timestep B * Hs is at most 65535. Statistics are count, mean
 * and sum of squared deviations; for N = 0 `carried` becomes `statistics`, or
 * zeros. */
typedef struct SparsekScoreArguments {
  SparsekDeviceArray x;          /* [B, N, C] */
  SparsekDeviceArray weight;     /* [C, Hs], any strides */
  SparsekDeviceArray statistics; /* f64 [B, Hs, 3], if compiled in */
  SparsekDeviceArray scores;     /* f32 [B, Hs, N], written */
  SparsekDeviceArray carried;    /* f64 [B, Hs, 3], written, if compiled in */
  int64_t offset;                /* position of the first row, 0 or more */
  double slope;                  /* factor of positions */
} SparsekScoreArguments;

/* bf16, D = Dv = 128, one query head per KV head, gate key_value, for sm_90a as
 * PTX. */
SPARSEK_API SparsekAttentionConfig sparsekDefaultAttentionConfig(void);

/* The kernel of a configuration: from the cache on disk, or compiled now and
 * put there. The cache is the folder that SPARSEK_CACHE_DIR names, by default
 * $XDG_CACHE_HOME/sparsek or ~/.cache/sparsek; with SPARSEK_CACHE_DIR set to
 * nothing there is none. It holds at most SPARSEK_CACHE_SIZE MiB, by default
 * 256, and forgets what was not used for the longest time. NULL on failure. */
SPARSEK_API SparsekKernel *
sparsekAttentionKernel(const SparsekAttentionConfig *config);

/* Without packing, for sm_90a as PTX. */
SPARSEK_API SparsekSelectionConfig sparsekDefaultSelectionConfig(void);

/* The same for the selection. */
SPARSEK_API SparsekKernel *
sparsekSelectionKernel(const SparsekSelectionConfig *config);

/* bf16, C = 4096, one score head, norm none, for sm_90a as PTX. */
SPARSEK_API SparsekScoreConfig sparsekDefaultScoreConfig(void);

/* The same for scores. */
SPARSEK_API SparsekKernel *sparsekScoreKernel(const SparsekScoreConfig *config);

/* The kernel in a module that a GPU pipeline has lowered: the one `gpu.binary`
 * with a dictionary `sparsek.launch_record`. NULL on failure. */
SPARSEK_API SparsekKernel *sparsekKernelFromModule(const SparsekModule *module);

/* A kernel from its parts, which are copied: PTX text or a cubin, and the
 * launch record in JSON. NULL on failure. */
SPARSEK_API SparsekKernel *sparsekCreateKernel(const void *image,
                                               size_t imageSize,
                                               const char *record,
                                               size_t recordSize);

/* The parts, valid as long as the kernel. */
SPARSEK_API const void *sparsekKernelImage(const SparsekKernel *kernel,
                                           size_t *size);
SPARSEK_API const char *sparsekKernelRecord(const SparsekKernel *kernel,
                                            size_t *size);

/* Why the cache on disk could not be used for this kernel; "" where it could,
 * or was not asked. */
SPARSEK_API const char *sparsekKernelCacheProblem(const SparsekKernel *kernel);

/* Unloads the kernel everywhere. No launch may be running. */
SPARSEK_API void sparsekReleaseKernel(SparsekKernel *kernel);

/* The chip to compile for to run on a device ("sm_90a", "sm_80", ...); devices
 * are numbered as by the CUDA runtime. NULL on failure. */
SPARSEK_API const char *sparsekDeviceChip(int32_t device);

/* Loads the kernel on a device, which the first launch there does otherwise. */
SPARSEK_API int32_t sparsekPrepareKernel(SparsekKernel *kernel, int32_t device);

/* The bytes of workspace that a launch with these arguments needs. Addresses
 * are not looked at. */
SPARSEK_API int32_t sparsekAttentionWorkspace(
    const SparsekKernel *kernel, const SparsekAttentionArguments *arguments,
    size_t *size);

/* Launches on `stream` (a CUstream or cudaStream_t; NULL is the default stream)
 * of the primary context of `device`; with device -1, of the stream's own
 * context, or the current one for a default stream. Such a context has to
 * outlive the kernel.
 * `workspace` is a device address aligned to 256 bytes; its memory is free
 * again when what was launched has ended. Nothing is allocated and nothing
 * waited for: the call may be captured into a CUDA graph. The contents of the
 * arrays are not checked; whatever cuSeqlens holds, a selection stays in its
 * arrays and ends. */
SPARSEK_API int32_t sparsekLaunchAttention(
    SparsekKernel *kernel, const SparsekAttentionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream);

/* The same for the selection. */
SPARSEK_API int32_t sparsekSelectionWorkspace(
    const SparsekKernel *kernel, const SparsekSelectionArguments *arguments,
    size_t *size);
SPARSEK_API int32_t sparsekLaunchSelection(
    SparsekKernel *kernel, const SparsekSelectionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream);

/* The same for scores. */
SPARSEK_API int32_t
sparsekScoreWorkspace(const SparsekKernel *kernel,
                      const SparsekScoreArguments *arguments, size_t *size);
SPARSEK_API int32_t sparsekLaunchScore(SparsekKernel *kernel,
                                       const SparsekScoreArguments *arguments,
                                       uint64_t workspace, size_t workspaceSize,
                                       int32_t device, void *stream);

/* A kernel in the data of a program: what `sparsek-translate` puts into object
 * files. `kernel` begins as NULL; the first use makes it. */
typedef struct SparsekEmbeddedKernel {
  const void *image; /* PTX text that ends in a null, or a cubin */
  size_t imageSize;  /* without the null */
  const char *record;
  size_t recordSize;
  void *kernel;
} SparsekEmbeddedKernel;

/* As the functions above without Embedded in their names. */
SPARSEK_API int32_t sparsekPrepareEmbeddedKernel(SparsekEmbeddedKernel *kernel,
                                                 int32_t device);
SPARSEK_API int32_t sparsekEmbeddedAttentionWorkspace(
    SparsekEmbeddedKernel *kernel, const SparsekAttentionArguments *arguments,
    size_t *size);
SPARSEK_API int32_t sparsekLaunchEmbeddedAttention(
    SparsekEmbeddedKernel *kernel, const SparsekAttentionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream);
SPARSEK_API int32_t sparsekEmbeddedSelectionWorkspace(
    SparsekEmbeddedKernel *kernel, const SparsekSelectionArguments *arguments,
    size_t *size);
SPARSEK_API int32_t sparsekLaunchEmbeddedSelection(
    SparsekEmbeddedKernel *kernel, const SparsekSelectionArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream);
SPARSEK_API int32_t sparsekEmbeddedScoreWorkspace(
    SparsekEmbeddedKernel *kernel, const SparsekScoreArguments *arguments,
    size_t *size);
SPARSEK_API int32_t sparsekLaunchEmbeddedScore(
    SparsekEmbeddedKernel *kernel, const SparsekScoreArguments *arguments,
    uint64_t workspace, size_t workspaceSize, int32_t device, void *stream);
SPARSEK_API void sparsekReleaseEmbeddedKernel(SparsekEmbeddedKernel *kernel);

#ifdef __cplusplus
}
#endif

#endif /* SPARSEK_C_CUDA_H */

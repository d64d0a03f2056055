/*===- FakeCUDA.h - A CUDA driver that only writes down calls -----*- C -*-===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

/* Built as libFakeCUDA.so, which tests name in SPARSEK_LIBCUDA. Beside the
 * entry points of the driver it has these, by which a test sets the scene and
 * reads what happened. */

#ifndef SPARSEK_UNITTESTS_CUDARUNTIME_FAKECUDA_H
#define SPARSEK_UNITTESTS_CUDARUNTIME_FAKECUDA_H

#ifdef __cplusplus
extern "C" {
#endif

/* Two devices of compute capability 9.0 with 132 multiprocessors and 232448
 * bytes of shared memory, no current context, an empty log. */
void fakeReset(void);

/* What the devices are. */
void fakeSetDevices(int count, int major, int minor, int sharedBytes);

/* The given entry point returns `code` from its next call on. */
void fakeFail(const char *call, int code);

/* A stream of this thread is being captured: what is not allowed then fails. */
void fakeSetCapturing(int capturing);

/* The primary context of a device, and another context of it. */
void *fakePrimaryContext(int device);
void *fakeOtherContext(int device);

/* A stream of the other context of a device. */
void *fakeStream(int device);

void fakeSetCurrent(void *context);
void *fakeGetCurrent(void);

/* Memory of the devices is memory of the process. The allocation around an
 * address: its begin and size; 0 where there is none. */
int fakeFindAllocation(unsigned long long address, unsigned long long *begin,
                       unsigned long long *size);
int fakeCountAllocations(void);

/* Called for every launch, with the PTX of the module and the parameters by
 * their addresses and sizes; NULL for none. */
typedef void (*FakeLaunchHook)(const char *kernel, const char *text,
                               const unsigned *grid, const unsigned *block,
                               unsigned sharedBytes, int numParameters,
                               const int *sizes, void **parameters);
void fakeSetLaunchHook(FakeLaunchHook hook);

/* How many launches were programmatic dependents. */
int fakeCountDependents(void);

/* One line per call: its name, then what matters of its arguments. A launch
 * shows its parameters in hexadecimal, each with as many digits as it has
 * bytes, by the declaration in the PTX. When the process ends the log goes to
 * the file that FAKE_CUDA_LOG names, if any. */
const char *fakeGetLog(void);
void fakeClearLog(void);

#ifdef __cplusplus
}
#endif

#endif /* SPARSEK_UNITTESTS_CUDARUNTIME_FAKECUDA_H */

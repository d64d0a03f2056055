/*===- FakeCUDA.c - A CUDA driver that only writes down calls -------------===*\
|*                                                                            *|
|* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception                    *|
|*                                                                            *|
\*===----------------------------------------------------------------------===*/

#include "FakeCUDA.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  kMaxDevices = 8,
  kMaxParameters = 512,
  kMaxAllocations = 1024,
  kMaxStack = 16,
  /* Codes of the driver. */
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kInvalidContext = 201,
  kInvalidPTX = 218,
  kNotFound = 500,
  kCaptureUnsupported = 900,
};

typedef struct {
  int device;
  int isPrimary;
} Context;

typedef struct {
  Context *context;
  char *text;
  int isLoaded;
} Module;

typedef struct {
  Module *module;
  char name[64];
  int numParameters;
  int sizes[kMaxParameters];
} Function;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *logText;
static size_t logSize, logCapacity;
static int numDevices, computeMajor, computeMinor, maxShared;
static Context contexts[2][kMaxDevices];
static char failingCall[64];
static int failure;
static struct {
  uint64_t begin;
  size_t size;
} allocations[kMaxAllocations];
static int numAllocations;
static FakeLaunchHook launchHook;
static __thread Context *stack[kMaxStack];
static __thread int depth;
static __thread int isCapturing;
static __thread int captureMode; /* 0 global, 1 thread-local, 2 relaxed */

/*===----------------------------------------------------------------------===*\
|* What tests call                                                            *|
\*===----------------------------------------------------------------------===*/

void fakeClearLog(void) {
  pthread_mutex_lock(&mutex);
  logSize = 0;
  if (logText)
    logText[0] = 0;
  pthread_mutex_unlock(&mutex);
}

void fakeSetDevices(int count, int major, int minor, int sharedBytes) {
  numDevices = count;
  computeMajor = major;
  computeMinor = minor;
  maxShared = sharedBytes;
}

static int numDependents;

__attribute__((constructor)) void fakeReset(void) {
  for (int i = 0; i < kMaxDevices; ++i) {
    contexts[0][i] = (Context){i, 1};
    contexts[1][i] = (Context){i, 0};
  }
  fakeSetDevices(2, 9, 0, 232448);
  failingCall[0] = 0;
  launchHook = NULL;
  depth = isCapturing = captureMode = numDependents = 0;
  fakeClearLog();
}

void fakeFail(const char *call, int code) {
  snprintf(failingCall, sizeof(failingCall), "%s", call);
  failure = code;
}

void fakeSetCapturing(int capturing) { isCapturing = capturing; }
void *fakePrimaryContext(int device) { return &contexts[0][device]; }
void *fakeOtherContext(int device) { return &contexts[1][device]; }
void *fakeStream(int device) { return &contexts[1][device].isPrimary; }
void *fakeGetCurrent(void) { return depth ? stack[depth - 1] : NULL; }

static int findAllocation(uint64_t address) {
  for (int i = 0; i < numAllocations; ++i)
    if (address - allocations[i].begin < allocations[i].size)
      return i;
  return -1;
}

int fakeFindAllocation(unsigned long long address, unsigned long long *begin,
                       unsigned long long *size) {
  pthread_mutex_lock(&mutex);
  int i = findAllocation(address);
  if (i >= 0) {
    *begin = allocations[i].begin;
    *size = allocations[i].size;
  }
  pthread_mutex_unlock(&mutex);
  return i >= 0;
}

int fakeCountAllocations(void) { return numAllocations; }
void fakeSetLaunchHook(FakeLaunchHook hook) { launchHook = hook; }

void fakeSetCurrent(void *context) {
  depth = context != NULL;
  stack[0] = context;
}

__attribute__((destructor)) static void writeLog(void) {
  const char *path = getenv("FAKE_CUDA_LOG");
  FILE *file = path && *path ? fopen(path, "w") : NULL;
  if (!file)
    return;
  fputs(fakeGetLog(), file);
  fclose(file);
}

const char *fakeGetLog(void) { return logText ? logText : ""; }

/*===----------------------------------------------------------------------===*\
|* The log                                                                    *|
\*===----------------------------------------------------------------------===*/

static void append(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  if (logSize + length + 1 > logCapacity) {
    logCapacity = 2 * (logSize + length + 1);
    logText = realloc(logText, logCapacity);
  }
  memcpy(logText + logSize, text, length + 1);
  logSize += length;
}

/* Writes the call down; its code where it has to fail. */
static int record(const char *call, const char *format, ...) {
  char text[192];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  pthread_mutex_lock(&mutex);
  append("%s%s%s\n", call, *text ? " " : "", text);
  pthread_mutex_unlock(&mutex);
  return strcmp(call, failingCall) == 0 ? failure : 0;
}

#define RECORD(...)                                                            \
  do {                                                                         \
    int code = record(__func__, __VA_ARGS__);                                  \
    if (code)                                                                  \
      return code;                                                             \
  } while (0)

/*===----------------------------------------------------------------------===*\
|* The driver                                                                 *|
\*===----------------------------------------------------------------------===*/

int cuInit(unsigned flags) {
  RECORD("%u", flags);
  return 0;
}

int cuGetErrorName(int error, const char **text) {
  *text = error == kInvalidContext ? "CUDA_ERROR_INVALID_CONTEXT"
          : error == kOutOfMemory  ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == kInvalidPTX   ? "CUDA_ERROR_INVALID_PTX"
          : error == kNotFound     ? "CUDA_ERROR_NOT_FOUND"
          : error == kCaptureUnsupported
              ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
          : error == kInvalidValue ? "CUDA_ERROR_INVALID_VALUE"
                                   : NULL;
  return *text ? 0 : kInvalidValue;
}

int cuGetErrorString(int error, const char **text) {
  const char *name;
  *text = cuGetErrorName(error, &name) == 0 ? "text of the code" : NULL;
  return *text ? 0 : kInvalidValue;
}

int cuDeviceGetCount(int *count) {
  RECORD("");
  *count = numDevices;
  return 0;
}

int cuDeviceGetName(char *name, int size, int device) {
  RECORD("%d", device);
  snprintf(name, size, "Fake %d", device);
  return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  RECORD("%d %d", attribute, device);
  switch (attribute) {
  case 16:
    *value = 132;
    return 0;
  case 75:
    *value = computeMajor;
    return 0;
  case 76:
    *value = computeMinor;
    return 0;
  case 97:
    *value = maxShared;
    return 0;
  }
  return kInvalidValue;
}

int cuDevicePrimaryCtxRetain(Context **context, int device) {
  RECORD("%d", device);
  *context = &contexts[0][device];
  return 0;
}

int cuCtxGetCurrent(Context **context) {
  RECORD("");
  *context = fakeGetCurrent();
  return 0;
}

int cuCtxGetDevice(int *device) {
  RECORD("");
  if (!depth)
    return kInvalidContext;
  *device = stack[depth - 1]->device;
  return 0;
}

int cuCtxPushCurrent_v2(Context *context) {
  RECORD("%d", context->device);
  if (depth == kMaxStack)
    return kInvalidContext;
  stack[depth++] = context;
  return 0;
}

int cuCtxPopCurrent_v2(Context **context) {
  RECORD("");
  if (!depth)
    return kInvalidContext;
  *context = stack[--depth];
  return 0;
}

int cuStreamCreate(void **stream, unsigned flags) {
  RECORD("%u", flags);
  if (!depth)
    return kInvalidContext;
  *stream = malloc(1);
  return 0;
}

int cuStreamDestroy_v2(void *stream) {
  RECORD("");
  free(stream);
  return 0;
}

int cuStreamSynchronize(void *stream) {
  (void)stream;
  RECORD("");
  return 0;
}

int cuMemAlloc_v2(uint64_t *address, size_t size) {
  RECORD("%zu", size);
  if (!depth)
    return kInvalidContext;
  if (!size)
    return kInvalidValue;
  pthread_mutex_lock(&mutex);
  void *memory = numAllocations < kMaxAllocations
                     ? aligned_alloc(256, (size + 255) / 256 * 256)
                     : NULL;
  if (memory) {
    memset(memory, 0xff, size); /* Not what malloc happens to give. */
    *address = (uintptr_t)memory;
    allocations[numAllocations].begin = *address;
    allocations[numAllocations++].size = size;
  }
  pthread_mutex_unlock(&mutex);
  return memory ? 0 : kOutOfMemory;
}

int cuMemFree_v2(uint64_t address) {
  RECORD("");
  pthread_mutex_lock(&mutex);
  int i = findAllocation(address);
  int isBegin = i >= 0 && allocations[i].begin == address;
  if (isBegin)
    allocations[i] = allocations[--numAllocations];
  pthread_mutex_unlock(&mutex);
  if (!isBegin)
    return kInvalidValue;
  free((void *)(uintptr_t)address);
  return 0;
}

int cuMemsetD8Async(uint64_t to, unsigned char value, size_t size,
                    void *stream) {
  (void)stream;
  RECORD("%zu", size);
  memset((void *)(uintptr_t)to, value, size);
  return 0;
}

int cuMemcpyAsync(uint64_t to, uint64_t from, size_t size, void *stream) {
  (void)stream;
  RECORD("%zu", size);
  memmove((void *)(uintptr_t)to, (const void *)(uintptr_t)from, size);
  return 0;
}

int cuStreamGetCtx(int *stream, Context **context) {
  RECORD("");
  for (int i = 0; i < kMaxDevices; ++i)
    if (stream == fakeStream(i)) {
      *context = &contexts[1][i];
      return 0;
    }
  return kInvalidContext;
}

int cuThreadExchangeStreamCaptureMode(int *mode) {
  RECORD("%d", *mode);
  int old = captureMode;
  captureMode = *mode;
  *mode = old;
  return 0;
}

int cuModuleLoadDataEx(Module **result, const void *image, unsigned numOptions,
                       int *options, void **values) {
  RECORD("%zu bytes", strlen(image));
  if (!depth)
    return kInvalidContext;
  if (isCapturing && captureMode != 2)
    return kCaptureUnsupported;
  if (strstr(image, "syntax error")) {
    size_t size = 0;
    char *buffer = NULL;
    for (unsigned i = 0; i < numOptions; ++i) {
      if (options[i] == 5)
        buffer = values[i];
      if (options[i] == 6)
        size = (uintptr_t)values[i];
    }
    if (buffer)
      snprintf(buffer, size, "ptxas: line 3; syntax error\n");
    return kInvalidPTX;
  }
  Module *module = malloc(sizeof(Module));
  *module = (Module){stack[depth - 1], strdup(image), 1};
  *result = module;
  return 0;
}

int cuModuleUnload(Module *module) {
  RECORD("");
  if (fakeGetCurrent() != module->context || !module->isLoaded)
    return kInvalidContext;
  module->isLoaded = 0; /* Stays, so that a use after this is noticed. */
  return 0;
}

/* Sizes of the parameters, from ".entry name(.param .u64 a, .param .b32 b)". */
static void readParameters(const char *text, Function *function) {
  const char *end = strchr(text, ')');
  while ((text = strstr(text, ".param .")) && text < end &&
         function->numParameters < kMaxParameters) {
    text += strlen(".param .") + 1; /* u, s, b or f, then the bits */
    function->sizes[function->numParameters++] = atoi(text) / 8;
  }
}

int cuModuleGetFunction(Function **result, Module *module, const char *name) {
  RECORD("%s", name);
  char entry[128];
  snprintf(entry, sizeof(entry), ".entry %s(", name);
  const char *found = strstr(module->text, entry);
  if (!found)
    return kNotFound;
  Function *function = calloc(1, sizeof(Function));
  function->module = module;
  snprintf(function->name, sizeof(function->name), "%s", name);
  readParameters(found, function);
  *result = function;
  return 0;
}

int cuFuncSetAttribute(Function *function, int attribute, int value) {
  RECORD("%s %d %d", function->name, attribute, value);
  return 0;
}

typedef struct {
  int id;
  char padding[4];
  union {
    char bytes[64];
    int number;
  };
} LaunchAttribute;

typedef struct {
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedBytes;
  void *stream;
  const LaunchAttribute *attributes;
  unsigned numAttributes;
} LaunchConfig;

int cuLaunchKernel(Function *function, unsigned gridX, unsigned gridY,
                   unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedBytes, void *stream,
                   void **parameters, void **extra) {
  RECORD("%s device %d grid %u,%u,%u block %u,%u,%u shared %u stream %p",
         function->name, function->module->context->device, gridX, gridY, gridZ,
         blockX, blockY, blockZ, sharedBytes, stream);
  if (fakeGetCurrent() != function->module->context ||
      !function->module->isLoaded)
    return kInvalidContext;
  if (!gridX || !gridY || !gridZ || extra)
    return kInvalidValue;
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < function->numParameters; ++i) {
    uint64_t value = 0;
    memcpy(&value, parameters[i], function->sizes[i]);
    append(" %0*llx", 2 * function->sizes[i], (unsigned long long)value);
  }
  append("\n");
  pthread_mutex_unlock(&mutex);
  if (launchHook) {
    unsigned grid[] = {gridX, gridY, gridZ};
    unsigned block[] = {blockX, blockY, blockZ};
    launchHook(function->name, function->module->text, grid, block, sharedBytes,
               function->numParameters, function->sizes, parameters);
  }
  return 0;
}

/* Programmatic dependents are written down as launches like all others. */
int cuLaunchKernelEx(const LaunchConfig *config, Function *function,
                     void **parameters, void **extra) {
  if (config->numAttributes != 1 || config->attributes->id != 6 ||
      config->attributes->number != 1)
    return kInvalidValue;
  ++numDependents;
  return cuLaunchKernel(function, config->grid[0], config->grid[1],
                        config->grid[2], config->block[0], config->block[1],
                        config->block[2], config->sharedBytes, config->stream,
                        parameters, extra);
}

int fakeCountDependents(void) { return numDependents; }

//===- Error.cpp - The last error of the C API ----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Error.h"

#include "sparsek-c/Sparsek.h"

#include <string>

using namespace sparsek;

static thread_local std::string lastError;

void capi::setError(const llvm::Twine &message) { lastError = message.str(); }

void capi::setError(llvm::Error error) {
  lastError = llvm::toString(std::move(error));
}

int32_t capi::getStatus(llvm::Error error) {
  if (!error)
    return 0;
  setError(std::move(error));
  return 1;
}

extern "C" const char *sparsekLastError(void) { return lastError.c_str(); }

//===- Error.h - The last error of the C API --------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CAPI_ERROR_H
#define SPARSEK_LIB_CAPI_ERROR_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"

namespace sparsek::capi {

/// Keeps the text for `sparsekLastError`.
void setError(const llvm::Twine &message);
void setError(llvm::Error error);

/// 0, or 1 with the error kept.
int32_t getStatus(llvm::Error error);

} // namespace sparsek::capi

#endif // SPARSEK_LIB_CAPI_ERROR_H

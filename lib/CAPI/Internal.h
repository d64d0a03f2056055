//===- Internal.h - What the parts of the C API share -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CAPI_INTERNAL_H
#define SPARSEK_LIB_CAPI_INTERNAL_H

#include "sparsek-c/Sparsek.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

struct SparsekModule {
  SparsekModule();

  // Threads of a pool would cost more than they save on modules of this size.
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> op;
};

namespace sparsek::capi {

/// Keeps the text for `sparsekLastError`.
void setError(const llvm::Twine &message);
void setError(llvm::Error error);

} // namespace sparsek::capi

#endif // SPARSEK_LIB_CAPI_INTERNAL_H

//===- Internal.h - What the parts of the C API share -----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CAPI_INTERNAL_H
#define SPARSEK_LIB_CAPI_INTERNAL_H

#include "Error.h"

#include "sparsek-c/Sparsek.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

struct SparsekModule {
  SparsekModule();

  // Threads of a pool would cost more than they save on modules of this size.
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> op;
  /// Whether the module has been verified; what exporters write is verified
  /// when the first pipeline is known.
  bool verified = true;
};

#endif // SPARSEK_LIB_CAPI_INTERNAL_H

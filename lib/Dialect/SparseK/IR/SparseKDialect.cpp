//===- SparseKDialect.cpp - Dialect registration --------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/SparseK/IR/SparseK.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Transforms/InliningUtils.h"
#include "llvm/ADT/TypeSwitch.h"

#include "sparsek/Dialect/SparseK/IR/SparseKDialect.cpp.inc"
#include "sparsek/Dialect/SparseK/IR/SparseKEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "sparsek/Dialect/SparseK/IR/SparseKAttributes.cpp.inc"

namespace {
/// The ops are functions of their operands: they may be inlined anywhere.
struct SparseKInlinerInterface : public mlir::DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(mlir::Operation *, mlir::Region *, bool,
                       mlir::IRMapping &) const final {
    return true;
  }
};
} // namespace

void sparsek::SparseKDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "sparsek/Dialect/SparseK/IR/SparseKOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "sparsek/Dialect/SparseK/IR/SparseKAttributes.cpp.inc"
      >();
  addInterfaces<SparseKInlinerInterface>();
  // Custom ops of a framework arrive in generic form under this dialect's name.
  // Where unregistered dialects pass through, so do they.
  allowUnknownOperations(getContext()->allowsUnregisteredDialects());
}

mlir::InFlightDiagnostic sparsek::emitUnknownOpError(mlir::Operation *op) {
  return op->emitOpError("is none of the dialect: --sparsek-import, as the "
                         "first pass, reads the ops of exporters");
}

//===- GenericOps.h - Ops of IREE in their generic form ---------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The dialects hal, flow and util are IREE's. Their ops are made unregistered,
// with the operands, properties and regions of the generic form, in which MLIR
// prints them and iree-compile parses them.

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_GENERICOPS_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_GENERICOPS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/Twine.h"

namespace sparsek::iree {

/// On a func.func that is a util.func before and after: the properties that a
/// func.func does not have.
inline constexpr llvm::StringLiteral kUtilAttr = "sparsek.util_func";

/// `#hal.<text>`.
mlir::Attribute getHALAttr(mlir::MLIRContext *context, const llvm::Twine &text);

/// `bytes` in quotes.
std::string quote(llvm::StringRef bytes);

/// `#hal.pipeline.layout` for so many constants and bindings, which are read
/// only or written.
mlir::Attribute getLayout(mlir::MLIRContext *context, unsigned numConstants,
                          llvm::ArrayRef<bool> isWritten);

/// An attribute of an unregistered op, which may be a property or discardable.
/// Null where there is none.
mlir::Attribute getAttribute(mlir::Operation *op, llvm::StringRef name);

/// An op of a dialect that is not registered.
mlir::Operation *createOp(mlir::OpBuilder &b, mlir::Location loc,
                          llvm::StringRef name, mlir::TypeRange results,
                          mlir::ValueRange operands,
                          llvm::ArrayRef<mlir::NamedAttribute> properties = {},
                          unsigned numRegions = 0);

/// The region that says how many workgroups there are: those of the workload,
/// which has up to three numbers.
void buildWorkgroupCount(mlir::OpBuilder &b, mlir::Region &region,
                         unsigned numSizes);

} // namespace sparsek::iree

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOIREE_GENERICOPS_H

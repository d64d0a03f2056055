//===- FragDialect.cpp - Registration and verifiers -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Dialect/Frag/IR/Frag.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace sparsek::frag;

#include "sparsek/Dialect/Frag/IR/FragDialect.cpp.inc"

#define GET_OP_CLASSES
#include "sparsek/Dialect/Frag/IR/FragOps.cpp.inc"

void FragDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "sparsek/Dialect/Frag/IR/FragOps.cpp.inc"
      >();
}

/// Accumulators of 64 rows: half an element a column for each thread.
static LogicalResult verifyAccumulator(Operation *op, Type type) {
  int64_t columns = cast<VectorType>(type).getNumElements() * 2;
  if (columns % 8 != 0 || columns > 256)
    return op->emitOpError()
           << "the accumulator has " << columns
           << " columns; a product has a multiple of 8 up to 256";
  return success();
}

LogicalResult WgmmaSSOp::verify() {
  if (getDepth() == 0 || getDepth() % 16 != 0 || getDepth() > 256)
    return emitOpError() << "depth must be a multiple of 16 up to 256, but is "
                         << getDepth();
  if (getLhsPanel() % 1024 != 0 || getRhsPanel() % 1024 != 0)
    return emitOpError() << "panels must be a multiple of 1024 bytes apart";
  return verifyAccumulator(*this, getResult().getType());
}

LogicalResult WgmmaRSOp::verify() {
  // Four i32 hold what a thread has of 16 columns.
  int64_t words = getLhs().getType().getNumElements();
  if (words % 4 != 0 || words > 64)
    return emitOpError() << "the left operand must have a multiple of 4 "
                            "registers up to 64, but has "
                         << words;
  return verifyAccumulator(*this, getResult().getType());
}

LogicalResult WgmmaWaitOp::verify() {
  if (getOutstanding() > 7)
    return emitOpError() << "outstanding must be 0 to 7, but is "
                         << getOutstanding();
  return verifyAccumulator(*this, getResult().getType());
}

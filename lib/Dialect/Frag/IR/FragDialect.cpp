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
static LogicalResult verifyAccumulator(Operation *op, Type type,
                                       int64_t tiles = 1) {
  if (tiles != 1 && tiles != 2)
    return op->emitOpError() << "tiles must be 1 or 2, but is " << tiles;
  int64_t elements = cast<VectorType>(type).getNumElements();
  if (elements % tiles != 0)
    return op->emitOpError() << "the accumulator has " << elements
                             << " elements, which are not the same for each of "
                             << tiles << " tiles";
  int64_t columns = elements / tiles * 2;
  if (columns % 8 != 0 || columns > 256)
    return op->emitOpError()
           << "the accumulator has " << columns
           << " columns; a product has a multiple of 8 up to 256";
  return success();
}

static LogicalResult verifyDepth(Operation *op, int64_t depth) {
  if (depth <= 0 || depth % 16 != 0 || depth > 256)
    return op->emitOpError()
           << "depth must be a multiple of 16 up to 256, but is " << depth;
  return success();
}

static LogicalResult verifyPanels(Operation *op, ArrayRef<int64_t> panels) {
  if (llvm::any_of(panels, [](int64_t bytes) { return bytes % 1024 != 0; }))
    return op->emitOpError()
           << "panels must be a multiple of 1024 bytes apart";
  return success();
}

/// Four i32 hold what a thread has of 16 columns.
static LogicalResult verifyLeftOperand(Operation *op, Type type,
                                       int64_t tiles = 1) {
  int64_t words = cast<VectorType>(type).getNumElements();
  if (words % (4 * tiles) != 0 || words > 64 * tiles)
    return op->emitOpError() << "the left operand must have a multiple of "
                             << 4 * tiles << " registers up to " << 64 * tiles
                             << ", but has " << words;
  return success();
}

LogicalResult WgmmaSSOp::verify() {
  if (failed(verifyDepth(*this, getDepth())) ||
      failed(verifyPanels(*this, {static_cast<int64_t>(getLhsPanel()),
                                  static_cast<int64_t>(getRhsPanel())})))
    return failure();
  return verifyAccumulator(*this, getResult().getType());
}

LogicalResult WgmmaRSOp::verify() {
  if (failed(verifyLeftOperand(*this, getLhs().getType())))
    return failure();
  return verifyAccumulator(*this, getResult().getType());
}

LogicalResult MmaSSOp::verify() {
  if (failed(verifyDepth(*this, getDepth())) ||
      failed(verifyPanels(*this, {static_cast<int64_t>(getLhsPanel()),
                                  static_cast<int64_t>(getRhsPanel())})))
    return failure();
  return verifyAccumulator(*this, getResult().getType(), getTiles());
}

LogicalResult MmaRSOp::verify() {
  // First: the number of tiles divides below.
  if (failed(verifyAccumulator(*this, getResult().getType(), getTiles())) ||
      failed(verifyPanels(*this, static_cast<int64_t>(getPanel()))))
    return failure();
  return verifyLeftOperand(*this, getLhs().getType(), getTiles());
}

LogicalResult WgmmaWaitOp::verify() {
  if (getOutstanding() > 7)
    return emitOpError() << "outstanding must be 0 to 7, but is "
                         << getOutstanding();
  return verifyAccumulator(*this, getResult().getType());
}

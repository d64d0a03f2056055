//===- SelectionKernels.cpp - What the kernels of the selection share -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SelectionKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

void SelectionKernels::start(StringRef name, SmallVector<Argument> arguments,
                             int64_t threads) {
  if (packed)
    arguments.push_back(numbers("documents"));
  arguments.append({b.scalar("keys"), b.scalar("row_stride"),
                    b.scalar("score_heads"), b.scalar("score_rows")});
  b.startKernel(name, arguments, ScheduleAttr(), RowMapAttr(), threads);
  keys = b("keys");
  WaitPreviousOp::create(b);
}

Scalar SelectionKernels::enterRow(Scalar blocks) {
  Scalar block = b.block();
  row = block / blocks;
  rowBase = row.toI64() * b("row_stride").toI64();
  batch = row / b("score_heads");
  head = row % b("score_heads");
  return block % blocks;
}

Scalar SelectionKernels::loadScore(Scalar position) {
  return b.load("u", {batch, head, position});
}

Scalar SelectionKernels::loadPosition(StringRef order, Scalar rank) {
  Scalar position = inRow(order)[rank];
  if (!packed)
    return position;
  // Documents that overlap are merged in no order: places may stay empty.
  return larger(smaller(position, keys - 1), b.number(0));
}

void SelectionKernels::storeInRow(StringRef name, Scalar position,
                                  Scalar value) {
  b.store(value, name, {batch, head, position});
}

Document SelectionKernels::documentAt(Scalar position) {
  if (!packed)
    return {b.number(0), keys};
  Elements documents = b.elements("documents", position << 1);
  return {documents[b.number(0)], documents[b.number(1)]};
}

Elements SelectionKernels::boundField(StringRef name, int64_t field,
                                      Scalar boundaries) {
  Scalar fieldStart = b("score_rows").toI64() * field + row.toI64();
  return b.elements(name, fieldStart * boundaries.toI64());
}

Boundary SelectionKernels::loadBoundary(Scalar number, Scalar boundaries) {
  auto load = [&](StringRef name, int64_t field) {
    return boundField(name, field, boundaries)[number];
  };
  return {load("bounds", kTheta),    load("bounds", kCode),
          load("bounds", kRank0),    load("bounds", kRank1),
          load("bounds", kCount0),   load("bounds", kCount1),
          load("bound_sums", kSum0), load("bound_sums", kSum1)};
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

void sparsek::buildSelectionKernels(Location loc, OpBuilder &at, bool packed) {
  ScalarBuilder b(loc, at.getContext());
  b.restoreInsertionPoint(at.saveInsertionPoint());
  if (packed)
    buildDocumentsKernel(b);
  SelectionKernels kernels(b, packed);
  kernels.buildSort();
  kernels.buildMerge();
  kernels.buildCount("count_scores", /*isFirst=*/true);
  kernels.buildScatter("scatter_scores", /*isFirst=*/true);
  kernels.buildCount("count_digits", /*isFirst=*/false);
  kernels.buildScatter("scatter_digits", /*isFirst=*/false);
  kernels.buildTable();
  for (const SelectionSize &size : kSelectionSizes)
    kernels.buildBoundaries(size);
  kernels.buildScan();
  for (const SelectionSize &size : kSelectionSizes)
    kernels.buildThresholds(size);
  kernels.buildExpiries();
}

//===- TableKernels.cpp - What is prepared for the attention kernel -------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Kernels.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

void sparsek::buildDocumentsKernel(TileBuilder &b) {
  TileBuilder::InsertionGuard guard(b);
  b.startKernel("documents",
                {b.vector("cu_seqlens", b.getI32Type()), b.scalar("sequences"),
                 b.scalar("keys"), b.vector("documents", b.getI32Type())},
                ScheduleAttr(), RowMapAttr(), kTableThreads);
  Value block = BlockOp::create(b).getId();
  Value thread = ThreadOp::create(b);
  Value first = b.mul(block, b.i32(kTableThreads));
  Value position = b.add(first, thread);
  b.ifThen(b.less(position, b.arg("keys")), [&] {
    auto document = DocumentOp::create(b, b.arg("cu_seqlens"),
                                       b.arg("sequences"), position);
    // Whatever cu_seqlens holds, a position is in its document, and that among
    // the keys.
    Value start = b.max(b.min(document.getStart(), position), b.i32(0));
    Value next = b.add(position, b.i32(1));
    Value end = b.max(b.min(document.getEnd(), b.arg("keys")), next);
    Value place = b.mul(position, b.i32(2));
    b.store(start, b.arg("documents"), place);
    b.store(end, b.arg("documents"), b.add(place, b.i32(1)));
  });
}

void sparsek::buildSurvivorsKernel(TileBuilder &b, bool packed) {
  TileBuilder::InsertionGuard guard(b);
  SmallVector<TileBuilder::Argument> arguments{
      b.memref("expiry", "bhn", b.getI32Type())};
  if (packed)
    arguments.push_back(b.vector("documents", b.getI32Type()));
  arguments.append({b.vector("table", b.getI32Type()),
                    b.vector("counts", b.getI32Type()), b.scalar("keys"),
                    b.scalar("rows"), b.scalar("window"),
                    b.scalar("chunk_log2"), b.scalar("chunks"),
                    b.scalar("capacity"), b.scalar("score_heads")});
  b.startKernel("survivors", arguments, ScheduleAttr(), RowMapAttr(),
                kTableThreads);

  // Blocks count chunks fastest, then score heads, then batches.
  Value block = BlockOp::create(b).getId();
  Value chunk = b.rem(block, b.arg("chunks"));
  Value headRow = b.div(block, b.arg("chunks"));
  Value batch = b.div(headRow, b.arg("score_heads"));
  Value scoreHead = b.rem(headRow, b.arg("score_heads"));
  Value start = b.shiftLeft(chunk, b.arg("chunk_log2"));
  Value offset = b.sub(b.arg("keys"), b.arg("rows"));
  Value position = b.add(offset, start);
  Value capacity = b.toI64(b.arg("capacity"));
  Value tableRow = b.mul(b.toI64(block), capacity);
  Value count = CollectSurvivorsOp::create(
      b, b.arg("expiry"), batch, scoreHead, position, b.arg("window"),
      b.arg("table"), tableRow, b.arg("capacity"),
      packed ? b.arg("documents") : Value());
  Value thread = ThreadOp::create(b);
  b.ifThen(b.equal(thread, b.i32(0)),
           [&] { b.store(count, b.arg("counts"), block); });
}

//===- Documents.cpp - Documents packed into one batch ----------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Documents.h"

using namespace mlir;
using namespace sparsek;

using Values = TensorBuilder::Values;

Documents::Documents(TensorBuilder &b, Value cuSeqlens, OpFoldResult length) {
  if (!cuSeqlens)
    return;
  // The last bound that is not above the position; empty documents share theirs
  // with the next one.
  Value first = b.filled({length}, b.integer(0, 32));
  starts = b.generic("nd", {{cuSeqlens, "d"}}, {{first, "n"}},
                     [](TensorBuilder &b, Values args) {
                       Value bound = args[0], start = args[1];
                       Value position = b.toI32(b.iteration(0));
                       Value reached = b.lessOrEqual(bound, position);
                       Value later = b.max(start, bound);
                       return Values{b.select(reached, later, start)};
                     })
               .front();
}

Value Documents::startOf(TensorBuilder &b, Value position) const {
  if (!starts)
    return b.index(0);
  return b.toIndex(b.at(starts, position));
}

Value Documents::andInDocument(TensorBuilder &b, Value condition,
                               Value position, Value start) const {
  if (!starts)
    return condition;
  Value same = b.equal(startOf(b, position), start);
  return b.both(condition, same);
}

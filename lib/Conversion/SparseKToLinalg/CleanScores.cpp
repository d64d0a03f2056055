//===- CleanScores.cpp - Scores and windows as the definitions mean them --===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CleanScores.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace sparsek;

using Values = TensorBuilder::Values;

Value sparsek::cleanScores(TensorBuilder &b, Value scores) {
  Value empty =
      b.empty({b.size(scores, 0), b.size(scores, 1), b.size(scores, 2)},
              b.getF32Type());
  auto clean = [](TensorBuilder &b, Values args) {
    Value score = args[0];
    Value number = b.equal(score, score);
    score = b.select(number, score, b.infinity(b.getF32Type()));
    Value largest = b.real(std::numeric_limits<float>::max(), b.getF32Type());
    Value above = b.less(largest, score);
    return Values{b.select(above, largest, score)};
  };
  return b.generic("bhn", {{scores, "bhn"}}, {{empty, "bhn"}}, clean).front();
}

Value sparsek::windowWithin(TensorBuilder &b, int64_t window, Value length) {
  Value requested = b.index(window);
  return arith::MinSIOp::create(b, requested, length);
}

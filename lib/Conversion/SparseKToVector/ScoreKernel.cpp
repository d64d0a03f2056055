//===- ScoreKernel.cpp - Scores of keys -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A score is one dot product. Lane i sums the features i, i + lanes, ... in
// ascending order and the lanes are added in ascending order, whatever the
// position, the length and the batch: a token's score is the same bit for bit
// wherever it stands (C1).
//
// The normalisation, in f64 by Welford's recurrence, runs over the positions
// of a head in order; what it carries is exactly what a later chunk takes. The
// position is an exact integer in f64, and `norm + slope * position` is rounded
// once, to f32.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"
#include "Kernels.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cfloat>

using namespace mlir;
using namespace sparsek;

/// Rows that one work item scores.
static constexpr int64_t kRowsPerItem = 128;

namespace {

/// Emits the body of one score kernel.
class ScoreEmitter {
public:
  ScoreEmitter(func::FuncOp function, const ScoreKernel &kernel,
               const KernelShape &shape)
      : kernel(kernel), shape(shape),
        b(function.getLoc(), function.getContext()) {
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    auto next = entry->args_begin();
    features = *next++;
    weight = *next++;
    if (kernel.statistics)
      statistics = *next++;
    scores = *next++;
    if (kernel.carry)
      carried = *next++;
    slope = *next++;
    offset = *next++;
  }

  void emit();

private:
  Value emitDot(Value packedWeight, Value batch, Value head, Value row);
  Value emitBias(Value row);
  void emitNormalise(Value batch, Value head);

  const ScoreKernel &kernel;
  const KernelShape &shape;
  KernelBuilder b;
  Value features, weight, statistics, scores, carried, slope, offset;
};

} // namespace

void ScoreEmitter::emit() {
  Value zero = b.index(0), one = b.index(1);
  Value batches = b.dim(features, 0), rows = b.dim(features, 1);
  Value heads = b.index(kernel.heads);
  b.withScratch([&] {
    // W^T in f32: the weights of a head in one piece.
    Value packed =
        b.scratch(b.getF32Type(), {kernel.heads, kernel.featureSize});
    b.loop({zero, heads, one}, [&](Value head) {
      b.loop({zero, b.index(kernel.featureSize), one}, [&](Value c) {
        b.store({b.toF32(b.load(weight, {c, head})), packed, {head, c}});
      });
    });

    Value block = b.index(kRowsPerItem);
    Value blocks = b.ceilDiv({rows, block});
    b.parallelLoop(b.mul({batches, blocks}), shape.parallel, [&](Value item) {
      Value batch = b.div({item, blocks});
      Value first = b.mul({b.rem({item, blocks}), block});
      Value last = b.min({b.add({first, block}), rows});
      b.loop({first, last, one}, [&](Value row) {
        b.loop({zero, heads, one}, [&](Value head) {
          Value score = emitDot(packed, batch, head, row);
          if (kernel.norm == Norm::None) {
            Value wide = arith::ExtFOp::create(b, b.getF64Type(), score);
            score = arith::TruncFOp::create(b, b.getF32Type(),
                                            b.add({wide, emitBias(row)}));
          }
          b.store({score, scores, {batch, head, row}});
        });
      });
    });
  });
  if (kernel.norm == Norm::Timestep)
    b.parallelLoop(b.mul({batches, heads}), shape.parallel, [&](Value item) {
      Value batch = b.div({item, heads});
      emitNormalise(batch, b.rem({item, heads}));
    });
}

Value ScoreEmitter::emitDot(Value packedWeight, Value batch, Value head,
                            Value row) {
  int64_t whole = kernel.featureSize / shape.lanes * shape.lanes;
  int64_t rest = kernel.featureSize - whole;
  auto product = [&](Value c, int64_t lanes, Value sum) -> Value {
    Value x = b.toF32(b.loadVector(features, {batch, row, c}, lanes));
    Value w = b.loadVector(packedWeight, {head, c}, lanes);
    return vector::FMAOp::create(b, x, w, sum);
  };
  auto zeros = [&](int64_t lanes) {
    return b.constant(VectorType::get(lanes, b.getF32Type()), 0);
  };
  auto reduce = [&](Value vector) -> Value {
    return vector::ReductionOp::create(b, vector::CombiningKind::ADD, vector);
  };
  Value total;
  if (whole > 0) {
    Value init = zeros(shape.lanes);
    auto sums =
        b.loop({b.index(0), b.index(whole), b.index(shape.lanes)}, {init},
               [&](Value c, ValueRange sum) -> SmallVector<Value> {
                 return {product(c, shape.lanes, sum[0])};
               });
    total = reduce(sums[0]);
  }
  if (rest > 0) {
    Value init = zeros(rest);
    Value tail = reduce(product(b.index(whole), rest, init));
    total = total ? b.add({total, tail}) : tail;
  }
  return total;
}

/// slope * (offset + row), f64.
Value ScoreEmitter::emitBias(Value row) {
  Value position =
      arith::IndexCastOp::create(b, b.getI64Type(), b.add({offset, row}));
  return b.mul({slope, arith::SIToFPOp::create(b, b.getF64Type(), position)});
}

/// Turns the raw scores of one head into normalised ones.
void ScoreEmitter::emitNormalise(Value batch, Value head) {
  Type f64 = b.getF64Type();
  Value zero = b.index(0), one = b.index(1);
  // Count, mean, sum of squared deviations.
  SmallVector<Value> inits(3, b.f64(0));
  if (kernel.statistics)
    for (auto [i, init] : llvm::enumerate(inits))
      init = b.load(statistics, {batch, head, b.index(i)});
  auto last = b.loop(
      {zero, b.dim(features, 1), one}, inits,
      [&](Value row, ValueRange state) -> SmallVector<Value> {
        Value raw = b.load(scores, {batch, head, row});
        Value finite =
            b.both({b.le({raw, b.f32(FLT_MAX)}), b.ge({raw, b.f32(-FLT_MAX)})});
        Value score = arith::ExtFOp::create(b, f64, raw);
        Value count = b.add({state[0], b.f64(1)});
        Value delta = b.sub({score, state[1]});
        Value mean = b.add({state[1], b.div({delta, count})});
        Value squares = b.add({state[2], b.mul({delta, b.sub({score, mean})})});
        count = b.select({finite, count, state[0]});
        mean = b.select({finite, mean, state[1]});
        squares = b.select({finite, squares, state[2]});
        Value variance = b.div({squares, b.max({count, b.f64(1)})});
        Value deviation =
            math::SqrtOp::create(b, b.add({variance, b.f64(1e-5)}));
        Value result =
            b.add({b.div({b.sub({score, mean}), deviation}), emitBias(row)});
        b.store({arith::TruncFOp::create(b, b.getF32Type(), result),
                 scores,
                 {batch, head, row}});
        return {count, mean, squares};
      });
  if (kernel.carry)
    for (auto [i, value] : llvm::enumerate(last))
      b.store({value, carried, {batch, head, b.index(i)}});
}

//===----------------------------------------------------------------------===//
// ScoreKernel
//===----------------------------------------------------------------------===//

std::string ScoreKernel::name() const {
  std::string result = "sparsek_score";
  llvm::raw_string_ostream os(result);
  os << '_' << element << "_c" << featureSize << "_h" << heads;
  if (weightElement != element)
    os << "_w" << weightElement;
  if (norm != Norm::None)
    os << '_' << stringifyNorm(norm);
  if (statistics)
    os << "_continued";
  if (carry)
    os << "_carry";
  return result;
}

SmallVector<Type> ScoreKernel::argumentTypes() const {
  MLIRContext *context = element.getContext();
  Type f32 = Float32Type::get(context), f64 = Float64Type::get(context);
  SmallVector<Type> types{getStridedType(element, 3, /*unitInner=*/true),
                          getStridedType(weightElement, 2)};
  if (statistics)
    types.push_back(getStridedType(f64, 3));
  types.push_back(getStridedType(f32, 3));
  if (carry)
    types.push_back(getStridedType(f64, 3));
  llvm::append_values(types, f64, Type(IndexType::get(context)));
  return types;
}

void ScoreKernel::buildBody(func::FuncOp function,
                            const KernelShape &shape) const {
  ScoreEmitter(function, *this, shape).emit();
}

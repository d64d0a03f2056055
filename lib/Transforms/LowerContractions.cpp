//===- LowerContractions.cpp - Matrix products as vector code -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The shape of the code is that of the BLIS library: both operands are packed
// into panels that are read front to back, and a register tile of the result is
// accumulated by fused multiply-adds of a broadcast element and a vector.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace sparsek {
#define GEN_PASS_DEF_SPARSEKLOWERCONTRACTIONSPASS
#include "sparsek/Transforms/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;

namespace {
/// One operand of a contraction: a buffer and the loop of each dimension.
struct Operand {
  Value buffer;
  SmallVector<unsigned> loops;

  MemRefType getType() const { return cast<MemRefType>(buffer.getType()); }
  bool hasLoop(unsigned loop) const { return llvm::is_contained(loops, loop); }
};

/// out[.., row, column] += sum over `sums` of left[.., row, sums] *
/// right[.., sums, column], where column is the contiguous dimension of out.
struct Contraction {
  Operand left, right, out;
  unsigned row, column;
  SmallVector<unsigned> sums;
  /// The other loops, all parallel.
  SmallVector<unsigned> outer;
};

/// The register tile and the blocks around it.
struct Tiling {
  int64_t lanes;
  int64_t vectors;
  int64_t rows;
  int64_t blockRows;
  int64_t minTasks;

  int64_t getWidth() const { return lanes * vectors; }
};
} // namespace

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

static bool isUnitStrideInnermost(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return type.getRank() > 0 &&
         succeeded(type.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

/// Whether the body multiplies and adds floats, and widens at most.
static bool isFloatMultiplyAdd(linalg::LinalgOp op) {
  for (Operation &inner : op->getRegion(0).front())
    if (!isa<arith::MulFOp, arith::AddFOp, arith::ExtFOp, linalg::YieldOp>(
            inner))
      return false;
  return true;
}

static std::optional<Operand> getOperand(linalg::LinalgOp op,
                                         OpOperand &operand) {
  Operand result{operand.get(), {}};
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  AffineMap map = op.getMatchingIndexingMap(&operand);
  if (!type || !isa<FloatType>(type.getElementType()) ||
      !map.isProjectedPermutation())
    return std::nullopt;
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return std::nullopt;
    result.loops.push_back(dim.getPosition());
  }
  return result;
}

static std::optional<Contraction> matchContraction(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || !linalg::isaContractionOpInterface(op) ||
      !isFloatMultiplyAdd(op))
    return std::nullopt;
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || dims->m.empty() || dims->n.empty() || dims->k.empty())
    return std::nullopt;
  std::optional<Operand> left = getOperand(op, *op.getDpsInputOperand(0)),
                         right = getOperand(op, *op.getDpsInputOperand(1)),
                         out = getOperand(op, *op.getDpsInitOperand(0));
  if (!left || !right || !out || !isUnitStrideInnermost(out->getType()))
    return std::nullopt;

  Contraction match;
  match.column = out->loops.back();
  if (llvm::is_contained(dims->m, match.column)) {
    std::swap(left, right);
    std::swap(dims->m, dims->n);
  }
  if (!llvm::is_contained(dims->n, match.column))
    return std::nullopt;
  match.left = std::move(*left);
  match.right = std::move(*right);
  match.out = std::move(*out);
  match.row = dims->m.back();
  match.sums.assign(dims->k.begin(), dims->k.end());
  for (unsigned loop : match.out.loops)
    if (loop != match.row && loop != match.column)
      match.outer.push_back(loop);
  return match;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

namespace {
/// Builds the code of one contraction.
class Lowering {
public:
  Lowering(linalg::LinalgOp op, const Contraction &match, Tiling tiling,
           bool parallel)
      : b(op.getLoc(), op), match(match), tiling(tiling), parallel(parallel) {
    for (Range range : op.createLoopRanges(b, op.getLoc()))
      sizes.push_back(
          getValueOrCreateConstantIndexOp(b, b.getLoc(), range.size));
    bool isDouble = match.out.getType().getElementType().isF64();
    type = isDouble ? Type(b.getF64Type()) : Type(b.getF32Type());
    if (isDouble)
      this->tiling.lanes /= 2;
    vectorType = VectorType::get({this->tiling.lanes}, type);
  }

  void run();

private:
  using Body = function_ref<void(ValueRange)>;

  // Index arithmetic.
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value add(Value x, int64_t y) { return add(x, constant(y)); }
  Value mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(x, y); }
  Value mul(Value x, int64_t y) { return mul(x, constant(y)); }
  Value ceilDiv(Value x, Value y) {
    return b.createOrFold<arith::CeilDivSIOp>(x, y);
  }
  Value min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }
  Value max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(x, y); }

  /// A nest of loops from 0 to `bounds`, sequential or parallel.
  void loops(ValueRange bounds, bool inParallel, Body body);
  /// Sequential loops over `match.sums`; the body gets their indices and the
  /// position in the order of the loops.
  void sumLoops(function_ref<void(ArrayRef<Value>, Value)> body);

  /// Indices of `operand`, given the value of each loop.
  SmallVector<Value> indices(const Operand &operand,
                             const DenseMap<unsigned, Value> &loopValues) {
    return llvm::map_to_vector(
        operand.loops, [&](unsigned loop) { return loopValues.lookup(loop); });
  }
  /// Loads one element in the type of the accumulator.
  Value load(const Operand &operand,
             const DenseMap<unsigned, Value> &loopValues) {
    return widen(memref::LoadOp::create(b, operand.buffer,
                                        indices(operand, loopValues)));
  }
  Value widen(Value value) {
    Type target = type;
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      target = vector.clone(type);
    return value.getType() == target
               ? value
               : arith::ExtFOp::create(b, target, value).getResult();
  }
  Value zero(Type ofType) {
    return arith::ConstantOp::create(b, b.getZeroAttr(ofType));
  }

  void packRight();
  void packLeft(Value packed, Value firstRow, Value numTiles,
                const DenseMap<unsigned, Value> &outer);
  void task(const DenseMap<unsigned, Value> &outer, Value block, Value chunk);
  void registerTile(Value packedLeft, Value finished, Value tile,
                    Value firstRow, Value panel,
                    const DenseMap<unsigned, Value> &outer);
  void accumulate(Value sums, Value firstRow, Value firstColumn,
                  const DenseMap<unsigned, Value> &outer);
  /// Indices of the packed right operand before the last two.
  SmallVector<Value> panelIndices(const DenseMap<unsigned, Value> &outer,
                                  Value panel) {
    SmallVector<Value> result;
    for (unsigned loop : rightOuter)
      result.push_back(outer.lookup(loop));
    result.push_back(panel);
    return result;
  }

  ImplicitLocOpBuilder b;
  const Contraction &match;
  Tiling tiling;
  bool parallel;
  SmallVector<Value> sizes;
  Type type;
  VectorType vectorType;

  /// The number of summed elements.
  Value depth;
  Value numPanels, blockRows, panelsPerTask;
  /// Outer loops on which the right operand depends.
  SmallVector<unsigned> rightOuter;
  Value packedRight;
};
} // namespace

void Lowering::loops(ValueRange bounds, bool inParallel, Body body) {
  SmallVector<Value> lower(bounds.size(), constant(0)),
      step(bounds.size(), constant(1));
  OpBuilder::InsertionGuard guard(b);
  if (inParallel) {
    auto loop = scf::ParallelOp::create(b, lower, bounds, step);
    b.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVars());
    return;
  }
  SmallVector<Value> values;
  for (Value bound : bounds) {
    auto loop = scf::ForOp::create(b, lower.front(), bound, step.front());
    b.setInsertionPointToStart(loop.getBody());
    values.push_back(loop.getInductionVar());
  }
  body(values);
}

void Lowering::sumLoops(function_ref<void(ArrayRef<Value>, Value)> body) {
  SmallVector<Value> bounds = llvm::map_to_vector(
      match.sums, [&](unsigned loop) { return sizes[loop]; });
  loops(bounds, /*inParallel=*/false, [&](ValueRange values) {
    Value position = values.front();
    for (size_t i = 1; i < values.size(); ++i)
      position = add(mul(position, bounds[i]), values[i]);
    body(llvm::to_vector(values), position);
  });
}

/// Makes panels of `width` columns, filled up with zeros:
/// packed[outer.., panel, sum, column in the panel].
void Lowering::packRight() {
  int64_t width = tiling.getWidth();
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamicSizes, bounds;
  for (unsigned loop : match.outer)
    if (match.right.hasLoop(loop)) {
      rightOuter.push_back(loop);
      bounds.push_back(sizes[loop]);
    }
  bounds.push_back(numPanels);
  dynamicSizes = bounds;
  dynamicSizes.push_back(depth);
  shape.assign(dynamicSizes.size(), ShapedType::kDynamic);
  shape.push_back(width);
  packedRight = memref::AllocOp::create(b, MemRefType::get(shape, type),
                                        dynamicSizes, b.getI64IntegerAttr(64));

  bool byRows = match.right.loops.back() == match.column &&
                isUnitStrideInnermost(match.right.getType());
  loops(bounds, parallel, [&](ValueRange values) {
    DenseMap<unsigned, Value> loopValues;
    for (auto [loop, value] : llvm::zip(rightOuter, values))
      loopValues[loop] = value;
    Value firstColumn = mul(values.back(), width);
    SmallVector<Value> target(values);
    target.append(2, Value());
    auto copy = [&](Value column, function_ref<void()> move) {
      loopValues[match.column] = add(firstColumn, column);
      sumLoops([&](ArrayRef<Value> sums, Value position) {
        for (auto [loop, value] : llvm::zip_equal(match.sums, sums))
          loopValues[loop] = value;
        target[values.size()] = position;
        target[values.size() + 1] = column;
        move();
      });
    };
    Type element = match.right.getType().getElementType();
    if (byRows) {
      auto rowType = VectorType::get({width}, element);
      copy(constant(0), [&] {
        Value row = vector::TransferReadOp::create(
            b, rowType, match.right.buffer, indices(match.right, loopValues),
            zero(element));
        vector::StoreOp::create(b, widen(row), packedRight, target);
      });
      return;
    }
    // Column by column; the last one in the array stands for those behind it,
    // whose products are never stored.
    loops({constant(width)}, /*inParallel=*/false, [&](ValueRange column) {
      copy(column.front(), [&] {
        Value last = add(sizes[match.column], -1);
        Value inside = loopValues[match.column];
        loopValues[match.column] = min(inside, last);
        memref::StoreOp::create(b, load(match.right, loopValues), packedRight,
                                target);
        loopValues[match.column] = inside;
      });
    });
  });
}

/// Makes tiles of `rows` rows: packed[tile, sum, row in the tile]. The last row
/// of the array stands for those behind it.
void Lowering::packLeft(Value packed, Value firstRow, Value numTiles,
                        const DenseMap<unsigned, Value> &outer) {
  Value last = add(sizes[match.row], -1);
  loops({numTiles, constant(tiling.rows)}, /*inParallel=*/false,
        [&](ValueRange values) {
          DenseMap<unsigned, Value> loopValues = outer;
          Value row =
              add(add(firstRow, mul(values[0], tiling.rows)), values[1]);
          loopValues[match.row] = min(row, last);
          sumLoops([&](ArrayRef<Value> sums, Value position) {
            for (auto [loop, value] : llvm::zip_equal(match.sums, sums))
              loopValues[loop] = value;
            memref::StoreOp::create(b, load(match.left, loopValues), packed,
                                    ValueRange{values[0], position, values[1]});
          });
        });
}

/// Adds the finished register tile in `sums` to the result.
void Lowering::accumulate(Value sums, Value firstRow, Value firstColumn,
                          const DenseMap<unsigned, Value> &outer) {
  Type element = match.out.getType().getElementType();
  auto storedType = VectorType::get({tiling.lanes}, element);
  Value rowsLeft = b.createOrFold<arith::SubIOp>(sizes[match.row], firstRow);
  // A loop, although the tile could stay in registers: the masked transfers are
  // much code, and few of the instructions that run.
  loops({min(rowsLeft, constant(tiling.rows))}, /*inParallel=*/false,
        [&](ValueRange row) {
          DenseMap<unsigned, Value> loopValues = outer;
          loopValues[match.row] = add(firstRow, row.front());
          for (int64_t i = 0; i < tiling.vectors; ++i) {
            Value sum = vector::LoadOp::create(
                b, vectorType, sums,
                ValueRange{row.front(), constant(i * tiling.lanes)});
            loopValues[match.column] = add(firstColumn, i * tiling.lanes);
            SmallVector<Value> target = indices(match.out, loopValues);
            // Behind the last column the transfers are masked.
            Value old = vector::TransferReadOp::create(
                b, storedType, match.out.buffer, target, zero(element));
            sum = arith::AddFOp::create(b, widen(old), sum);
            if (element != type)
              sum = arith::TruncFOp::create(b, storedType, sum);
            vector::TransferWriteOp::create(b, sum, match.out.buffer, target);
          }
        });
}

void Lowering::registerTile(Value packedLeft, Value finished, Value tile,
                            Value firstRow, Value panel,
                            const DenseMap<unsigned, Value> &outer) {
  SmallVector<Value> zeros(tiling.rows * tiling.vectors, zero(vectorType));
  auto loop = scf::ForOp::create(b, constant(0), depth, constant(1), zeros);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value sum = loop.getInductionVar();
    SmallVector<Value> source = panelIndices(outer, panel);
    source.append({sum, Value()});
    SmallVector<Value> columns, sums;
    for (int64_t i = 0; i < tiling.vectors; ++i) {
      source.back() = constant(i * tiling.lanes);
      columns.push_back(
          vector::LoadOp::create(b, vectorType, packedRight, source));
    }
    for (int64_t row = 0; row < tiling.rows; ++row) {
      Value element = memref::LoadOp::create(
          b, packedLeft, ValueRange{tile, sum, constant(row)});
      Value spread = vector::BroadcastOp::create(b, vectorType, element);
      for (int64_t i = 0; i < tiling.vectors; ++i)
        sums.push_back(vector::FMAOp::create(
            b, spread, columns[i],
            loop.getRegionIterArg(row * tiling.vectors + i)));
    }
    scf::YieldOp::create(b, sums);
  }
  for (auto [index, sum] : llvm::enumerate(loop.getResults())) {
    int64_t row = index / tiling.vectors, i = index % tiling.vectors;
    vector::StoreOp::create(
        b, sum, finished,
        ValueRange{constant(row), constant(i * tiling.lanes)});
  }
  accumulate(finished, firstRow, mul(panel, tiling.getWidth()), outer);
}

/// A block of rows times a run of panels.
void Lowering::task(const DenseMap<unsigned, Value> &outer, Value block,
                    Value chunk) {
  Value firstRow = mul(block, blockRows);
  Value numRows =
      min(blockRows, b.createOrFold<arith::SubIOp>(sizes[match.row], firstRow));
  Value numTiles = ceilDiv(numRows, constant(tiling.rows));
  Value packedLeft = memref::AllocOp::create(
      b,
      MemRefType::get({ShapedType::kDynamic, ShapedType::kDynamic, tiling.rows},
                      type),
      ValueRange{numTiles, depth}, b.getI64IntegerAttr(64));
  packLeft(packedLeft, firstRow, numTiles, outer);
  Value finished = memref::AllocOp::create(
      b, MemRefType::get({tiling.rows, tiling.getWidth()}, type), ValueRange(),
      b.getI64IntegerAttr(64));

  Value firstPanel = mul(chunk, panelsPerTask);
  Value numTaskPanels =
      min(panelsPerTask, b.createOrFold<arith::SubIOp>(numPanels, firstPanel));
  // A panel stays in the cache while all tiles of the block use it.
  loops({numTaskPanels, numTiles}, /*inParallel=*/false,
        [&](ValueRange values) {
          registerTile(packedLeft, finished, values[1],
                       add(firstRow, mul(values[1], tiling.rows)),
                       add(firstPanel, values[0]), outer);
        });
  memref::DeallocOp::create(b, finished);
  memref::DeallocOp::create(b, packedLeft);
}

void Lowering::run() {
  depth = constant(1);
  for (unsigned loop : match.sums)
    depth = mul(depth, sizes[loop]);
  numPanels = ceilDiv(sizes[match.column], constant(tiling.getWidth()));
  packRight();

  // Fewer rows in a block where they are long, so that a packed block takes at
  // most half a megabyte.
  int64_t elements = (512 << 10) / (type.getIntOrFloatBitWidth() / 8);
  Value fitting =
      mul(b.createOrFold<arith::DivSIOp>(constant(elements / tiling.rows),
                                         max(depth, constant(1))),
          tiling.rows);
  blockRows =
      max(min(fitting, constant(tiling.blockRows)), constant(tiling.rows));
  Value numBlocks = ceilDiv(sizes[match.row], blockRows);

  // Runs of panels, where the blocks alone would leave threads idle.
  SmallVector<Value> bounds;
  Value tasks = numBlocks;
  for (unsigned loop : match.outer) {
    bounds.push_back(sizes[loop]);
    tasks = mul(tasks, sizes[loop]);
  }
  Value chunks = ceilDiv(constant(tiling.minTasks), max(tasks, constant(1)));
  panelsPerTask = max(ceilDiv(numPanels, chunks), constant(1));
  bounds.push_back(numBlocks);
  bounds.push_back(ceilDiv(numPanels, panelsPerTask));
  loops(bounds, parallel, [&](ValueRange values) {
    DenseMap<unsigned, Value> outer;
    for (auto [loop, value] : llvm::zip(match.outer, values))
      outer[loop] = value;
    task(outer, values[values.size() - 2], values.back());
  });
  memref::DeallocOp::create(b, packedRight);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct LowerContractions
    : public sparsek::impl::SparsekLowerContractionsPassBase<
          LowerContractions> {
  using SparsekLowerContractionsPassBase::SparsekLowerContractionsPassBase;

  LogicalResult initialize(MLIRContext *context) override {
    for (const auto *option :
         {&vectorLanes, &tileVectors, &tileRows, &blockRows, &minTasks})
      if (*option < 1)
        return emitError(UnknownLoc::get(context))
               << "option '" << option->getArgStr() << "' of '" << getArgument()
               << "' must be at least 1, not " << option->getValue();
    if (vectorLanes % 2 != 0)
      return emitError(UnknownLoc::get(context))
             << "option 'vector-lanes' of '" << getArgument()
             << "' must be even, not " << vectorLanes.getValue();
    return success();
  }

  void runOnOperation() override {
    int64_t roundedRows = llvm::divideCeil(blockRows, tileRows) * tileRows;
    Tiling tiling{vectorLanes, tileVectors, tileRows, roundedRows, minTasks};
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops) {
      std::optional<Contraction> match = matchContraction(op);
      if (!match)
        continue;
      bool nested = op->getParentOfType<scf::ParallelOp>() ||
                    op->getParentOfType<scf::ForallOp>();
      Lowering(op, *match, tiling, parallel && !nested).run();
      op.erase();
    }
  }
};
} // namespace

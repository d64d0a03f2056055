//===- WarpProducts.cpp - Products of a warp ------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// A product is a sequence of steps: one load of four 8 x 8 matrices of the
// right operand, and the mma.sync that use it. Every step's loads come before
// the products of the step before, which hide their latency.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "sparsek/Dialect/Frag/IR/Frag.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace sparsek;
using namespace sparsek::frag;

namespace {
using Values = SmallVector<Value>;

/// The four 8 x 8 matrices of one load, in the order of their registers.
enum class Order {
  RowsFirst,   // rows 0-7, then 8-15 of columns 0-7, then the same of 8-15
  ColumnsFirst // columns 0-7, then 8-15 of rows 0-7, then the same of 8-15
};

/// A swizzled matrix in shared memory, as one lane reads it: 16-byte chunk c of
/// row r is stored at chunk c xor (r mod 8) of the row's 128 bytes.
class SharedMatrix {
public:
  SharedMatrix(ImplicitLocOpBuilder &b, Value address, int64_t panelBytes,
               Order order);

  /// Four registers of the 16 x 16 elements from row `16 * row` and column
  /// `16 * column` on.
  Values load(ImplicitLocOpBuilder &b, int64_t row, int64_t column,
              bool transposed);

private:
  int64_t panelBytes;
  /// Where the lane's row begins for each of the four columns of a panel.
  Values starts;
};
} // namespace

static Value buildI32(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
}

/// The bits of `value` in `mask`, moved right by `right`.
static Value buildField(ImplicitLocOpBuilder &b, Value value, int64_t right,
                        int64_t mask) {
  Value amount = buildI32(b, right);
  Value moved = arith::ShRUIOp::create(b, value, amount);
  Value bits = buildI32(b, mask);
  return arith::AndIOp::create(b, moved, bits);
}

SharedMatrix::SharedMatrix(ImplicitLocOpBuilder &b, Value address,
                           int64_t panelBytes, Order order)
    : panelBytes(panelBytes) {
  // Lanes 8i to 8i + 7 give the rows of matrix i.
  Value lane = NVVM::LaneIdOp::create(b, b.getI32Type());
  Value inMatrix = buildField(b, lane, 0, 7);
  bool rowsFirst = order == Order::RowsFirst;
  Value lowerRows = buildField(b, lane, rowsFirst ? 3 : 4, 1);
  Value rightColumns = buildField(b, lane, rowsFirst ? 4 : 3, 1);
  Value eightRows = buildI32(b, 8 * 128), oneRow = buildI32(b, 128);
  Value upper = arith::MulIOp::create(b, inMatrix, oneRow);
  Value lower = arith::MulIOp::create(b, lowerRows, eightRows);
  Value row = arith::AddIOp::create(b, upper, lower);
  Value chunk = arith::XOrIOp::create(b, rightColumns, inMatrix);
  Value four = buildI32(b, 4);
  Value inRow = arith::ShLIOp::create(b, chunk, four);
  Value offset = arith::AddIOp::create(b, row, inRow);
  Value first = arith::AddIOp::create(b, address, offset);
  Type pointer = LLVM::LLVMPointerType::get(
      b.getContext(), static_cast<unsigned>(NVVM::NVVMMemorySpace::Shared));
  for (int64_t column = 0; column < 4; ++column) {
    // Two chunks a column; the address is a multiple of 128 but for its chunk.
    Value bits = buildI32(b, 32 * column);
    Value start = arith::XOrIOp::create(b, first, bits);
    starts.push_back(LLVM::IntToPtrOp::create(b, pointer, start));
  }
}

Values SharedMatrix::load(ImplicitLocOpBuilder &b, int64_t row, int64_t column,
                          bool transposed) {
  int64_t bytes = column / 4 * panelBytes + row * 16 * 128;
  Value start = starts[column % 4];
  if (bytes != 0)
    start = LLVM::GEPOp::create(b, start.getType(), b.getI8Type(), start,
                                LLVM::GEPArg(static_cast<int32_t>(bytes)));
  auto type = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(4, b.getI32Type()));
  auto layout = transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row;
  Value loaded = NVVM::LdMatrixOp::create(
      b, type, start, /*num=*/4, layout,
      NVVM::LdStMatrixShapeAttr::get(b.getContext(), 8, 8),
      NVVM::LdStMatrixEltType::B16);
  Values registers;
  for (int64_t i = 0; i < 4; ++i)
    registers.push_back(LLVM::ExtractValueOp::create(b, loaded, i));
  return registers;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

namespace {
/// Accumulators of tiles of 16 rows, one element to a value.
struct Accumulators {
  Values elements;
  int64_t columns;

  /// Adds the product of a 16 x 16 left operand and 16 columns of a right
  /// operand from column `16 * block` on; columns that do not exist are left.
  void addProduct(ImplicitLocOpBuilder &b, int64_t tile, int64_t block,
                  ValueRange lhs, ValueRange rhs, Type type);
};
} // namespace

/// f16 operands are pairs, bf16 operands words.
static Values castOperands(ImplicitLocOpBuilder &b, ValueRange words,
                           Type type) {
  if (type.isBF16())
    return Values(words);
  Values pairs;
  for (Value word : words)
    pairs.push_back(LLVM::BitcastOp::create(b, VectorType::get(2, type), word));
  return pairs;
}

void Accumulators::addProduct(ImplicitLocOpBuilder &b, int64_t tile,
                              int64_t block, ValueRange lhs, ValueRange rhs,
                              Type type) {
  auto kind = type.isBF16() ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
  auto resultType = LLVM::LLVMStructType::getLiteral(
      b.getContext(), SmallVector<Type>(4, b.getF32Type()));
  Values left = castOperands(b, lhs, type), right = castOperands(b, rhs, type);
  for (int64_t half = 0; half < 2; ++half) {
    int64_t column = 16 * block + 8 * half;
    if (column >= columns)
      return;
    // Four elements of a thread for each eight columns.
    MutableArrayRef<Value> sums = MutableArrayRef<Value>(elements).slice(
        tile * (columns / 2) + column / 2, 4);
    Value product = NVVM::MmaOp::create(
        b, resultType, left, ArrayRef<Value>(right).slice(2 * half, 2),
        ValueRange(sums), ArrayRef<int64_t>{16, 8, 16}, /*b1Op=*/std::nullopt,
        /*intOverflow=*/std::nullopt, std::array<NVVM::MMATypes, 2>{kind, kind},
        std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                       NVVM::MMALayout::col});
    for (int64_t i = 0; i < 4; ++i)
      sums[i] = LLVM::ExtractValueOp::create(b, product, i);
  }
}

namespace {
struct LowerMmaSS : OpRewritePattern<MmaSSOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MmaSSOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    VectorType type = op.getResult().getType();
    int64_t tiles = op.getTiles(), depth = op.getDepth() / 16;
    int64_t columns = type.getNumElements() / tiles * 2;
    int64_t blocks = llvm::divideCeil(columns, 16);
    SharedMatrix left(b, op.getLhs(), op.getLhsPanel(), Order::RowsFirst);
    SharedMatrix right(b, op.getRhs(), op.getRhsPanel(), Order::ColumnsFirst);
    Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
    Accumulators sums{Values(type.getNumElements(), zero), columns};

    SmallVector<Values> lhs(tiles), nextLhs(tiles);
    Values rhs, nextRhs;
    int64_t steps = depth * blocks;
    for (int64_t step = -1; step < steps; ++step) {
      int64_t next = step + 1;
      if (next < steps) {
        // Tiles are 64 rows apart.
        if (next % blocks == 0)
          for (int64_t tile = 0; tile < tiles; ++tile)
            nextLhs[tile] = left.load(b, 4 * tile, next / blocks, false);
        nextRhs = right.load(b, next % blocks, next / blocks, false);
      }
      for (int64_t tile = 0; step >= 0 && tile < tiles; ++tile)
        sums.addProduct(b, tile, step % blocks, lhs[tile], rhs, op.getType());
      lhs = nextLhs;
      rhs = nextRhs;
    }
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, type,
                                                        sums.elements);
    return success();
  }
};

struct LowerMmaRS : OpRewritePattern<MmaRSOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(MmaRSOp op,
                                PatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    VectorType type = op.getResult().getType();
    int64_t tiles = op.getTiles();
    int64_t columns = type.getNumElements() / tiles * 2;
    int64_t blocks = llvm::divideCeil(columns, 16);
    int64_t words = op.getLhs().getType().getNumElements() / tiles;
    SharedMatrix right(b, op.getRhs(), op.getPanel(), Order::RowsFirst);
    auto before = vector::ToElementsOp::create(b, op.getAccumulator());
    auto lhs = vector::ToElementsOp::create(b, op.getLhs());
    Accumulators sums{Values(before.getResults()), columns};

    Values rhs, nextRhs;
    int64_t steps = words / 4 * blocks;
    for (int64_t step = -1; step < steps; ++step) {
      int64_t next = step + 1;
      if (next < steps)
        nextRhs = right.load(b, next / blocks, next % blocks, true);
      for (int64_t tile = 0; step >= 0 && tile < tiles; ++tile) {
        int64_t first = tile * words + 4 * (step / blocks);
        sums.addProduct(b, tile, step % blocks,
                        lhs.getResults().slice(first, 4), rhs, op.getType());
      }
      rhs = nextRhs;
    }
    rewriter.replaceOpWithNewOp<vector::FromElementsOp>(op, type,
                                                        sums.elements);
    return success();
  }
};
} // namespace

void sparsek::populateWarpProductPatterns(RewritePatternSet &patterns) {
  patterns.add<LowerMmaRS, LowerMmaSS>(patterns.getContext());
}

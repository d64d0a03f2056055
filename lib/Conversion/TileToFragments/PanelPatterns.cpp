//===- PanelPatterns.cpp - Rows of a warp times a narrow matrix -----------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// An mma.sync of 16 x 8 x 16 wants, in lane l, the columns 2t, 2t + 1, 2t + 8
// and 2t + 9 of the left operand, t = l mod 4. A sum may take them in any order
// that is that of the right operand too. So in each group of 32 columns a lane
// has the columns 8t to 8t + 7, which are one load; the first product of a
// group takes the first four of them and the second one the others.
//
//===----------------------------------------------------------------------===//

#include "Patterns.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cfloat>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::tile;

using Values = FragmentBuilder::Values;

/// Columns of a group, and words that a lane holds of it.
static constexpr int64_t kGroup = 32;
static constexpr int64_t kGroupWords = 8;

namespace {
struct LowerLoadPanel : TilePattern<LoadPanelOp> {
  using TilePattern::TilePattern;

  void lower(LoadPanelOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    GlobalArray source = GlobalArray::get(op.getSource());
    int64_t columns = cast<MemRefType>(op.getSource().getType()).getDimSize(2);
    int64_t groups = op.getPanel().getType().getNumElements() / kGroupWords;
    Value inGroup = b.shl({b.bitAnd({frame.lane, b.i32(3)}), b.i32(3)});
    Value column = b.add({adaptor.getColumn(), inGroup});
    Value row = b.add({adaptor.getRow(), b.shr({frame.lane, b.i32(2)})});
    Value last = b.sub({adaptor.getLimit(), b.i32(1)});
    Value batch = source.scale(b, adaptor.getBatch(), 0);
    Value inRow = source.scale(b, column, 2);
    Value starts[2];
    for (int64_t half = 0; half < 2; ++half) {
      Value there = b.smin({b.add({row, b.i32(8 * half)}), last});
      Value bytes = b.add({source.scale(b, there, 1), inRow});
      starts[half] = b.offset(source.pointer, b.add({batch, bytes}));
    }

    Type words = VectorType::get(4, b.getI32Type());
    Values elements;
    for (int64_t group = 0; group < groups; ++group) {
      auto load = [&]() -> Values {
        Values both;
        for (Value start : starts) {
          Value place =
              b.offset(start, group * kGroup * source.getElementBytes());
          both.push_back(b.load(place, words));
        }
        return both;
      };
      Values both;
      if (op.getMasked()) {
        Value inside = b.slt({column, b.i32(columns - group * kGroup)});
        auto none = [&]() -> Values {
          Value zeros = b.splat(b.i32(0), 4);
          return {zeros, zeros};
        };
        both = b.ifElse(inside, {words, words}, load, none);
      } else {
        both = load();
      }
      for (Value half : both)
        llvm::append_range(elements, b.elements(half));
    }
    rewriter.replaceOp(op, b.vector(elements));
  }
};

struct LowerMmaPanel : TilePattern<MmaPanelOp> {
  using TilePattern::TilePattern;

  void lower(MmaPanelOp op, OpAdaptor adaptor, FragmentBuilder &b,
             ConversionPatternRewriter &rewriter) const override {
    Values panel = b.elements(adaptor.getPanel());
    Values sums = b.elements(adaptor.getAccumulator());
    int64_t groups = panel.size() / kGroupWords, blocks = sums.size() / 4;
    int64_t parts = op.getParts();
    Type words = VectorType::get(4, b.getI32Type());
    Value group =
        b.mul({adaptor.getGroup(), b.i32(parts * blocks * 32 * kWordsBytes)});
    Value inUnit = b.shl({frame.lane, b.i32(4)});
    Value rhs = b.offset(b.offset(GlobalArray::get(op.getRhs()).pointer, group),
                         inUnit);
    Value zero = b.f32(0);
    for (int64_t block = 0; block < blocks; ++block) {
      // The small parts first: few numbers are live at a time.
      Values small;
      for (int64_t part = parts - 1; part >= 0; --part) {
        // Two chains of products, which overlap.
        Values chains[2] = {Values(4, zero), Values(4, zero)};
        for (int64_t group = 0; group < groups; ++group) {
          ArrayRef<Value> upper =
              ArrayRef<Value>(panel).slice(group * kGroupWords, 4);
          ArrayRef<Value> lower =
              ArrayRef<Value>(panel).slice(group * kGroupWords + 4, 4);
          int64_t unit = (group * parts + part) * blocks + block;
          Values right =
              b.elements(b.load(b.offset(rhs, unit * 32 * kWordsBytes), words));
          for (int64_t half = 0; half < 2; ++half)
            addProduct(b, chains[half],
                       {upper[2 * half], lower[2 * half], upper[2 * half + 1],
                        lower[2 * half + 1]},
                       {right[2 * half], right[2 * half + 1]}, op.getElement());
        }
        Values product;
        for (int64_t i = 0; i < 4; ++i)
          product.push_back(b.add({chains[0][i], chains[1][i]}));
        small = addPart(b, product, small, part, op.getElement());
      }
      for (int64_t i = 0; i < 4; ++i) {
        Value &sum = sums[4 * block + i];
        sum = b.add({sum, small[i]});
      }
    }
    rewriter.replaceOp(op, b.vector(sums));
  }

private:
  static constexpr int64_t kWordsBytes = 16;

  /// Adds the smaller parts, if there are any, to a part; all but the first
  /// part are then scaled as the one before.
  static Values addPart(FragmentBuilder &b, const Values &product,
                        const Values &small, int64_t part, Type element) {
    // The scales of f16 parts differ by the bits of an f16 number.
    unsigned bits = cast<FloatType>(element).getFPMantissaWidth();
    Value scale = b.f32(element.isF16() ? 1.0 / (1 << bits) : 1.0);
    Values result;
    for (auto [i, value] : llvm::enumerate(product)) {
      Value sum = value;
      if (!small.empty()) {
        Value other = small[i];
        if (part == 0) {
          Value magnitude = b.fmax({other, b.neg(other)});
          Value finite =
              b.cmp(arith::CmpFPredicate::OLE, {magnitude, b.f32(FLT_MAX)});
          other = b.select({finite, other, b.f32(0)});
        }
        sum = b.add({sum, other});
      }
      result.push_back(part > 0 ? b.mul({sum, scale}) : sum);
    }
    return result;
  }

  static void addProduct(FragmentBuilder &b, Values &sums, Values lhs,
                         Values rhs, Type element) {
    auto kind = element.isBF16() ? NVVM::MMATypes::bf16 : NVVM::MMATypes::f16;
    // bf16 operands are words, f16 operands pairs.
    if (element.isF16())
      for (Values *operands : {&lhs, &rhs})
        for (Value &word : *operands)
          word = LLVM::BitcastOp::create(b, VectorType::get(2, element), word);
    auto type = LLVM::LLVMStructType::getLiteral(
        b.getContext(), SmallVector<Type>(4, b.getF32Type()));
    Value product = NVVM::MmaOp::create(
        b, type, lhs, rhs, sums, ArrayRef<int64_t>{16, 8, 16},
        /*b1Op=*/std::nullopt, /*intOverflow=*/std::nullopt,
        std::array<NVVM::MMATypes, 2>{kind, kind},
        std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                       NVVM::MMALayout::col});
    for (int64_t i = 0; i < 4; ++i)
      sums[i] = LLVM::ExtractValueOp::create(b, product, i);
  }
};
} // namespace

void sparsek::populatePanelPatterns(RewritePatternSet &patterns,
                                    const TypeConverter &converter,
                                    const KernelFrame &frame) {
  patterns.add<LowerLoadPanel, LowerMmaPanel>(converter, patterns.getContext(),
                                              frame);
}

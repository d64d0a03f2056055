//===- FragmentsToNVVM.cpp - Tensor-core products as PTX ------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The one place with PTX in it. nvvm.wgmma.mma_async has no form with its left
// operand in registers, and nvvm.wgmma.wait.group does not name the registers
// that it makes ready.
//
//===----------------------------------------------------------------------===//

#include "sparsek/Conversion/Passes.h"

#include "Patterns.h"
#include "sparsek/Dialect/Frag/IR/Frag.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace sparsek {
#define GEN_PASS_DEF_CONVERTFRAGMENTSTONVVMPASS
#include "sparsek/Conversion/Passes.h.inc"
} // namespace sparsek

using namespace mlir;
using namespace sparsek;
using namespace sparsek::frag;

/// High word of every matrix descriptor: 1024 bytes between groups of eight
/// rows (bits 0-13, in units of 16), 128-byte swizzle (bits 30-31).
static constexpr int64_t kDescriptorHigh = (1024 >> 4) | (1 << 30);

/// "{$first, ..., $(first + count - 1)}".
static std::string registerList(int64_t first, int64_t count) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "{";
  llvm::interleaveComma(llvm::seq(first, first + count), os,
                        [&](int64_t i) { os << "$" << i; });
  os << "}";
  return text;
}

/// Sets the 64-bit register `name` to the descriptor operand plus `bytes`.
static std::string descriptor(StringRef name, int64_t operand, int64_t bytes) {
  return llvm::formatv("add.s32 t{0}, ${1}, {2}; mov.b64 {0}, {{t{0}, {3}}; ",
                       name, operand, bytes >> 4, kDescriptorHigh)
      .str();
}

static StringRef elementName(Type type) {
  return type.isBF16() ? "bf16" : "f16";
}

static std::string productName(int64_t columns, Type type) {
  return llvm::formatv("wgmma.mma_async.sync.aligned.m64n{0}k16.f32.{1}.{1} ",
                       columns, elementName(type))
      .str();
}

/// One group of products, after the registers that it reads and writes.
static std::string productGroup(StringRef registers, StringRef body) {
  return llvm::formatv("{{ {0}wgmma.fence.sync.aligned; "
                       "{1}wgmma.commit_group.sync.aligned; }",
                       registers, body)
      .str();
}

/// Inline PTX with side effects whose results are `count` f32 registers.
static Value buildAsm(PatternRewriter &rewriter, Location loc, StringRef text,
                      StringRef constraints, ValueRange operands,
                      VectorType resultType) {
  int64_t count = resultType.getNumElements();
  SmallVector<Type> fields(count, rewriter.getF32Type());
  auto structType =
      LLVM::LLVMStructType::getLiteral(rewriter.getContext(), fields);
  auto op = LLVM::InlineAsmOp::create(
      rewriter, loc, structType, operands, text, constraints,
      /*has_side_effects=*/true, /*is_align_stack=*/false,
      LLVM::tailcallkind::TailCallKind::None,
      LLVM::AsmDialectAttr::get(rewriter.getContext(),
                                LLVM::AsmDialect::AD_ATT),
      ArrayAttr());
  SmallVector<Value> results;
  for (int64_t i = 0; i < count; ++i)
    results.push_back(
        LLVM::ExtractValueOp::create(rewriter, loc, op.getRes(), i));
  return vector::FromElementsOp::create(rewriter, loc, resultType, results);
}

static SmallVector<Value> unpack(PatternRewriter &rewriter, Location loc,
                                 Value vector) {
  auto op = vector::ToElementsOp::create(rewriter, loc, vector);
  return SmallVector<Value>(op.getResults());
}

/// Constraints: `count` results, then as many operands in the same registers.
static std::string tiedConstraints(int64_t count) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t i = 0; i < count; ++i)
    os << "=f,";
  llvm::interleave(llvm::seq<int64_t>(0, count), os, ",");
  return text;
}

namespace {
struct LowerWgmmaSS : OpRewritePattern<WgmmaSSOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WgmmaSSOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getResult().getType();
    int64_t count = type.getNumElements();
    std::string body, constraints;
    for (int64_t k = 0; k < static_cast<int64_t>(op.getDepth()) / 16; ++k) {
      // 16 columns are 32 bytes; four steps make a panel.
      int64_t panel = k / 4, inPanel = k % 4 * 32;
      body += descriptor("da", count, panel * op.getLhsPanel() + inPanel);
      body += descriptor("db", count + 1, panel * op.getRhsPanel() + inPanel);
      body += productName(2 * count, op.getType()) + registerList(0, count);
      // The first step overwrites the accumulator.
      body += llvm::formatv(", da, db, {0}, 1, 1, 0, 0; ", k ? 1 : 0).str();
    }
    for (int64_t i = 0; i < count; ++i)
      constraints += "=f,";
    std::string text =
        productGroup(".reg .b64 da, db; .reg .b32 tda, tdb; ", body);
    rewriter.replaceOp(op, buildAsm(rewriter, op.getLoc(), text,
                                    constraints + "r,r",
                                    {op.getLhs(), op.getRhs()}, type));
    return success();
  }
};

struct LowerWgmmaRS : OpRewritePattern<WgmmaRSOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WgmmaRSOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getResult().getType();
    int64_t count = type.getNumElements();
    int64_t words = op.getLhs().getType().getNumElements();
    // Operands: results, accumulators in the same registers, left operand.
    int64_t firstWord = 2 * count, matrix = 2 * count + words;
    std::string body, constraints = tiedConstraints(count);
    for (int64_t k = 0; k < words / 4; ++k) {
      // 16 rows of 128 bytes.
      body += descriptor("db", matrix, k * 16 * 128);
      body += productName(2 * count, op.getType()) + registerList(0, count);
      body += ", " + registerList(firstWord + 4 * k, 4) + ", db, 1, 1, 1, 1; ";
    }
    for (int64_t i = 0; i < words; ++i)
      constraints += ",r";
    std::string text = productGroup(".reg .b64 db; .reg .b32 tdb; ", body);
    Location loc = op.getLoc();
    SmallVector<Value> operands = unpack(rewriter, loc, op.getAccumulator());
    llvm::append_range(operands, unpack(rewriter, loc, op.getLhs()));
    operands.push_back(op.getRhs());
    rewriter.replaceOp(
        op, buildAsm(rewriter, loc, text, constraints + ",r", operands, type));
    return success();
  }
};

struct LowerWgmmaWait : OpRewritePattern<WgmmaWaitOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(WgmmaWaitOp op,
                                PatternRewriter &rewriter) const override {
    VectorType type = op.getResult().getType();
    std::string text = llvm::formatv("wgmma.wait_group.sync.aligned {0};",
                                     op.getOutstanding());
    rewriter.replaceOp(
        op, buildAsm(rewriter, op.getLoc(), text,
                     tiedConstraints(type.getNumElements()),
                     unpack(rewriter, op.getLoc(), op.getValue()), type));
    return success();
  }
};

struct LowerArrive : OpRewritePattern<ArriveOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ArriveOp op,
                                PatternRewriter &rewriter) const override {
    Type i32 = rewriter.getI32Type();
    Value condition =
        LLVM::ZExtOp::create(rewriter, op.getLoc(), i32, op.getCondition());
    // Shared memory has 32-bit addresses; pointers to it may be wider.
    Value barrier =
        LLVM::PtrToIntOp::create(rewriter, op.getLoc(), i32, op.getBarrier());
    LLVM::InlineAsmOp::create(
        rewriter, op.getLoc(), TypeRange(), ValueRange{barrier, condition},
        "{ .reg .pred p; setp.ne.b32 p, $1, 0; "
        "@p mbarrier.arrive.shared::cta.b64 _, [$0]; }",
        "r,r,~{memory}", /*has_side_effects=*/true, /*is_align_stack=*/false,
        LLVM::tailcallkind::TailCallKind::None,
        LLVM::AsmDialectAttr::get(rewriter.getContext(),
                                  LLVM::AsmDialect::AD_ATT),
        ArrayAttr());
    rewriter.eraseOp(op);
    return success();
  }
};

struct LowerRowAddress : OpRewritePattern<RowAddressOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(RowAddressOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value base = LLVM::PtrToIntOp::create(rewriter, loc, rewriter.getI64Type(),
                                          op.getBase());
    auto sum = LLVM::InlineAsmOp::create(
        rewriter, loc, rewriter.getI64Type(),
        ValueRange{op.getIndex(), op.getStride(), base},
        "mad.wide.u32 $0, $1, $2, $3;", "=l,r,r,l",
        /*has_side_effects=*/false, /*is_align_stack=*/false,
        LLVM::tailcallkind::TailCallKind::None,
        LLVM::AsmDialectAttr::get(rewriter.getContext(),
                                  LLVM::AsmDialect::AD_ATT),
        ArrayAttr());
    rewriter.replaceOpWithNewOp<LLVM::IntToPtrOp>(op, op.getType(),
                                                  sum.getRes());
    return success();
  }
};

struct ConvertFragmentsToNVVM
    : sparsek::impl::ConvertFragmentsToNVVMPassBase<ConvertFragmentsToNVVM> {
  using Base::Base;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<LowerArrive, LowerRowAddress, LowerWgmmaRS, LowerWgmmaSS,
                 LowerWgmmaWait>(&getContext());
    populateWarpProductPatterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace

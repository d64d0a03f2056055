//===- AttentionBuilder.cpp - Builds sparsek ops for a match --------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AttentionBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace sparsek::raise;

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

static DigitGroup flatten(const DigitGroups &groups) {
  DigitGroup flat;
  for (const DigitGroup &group : groups)
    llvm::append_range(flat, group);
  return flat;
}

/// A dimension of static size in which digits do not follow each other: each
/// digit, with a range, becomes a dimension of its own.
bool AttentionBuilder::addSplitDimension(Layout &layout, ExprRef index,
                                         ExprRef size) {
  auto total = ExprContext::getInt(size);
  if (!total || index->num < 0)
    return false;
  SmallVector<std::pair<int64_t, ExprRef>> terms;
  for (auto [atom, coeff] : llvm::zip(index->ops, index->coeffs)) {
    if (!atom->is(ExprKind::Sym) || coeff <= 0)
      return false;
    terms.push_back({coeff, atom});
  }
  llvm::sort(terms, [](auto &x, auto &y) { return x.first > y.first; });
  // What is left within the innermost digit is one more dimension.
  if (terms.back().first != 1)
    terms.push_back({1, nullptr});
  int64_t above = *total, rest = index->num;
  SmallVector<int64_t> &split = layout.splits.back();
  for (auto [stride, digit] : terms) {
    if (above % stride != 0)
      return false;
    const int64_t slots = above / stride, offset = rest / stride;
    auto extent = digit ? ExprContext::getInt(digit->ops[0]) : 1;
    if (!extent || offset > slots - *extent)
      return false;
    split.push_back(slots);
    layout.dims.push_back(digit ? DigitGroup{digit} : DigitGroup());
    layout.ranges.push_back({offset, *extent == slots});
    above = stride;
    rest %= stride;
  }
  return true;
}

std::optional<Layout> AttentionBuilder::getLayout(const Access &access) {
  Layout layout;
  SmallVector<ExprRef> seen;
  for (auto [i, index] : llvm::enumerate(access.indices)) {
    layout.splits.emplace_back();
    DigitGroup group;
    Layout::Range range;
    // Peel the digits off from the innermost: each stride is the number of
    // values of all digits within.
    ExprRef stride = ctx.intConst(1);
    ExprRef rest = ctx.sub(index, ctx.intConst(index->num));
    while (ExprContext::getInt(rest) != 0) {
      ExprRef digit = nullptr;
      for (ExprRef atom : rest->ops) {
        for (ExprRef f :
             atom->is(ExprKind::IntProd) ? atom->ops : ArrayRef(atom)) {
          if (!f->is(ExprKind::Sym))
            continue;
          ExprRef term = ctx.mul(stride, ctx.fromAtom(f));
          // The whole term must go, and no other with this digit stay.
          if (!digit && !ctx.dependsOn(ctx.sub(rest, term), f)) {
            digit = f;
            rest = ctx.sub(rest, term);
            break;
          }
        }
        if (digit)
          break;
      }
      if (!digit)
        break;
      group.insert(group.begin(), digit);
      stride = ctx.mul(stride, digit->ops[0]);
    }
    ExprRef size = eval.dimOf(access.tensor, i);
    if (ExprContext::getInt(rest) != 0) {
      if (!addSplitDimension(layout, index, size))
        return std::nullopt;
      continue;
    }
    range.offset = index->num;
    range.whole = index->num == 0 && size == stride;
    if (!range.whole) {
      auto staticSize = ExprContext::getInt(size);
      auto staticSpan = ExprContext::getInt(stride);
      if (!staticSize || !staticSpan || range.offset < 0 ||
          range.offset > *staticSize - *staticSpan)
        return std::nullopt;
    }
    layout.dims.push_back(group);
    layout.ranges.push_back(range);
  }
  // No digit twice, in whatever dimensions.
  for (ExprRef digit : flatten(layout.dims)) {
    if (llvm::is_contained(seen, digit))
      return std::nullopt;
    seen.push_back(digit);
  }
  return layout;
}

static DigitGroups singles(ArrayRef<ExprRef> digits) {
  DigitGroups groups;
  for (ExprRef digit : digits)
    groups.push_back({digit});
  return groups;
}

static DigitGroups withoutUnits(const DigitGroups &groups) {
  DigitGroups result;
  for (const DigitGroup &group : groups)
    if (!group.empty())
      result.push_back(group);
  return result;
}

bool AttentionBuilder::covers(const Layout &layout, const DigitGroups &groups) {
  DigitGroup a = flatten(layout.dims), b = flatten(groups);
  auto byId = [](ExprRef x, ExprRef y) { return x->id < y->id; };
  llvm::sort(a, byId);
  llvm::sort(b, byId);
  return a == b;
}

ExprRef AttentionBuilder::extentOf(const DigitGroup &group) {
  ExprRef extent = ctx.intConst(1);
  for (ExprRef digit : group)
    extent = ctx.mul(extent, digit->ops[0]);
  return extent;
}

int64_t AttentionBuilder::staticExtentOf(const DigitGroup &group) {
  return ExprContext::getInt(extentOf(group)).value_or(ShapedType::kDynamic);
}

//===----------------------------------------------------------------------===//
// Sizes and types
//===----------------------------------------------------------------------===//

Value AttentionBuilder::size(ExprRef extent) {
  if (Value known = sizes.lookup(extent))
    return known;
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value result;
  switch (extent->kind) {
  case ExprKind::Dim:
    result =
        tensor::DimOp::create(builder, loc, extent->getValue(), extent->num);
    break;
  case ExprKind::IntProd:
    for (ExprRef f : extent->ops) {
      Value factor = size(f);
      result =
          result ? arith::MulIOp::create(builder, loc, result, factor) : factor;
    }
    break;
  case ExprKind::FloorDiv:
  case ExprKind::Mod: {
    Value a = size(extent->ops[0]);
    Value b = size(extent->ops[1]);
    if (extent->is(ExprKind::FloorDiv))
      result = arith::DivUIOp::create(builder, loc, a, b);
    else
      result = arith::RemUIOp::create(builder, loc, a, b);
    break;
  }
  default: {
    // A sum of the above; sizes have no other atoms.
    for (auto [atom, coeff] : llvm::zip(extent->ops, extent->coeffs)) {
      Value term = size(atom);
      if (coeff != 1)
        term = arith::MulIOp::create(builder, loc, term, constant(coeff));
      result =
          result ? arith::AddIOp::create(builder, loc, result, term) : term;
    }
    if (!result)
      result = constant(extent->num);
    else if (extent->num != 0)
      result =
          arith::AddIOp::create(builder, loc, result, constant(extent->num));
    break;
  }
  }
  return sizes[extent] = result;
}

SmallVector<OpFoldResult> AttentionBuilder::sizesOf(const DigitGroups &groups) {
  SmallVector<OpFoldResult> result;
  for (const DigitGroup &group : groups) {
    ExprRef extent = extentOf(group);
    if (auto constant = ExprContext::getInt(extent))
      result.push_back(builder.getIndexAttr(*constant));
    else
      result.push_back(size(extent));
  }
  return result;
}

RankedTensorType AttentionBuilder::typeOf(const DigitGroups &groups,
                                          Type element) {
  SmallVector<int64_t> shape;
  for (const DigitGroup &group : groups)
    shape.push_back(staticExtentOf(group));
  return RankedTensorType::get(shape, element);
}

//===----------------------------------------------------------------------===//
// Reshapes and transposes
//===----------------------------------------------------------------------===//

/// Which dimensions of the finer grouping make each of the coarser. Unit
/// dimensions join the dimension before them, or the first.
static SmallVector<ReassociationIndices>
reassociate(const DigitGroups &fine, const DigitGroups &coarse) {
  SmallVector<ReassociationIndices> result(coarse.size());
  size_t next = 0;
  for (auto [i, group] : llvm::enumerate(coarse)) {
    size_t digits = 0;
    while (next < fine.size() &&
           (digits < group.size() || fine[next].empty())) {
      digits += fine[next].size();
      result[i].push_back(next++);
    }
  }
  return result;
}

Value AttentionBuilder::collapse(Value tensor, const DigitGroups &from,
                                 const DigitGroups &to) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (from.size() == to.size())
    return tensor;
  return tensor::CollapseShapeOp::create(builder, loc, typeOf(to, element),
                                         tensor, reassociate(from, to));
}

Value AttentionBuilder::expand(Value tensor, const DigitGroups &from,
                               const DigitGroups &to) {
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  if (from.size() == to.size())
    return tensor;
  return tensor::ExpandShapeOp::create(builder, loc, typeOf(to, element),
                                       tensor, reassociate(to, from),
                                       sizesOf(to));
}

/// Changes the grouping of digits that stay in order.
Value AttentionBuilder::reshape(Value tensor, const DigitGroups &from,
                                const DigitGroups &to) {
  if (from == to)
    return tensor;
  DigitGroups inner = withoutUnits(from), outer = withoutUnits(to);
  tensor = collapse(tensor, from, inner);
  if (inner != outer) {
    DigitGroups digits = singles(flatten(from));
    tensor = expand(tensor, inner, digits);
    tensor = collapse(tensor, digits, outer);
  }
  return expand(tensor, outer, to);
}

Value AttentionBuilder::reorder(Value tensor, const DigitGroups &from,
                                const DigitGroups &to) {
  DigitGroup source = flatten(from), target = flatten(to);
  if (source == target)
    return reshape(tensor, from, to);
  DigitGroups sourceDigits = singles(source), targetDigits = singles(target);
  tensor = reshape(tensor, from, sourceDigits);
  SmallVector<int64_t> permutation;
  for (ExprRef digit : target)
    permutation.push_back(llvm::find(source, digit) - source.begin());
  Type element = cast<RankedTensorType>(tensor.getType()).getElementType();
  Value init =
      tensor::EmptyOp::create(builder, loc, sizesOf(targetDigits), element);
  tensor = linalg::TransposeOp::create(builder, loc, tensor, init, permutation)
               ->getResult(0);
  return reshape(tensor, targetDigits, to);
}

Value AttentionBuilder::split(Value tensor, const Layout &layout) {
  if (llvm::all_of(layout.splits, [](auto &sizes) { return sizes.empty(); }))
    return tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape;
  SmallVector<OpFoldResult> sizes;
  SmallVector<ReassociationIndices> groups;
  for (auto [i, split] : llvm::enumerate(layout.splits)) {
    ReassociationIndices &group = groups.emplace_back();
    SmallVector<int64_t> parts = split;
    if (parts.empty())
      parts.push_back(type.getDimSize(i));
    for (int64_t part : parts) {
      group.push_back(shape.size());
      shape.push_back(part);
      if (ShapedType::isDynamic(part))
        sizes.push_back(
            tensor::DimOp::create(builder, loc, tensor, i).getResult());
      else
        sizes.push_back(builder.getIndexAttr(part));
    }
  }
  return tensor::ExpandShapeOp::create(
      builder, loc, RankedTensorType::get(shape, type.getElementType()), tensor,
      groups, sizes);
}

Value AttentionBuilder::arrange(Value tensor, const Layout &layout,
                                const DigitGroups &groups) {
  tensor = split(tensor, layout);
  auto type = cast<RankedTensorType>(tensor.getType());
  RankedTensorType digits = typeOf(layout.dims, type.getElementType());
  bool slice = llvm::any_of(layout.ranges,
                            [](const Layout::Range &r) { return !r.whole; });
  if (slice) {
    SmallVector<OpFoldResult> offsets;
    for (const Layout::Range &range : layout.ranges)
      offsets.push_back(builder.getIndexAttr(range.offset));
    SmallVector<OpFoldResult> strides(layout.dims.size(),
                                      builder.getIndexAttr(1));
    tensor = tensor::ExtractSliceOp::create(
        builder, loc, digits, tensor, offsets, sizesOf(layout.dims), strides);
  } else if (digits != type) {
    tensor = tensor::CastOp::create(builder, loc, digits, tensor);
  }
  return reorder(tensor, layout.dims, groups);
}

Value AttentionBuilder::restore(Value tensor, const DigitGroups &groups,
                                const Layout &layout, RankedTensorType type) {
  tensor = convert(tensor, type.getElementType());
  tensor = reorder(tensor, groups, layout.dims);
  if (tensor.getType() != type)
    tensor = tensor::CastOp::create(builder, loc, type, tensor);
  return tensor;
}

Value AttentionBuilder::convert(Value tensor, Type elementType) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getElementType() == elementType)
    return tensor;
  SmallVector<OpFoldResult> shape;
  for (int64_t i : llvm::seq(type.getRank())) {
    if (type.isDynamicDim(i))
      shape.push_back(
          tensor::DimOp::create(builder, loc, tensor, i).getResult());
    else
      shape.push_back(builder.getIndexAttr(type.getDimSize(i)));
  }
  Value init = tensor::EmptyOp::create(builder, loc, shape, elementType);
  AffineMap map = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> loops(type.getRank(),
                                         utils::IteratorType::parallel);
  bool widen = elementType.getIntOrFloatBitWidth() >
               type.getElementType().getIntOrFloatBitWidth();
  auto op = linalg::GenericOp::create(
      builder, loc, init.getType(), tensor, init, ArrayRef{map, map}, loops,
      [&](OpBuilder &b, Location l, ValueRange args) {
        Value value;
        if (widen) {
          value = arith::ExtFOp::create(b, l, elementType, args[0]);
        } else if (elementType.getIntOrFloatBitWidth() <
                   type.getElementType().getIntOrFloatBitWidth()) {
          value = arith::TruncFOp::create(b, l, elementType, args[0]);
        } else {
          // f16 and bf16: through f32.
          value = arith::ExtFOp::create(b, l, b.getF32Type(), args[0]);
          value = arith::TruncFOp::create(b, l, elementType, value);
        }
        linalg::YieldOp::create(b, l, value);
      });
  return op.getResult(0);
}

//===- IREESpec.cpp - A transform spec from a user's function -------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Target/IREESpec.h"

#include "IREESpecWriter.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace sparsek;

namespace {
/// A dimension that two of q, k, v and o have in common.
struct SharedDimension {
  StringLiteral name;
  unsigned first, firstDim, second, secondDim;
};
} // namespace

static constexpr StringLiteral kOperands[] = {"q", "k", "v", "o"};
static constexpr SharedDimension kShared[] = {
    {"B", 0, 0, 1, 0}, {"B", 0, 0, 2, 0}, {"B", 0, 0, 3, 0}, {"M", 0, 1, 3, 1},
    {"N", 1, 1, 2, 1}, {"D", 0, 2, 1, 2}, {"Dv", 2, 2, 3, 2}};

/// Checks that a function can be attention.
static LogicalResult checkFunction(func::FuncOp function) {
  FunctionType type = function.getFunctionType();
  auto is3D = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == 3;
  };
  if (function.isExternal() || !function.getBody().hasOneBlock() ||
      type.getNumInputs() != 3 || type.getNumResults() != 1 ||
      !llvm::all_of(type.getInputs(), is3D) || !is3D(type.getResult(0)))
    return function.emitError("must take q[B,M,D], k[B,N,D] and v[B,N,Dv] and "
                              "return o[B,M,Dv], in one block, as the function "
                              "of a transform spec; its type is ")
           << type;
  SmallVector<RankedTensorType> tensors;
  for (Type each :
       llvm::concat<const Type>(type.getInputs(), type.getResults()))
    tensors.push_back(cast<RankedTensorType>(each));
  for (auto [name, tensor] : llvm::zip_equal(kOperands, tensors)) {
    Type element = tensor.getElementType();
    if (!isa<FloatType>(element) || element != tensors[0].getElementType())
      return function.emitError(
                 "as the function of a transform spec must have "
                 "one float type for q, k, v and o; its type is ")
             << type;
  }
  for (const SharedDimension &shared : kShared) {
    int64_t first = tensors[shared.first].getDimSize(shared.firstDim);
    int64_t second = tensors[shared.second].getDimSize(shared.secondDim);
    if (ShapedType::isStatic(first) && ShapedType::isStatic(second) &&
        first != second)
      return function.emitError("as the function of a transform spec must have "
                                "one ")
             << shared.name << ", but " << kOperands[shared.first] << " has "
             << first << " and " << kOperands[shared.second] << " has "
             << second;
  }
  return success();
}

/// Matches attention of these types, dimensions in this order, with a mask or
/// without.
static std::string makeMatcher(FunctionType type, bool mask) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "    %b, %m, %n, %k1, %k2 = transform.iree.match.attention %op";
  constexpr StringLiteral names[] = {"query", "key", "value"};
  for (auto [name, tensor] : llvm::zip_equal(names, type.getInputs()))
    os << ", " << name
       << "_type = " << cast<RankedTensorType>(tensor).getElementType();
  os << ", output_type = "
     << cast<RankedTensorType>(type.getResult(0)).getElementType()
     << ", indexing_maps = [";
  SmallVector<StringRef> maps{"b, m, k1", "b, k2, k1", "b, k2, n", ""};
  if (mask)
    maps.push_back("b, m, k2");
  maps.push_back("b, m, n");
  llvm::interleaveComma(maps, os, [&](StringRef results) {
    os << "affine_map<(b, m, n, k1, k2) -> (" << results << ")>";
  });
  os << "] : !transform.any_op -> !transform.param<i64>\n";
  for (auto [number, input] : llvm::enumerate(type.getInputs()))
    os << "    %in" << number << " = transform.get_operand %op[" << number
       << "] : (!transform.any_op) -> !transform.any_value\n"
       << "    transform.iree.match.cast_compatible_type %in" << number << " = "
       << input << " : !transform.any_value\n";
  os << "    %in = transform.get_operand %op[0, 1, 2] : (!transform.any_op) -> "
        "!transform.any_value\n";
  return text;
}

LogicalResult sparsek::emitIREESpec(ModuleOp module, raw_ostream &os) {
  OwningOpRef<ModuleOp> spec = module.clone();
  SmallVector<func::FuncOp> functions;
  for (auto function : spec->getOps<func::FuncOp>())
    if (function.isPublic())
      functions.push_back(function);
  if (functions.size() != 1)
    return module.emitError("a transform spec is made of a module with one "
                            "public function, this one has ")
           << functions.size()
           << "; with --score-weight, of a model that has attention";
  func::FuncOp function = functions.front();
  if (failed(checkFunction(function)))
    return failure();
  FunctionType type = function.getFunctionType();
  return writeIREESpec(
      *spec,
      IREEReplacement{function,
                      {makeMatcher(type, false), makeMatcher(type, true)}},
      /*model=*/nullptr, os);
}

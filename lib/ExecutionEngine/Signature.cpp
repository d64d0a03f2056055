//===- Signature.cpp - What compiled functions take and return ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace sparsek;

std::string ValueSignature::getTypeString() const {
  return isTensor ? sparsek::getTypeString(type, shape)
                  : sparsek::getName(type).str();
}

std::string Signature::getString() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << name << "(";
  llvm::interleaveComma(arguments, os, [&](const ValueSignature &argument) {
    if (!argument.name.empty())
      os << "%" << argument.name << ": ";
    os << argument.getTypeString();
  });
  os << ")";
  if (results.empty())
    return text;
  os << " -> ";
  if (results.size() > 1)
    os << "(";
  llvm::interleaveComma(results, os, [&](const ValueSignature &result) {
    os << result.getTypeString();
  });
  if (results.size() > 1)
    os << ")";
  return text;
}

/// Why `given` cannot be passed for `expected`; empty where it can.
static std::string getMismatch(const ValueSignature &expected,
                               const TensorRef &given) {
  if (given.type != expected.type)
    return " (the element types differ)";
  if (given.shape.size() != expected.shape.size())
    return " (the ranks differ)";
  for (auto [index, size] : llvm::enumerate(expected.shape))
    if (!ShapedType::isDynamic(size) && size != given.shape[index])
      return (Twine(" (dimension ") + Twine(index) + " must be " + Twine(size) +
              ")")
          .str();
  if (!getNumElements(given.shape))
    return " (a size is negative or too large)";
  if (!given.data && getNumElements(given.shape) != 0)
    return " (there is no data)";
  return "";
}

llvm::Error Signature::checkArguments(ArrayRef<TensorRef> given) const {
  if (given.size() != arguments.size())
    return llvm::createStringError(
        Twine("'") + name + "' takes " + Twine(arguments.size()) +
        (arguments.size() == 1 ? " argument, got " : " arguments, got ") +
        Twine(given.size()) + "; its signature is " + getString());
  for (auto [index, expected] : llvm::enumerate(arguments)) {
    std::string mismatch = getMismatch(expected, given[index]);
    if (mismatch.empty())
      continue;
    std::string argumentName =
        expected.name.empty() ? ""
                              : (Twine(" ('") + expected.name + "')").str();
    return llvm::createStringError(
        Twine("argument ") + Twine(index + 1) + argumentName + " of '" + name +
        "': expected " + expected.getTypeString() + ", got " +
        getTypeString(given[index].type, given[index].shape) + mismatch);
  }
  return llvm::Error::success();
}

static LogicalResult fillSignature(Type type, ValueSignature &value) {
  Type element = type;
  value.isTensor = false;
  if (auto tensor = dyn_cast<RankedTensorType>(type)) {
    if (tensor.getEncoding())
      return failure();
    value.isTensor = true;
    value.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
    element = tensor.getElementType();
  }
  std::optional<ElementType> elementType = getElementType(element);
  if (!elementType)
    return failure();
  value.type = *elementType;
  return success();
}

llvm::Expected<Signature>
sparsek::detail::getSignature(FunctionOpInterface function) {
  Signature signature;
  signature.name = function.getName().str();
  auto fill = [&](StringRef what, size_t index, Type type,
                  ValueSignature &value) -> llvm::Error {
    if (succeeded(fillSignature(type, value)))
      return llvm::Error::success();
    std::string text;
    llvm::raw_string_ostream os(text);
    os << "'" << signature.name << "' cannot be called: " << what << " "
       << index + 1 << " has type " << type
       << "; accepted are ranked tensors and scalars of "
       << getElementTypeNames();
    return llvm::createStringError(text);
  };
  for (auto [index, argument] : llvm::enumerate(function.getArguments())) {
    ValueSignature value;
    if (auto nameLoc = dyn_cast<NameLoc>(argument.getLoc()))
      value.name = nameLoc.getName().str();
    if (llvm::Error error = fill("argument", index, argument.getType(), value))
      return error;
    signature.arguments.push_back(std::move(value));
  }
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    ValueSignature value;
    if (llvm::Error error = fill("result", index, type, value))
      return error;
    signature.results.push_back(std::move(value));
  }
  return signature;
}

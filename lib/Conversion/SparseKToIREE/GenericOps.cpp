//===- GenericOps.cpp - Ops of IREE in their generic form -----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "GenericOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace sparsek;

Attribute iree::getHALAttr(MLIRContext *context, const Twine &text) {
  return OpaqueAttr::get(StringAttr::get(context, "hal"), text.str(),
                         NoneType::get(context));
}

std::string iree::quote(StringRef bytes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '"';
  llvm::printEscapedString(bytes, os);
  os << '"';
  return text;
}

Attribute iree::getLayout(MLIRContext *context, unsigned numConstants,
                          ArrayRef<bool> isWritten) {
  std::string layout;
  llvm::raw_string_ostream os(layout);
  os << "pipeline.layout<constants = " << numConstants << ", bindings = [";
  llvm::interleaveComma(isWritten, os, [&](bool written) {
    os << "#hal.pipeline.binding<storage_buffer"
       << (written ? ">" : ", ReadOnly>");
  });
  os << "]>";
  return getHALAttr(context, layout);
}

Attribute iree::getAttribute(Operation *op, StringRef name) {
  if (Attribute attribute = op->getDiscardableAttr(name))
    return attribute;
  auto properties =
      dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute());
  return properties ? properties.get(name) : Attribute();
}

Operation *iree::createOp(OpBuilder &b, Location loc, StringRef name,
                          TypeRange results, ValueRange operands,
                          ArrayRef<NamedAttribute> properties,
                          unsigned numRegions) {
  OperationState state(loc, name);
  state.addTypes(results);
  state.addOperands(operands);
  if (!properties.empty())
    state.propertiesAttr = b.getDictionaryAttr(properties);
  for (unsigned i = 0; i < numRegions; ++i)
    state.addRegion();
  return b.create(state);
}

void iree::buildWorkgroupCount(OpBuilder &b, Region &region,
                               unsigned numSizes) {
  OpBuilder::InsertionGuard guard(b);
  Location loc = region.getLoc();
  SmallVector<Type> types(1 + numSizes, b.getIndexType());
  types[0] = OpaqueType::get(b.getStringAttr("hal"), "device");
  Block *block = b.createBlock(&region, {}, types,
                               SmallVector<Location>(types.size(), loc));
  SmallVector<Value> counts(block->getArguments().drop_front());
  while (counts.size() < 3)
    counts.push_back(arith::ConstantIndexOp::create(b, loc, 1));
  createOp(b, loc, "hal.return", {}, counts);
}

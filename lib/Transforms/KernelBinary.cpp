//===- KernelBinary.cpp - Kernels with launch records ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/Transforms/KernelBinary.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace sparsek;
using llvm::Twine;

/// Dictionaries, arrays, strings, booleans and integers as JSON; null for other
/// attributes, which the reader of the record then refuses.
static llvm::json::Value toJSON(Attribute attribute) {
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    llvm::json::Object object;
    for (NamedAttribute entry : dictionary)
      object[entry.getName().getValue()] = toJSON(entry.getValue());
    return object;
  }
  if (auto elements = dyn_cast<ArrayAttr>(attribute)) {
    llvm::json::Array array;
    for (Attribute element : elements)
      array.push_back(toJSON(element));
    return array;
  }
  if (auto string = dyn_cast<StringAttr>(attribute))
    return string.getValue();
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return flag.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attribute);
      integer && integer.getValue().isSignedIntN(64))
    return integer.getValue().getSExtValue();
  return nullptr;
}

std::string sparsek::getRecordText(DictionaryAttr record) {
  std::string text;
  llvm::raw_string_ostream(text) << toJSON(record);
  return text;
}

SmallVector<gpu::BinaryOp> sparsek::findKernelBinaries(Operation *root) {
  SmallVector<gpu::BinaryOp> found;
  root->walk([&](gpu::BinaryOp binary) {
    if (binary->hasAttrOfType<DictionaryAttr>(kLaunchRecordAttr))
      found.push_back(binary);
  });
  return found;
}

llvm::Expected<gpu::ObjectAttr> sparsek::getObject(gpu::BinaryOp binary) {
  ArrayAttr objects = binary.getObjects();
  if (objects.size() != 1)
    return llvm::createStringError("expected one object in the gpu.binary, "
                                   "found " +
                                   Twine(objects.size()) +
                                   "; compile for one chip");
  auto object = dyn_cast<gpu::ObjectAttr>(objects[0]);
  if (!object || object.getFormat() == gpu::CompilationTarget::Offload)
    return llvm::createStringError(
        "the object of the gpu.binary must be PTX, a cubin or a fatbin");
  return object;
}

StringRef sparsek::getImage(gpu::ObjectAttr object) {
  StringRef image = object.getObject().getValue();
  if (object.getFormat() == gpu::CompilationTarget::Assembly)
    image = image.take_until([](char c) { return c == 0; });
  return image;
}

llvm::Expected<KernelBinary> sparsek::getKernelBinary(gpu::BinaryOp binary) {
  auto record = binary->getAttrOfType<DictionaryAttr>(kLaunchRecordAttr);
  if (!record)
    return llvm::createStringError("the gpu.binary must have a dictionary '" +
                                   kLaunchRecordAttr + "'");
  llvm::Expected<gpu::ObjectAttr> object = getObject(binary);
  if (!object)
    return object.takeError();
  KernelBinary result;
  result.format = object->getFormat();
  result.image = getImage(*object);
  result.record = getRecordText(record);
  if (auto op = record.getAs<StringAttr>("op"))
    result.op = op.getValue();
  return result;
}

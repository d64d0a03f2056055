//===- Tensor.h - Arrays that enter and leave compiled code -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_EXECUTIONENGINE_TENSOR_H
#define SPARSEK_EXECUTIONENGINE_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace mlir {
class Type;
} // namespace mlir

namespace sparsek {

/// Element types that cross the call boundary. An i1 takes one byte, 0 or 1;
/// an index is 64 bits wide.
enum class ElementType { I1, I8, I16, I32, I64, Index, F16, BF16, F32, F64 };

/// The spelling in MLIR: "f32", "i1", ...
llvm::StringRef getName(ElementType type);
/// All spellings, for messages: "i1, i8, ...".
std::string getElementTypeNames();
std::optional<ElementType> parseElementType(llvm::StringRef name);
std::optional<ElementType> getElementType(mlir::Type type);
unsigned getByteSize(ElementType type);

/// The number of elements, or nothing where a dimension is negative or the
/// product overflows.
std::optional<int64_t> getNumElements(llvm::ArrayRef<int64_t> shape);

/// "tensor<2x3xf32>"; rank 0 gives "tensor<f32>".
std::string getTypeString(ElementType type, llvm::ArrayRef<int64_t> shape);

/// A dense row-major array that somebody else owns.
struct TensorRef {
  ElementType type = ElementType::F32;
  llvm::ArrayRef<int64_t> shape;
  void *data = nullptr;
};

/// A dense row-major array.
class Tensor {
public:
  Tensor() = default;
  /// Zeros. Fails where the shape is impossible or memory is short.
  static llvm::Expected<Tensor> create(ElementType type,
                                       llvm::ArrayRef<int64_t> shape);
  /// Takes over data that `owner` keeps alive.
  Tensor(ElementType type, llvm::ArrayRef<int64_t> shape, void *data,
         std::shared_ptr<void> owner)
      : type(type), shape(shape), data(data), owner(std::move(owner)) {}

  ElementType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t getNumElements() const;
  int64_t getNumBytes() const { return getNumElements() * getByteSize(type); }
  void *getData() const { return data; }
  template <typename T> T *getDataAs() const { return static_cast<T *>(data); }
  std::string getTypeString() const {
    return sparsek::getTypeString(type, shape);
  }
  /// Refers to this tensor, which has to outlive the reference.
  TensorRef ref() const { return {type, shape, data}; }

private:
  ElementType type = ElementType::F32;
  llvm::SmallVector<int64_t, 4> shape = {0};
  void *data = nullptr;
  std::shared_ptr<void> owner;
};

/// Values of the narrow float formats, rounded to nearest even.
float halfToFloat(uint16_t bits);
float bfloat16ToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
uint16_t floatToBfloat16(float value);

} // namespace sparsek

#endif // SPARSEK_EXECUTIONENGINE_TENSOR_H

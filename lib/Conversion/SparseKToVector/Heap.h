//===- Heap.h - Binary heaps in kernels -------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_HEAP_H
#define SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_HEAP_H

#include "KernelBuilder.h"

namespace sparsek {

/// A binary min-heap of numbers in scratch memory. Its size is a value that the
/// kernel carries, so that it stays in a register; every operation emits code
/// and returns the new size. Elements are compared by `<` of their type and
/// must be ordered: no NaN.
class Heap {
public:
  Heap() = default;
  Heap(KernelBuilder &builder, mlir::Type element, mlir::Value capacity)
      : b(&builder), memory(builder.scratch(
                         element, {mlir::ShapedType::kDynamic}, {capacity})) {}

  /// The smallest element; some number where the heap is empty, but has room.
  mlir::Value top() const { return b->load(memory, {b->index(0)}); }

  /// Adds `value`. The caller knows that there is room.
  mlir::Value push(mlir::Value size, mlir::Value value) const;

  /// Removes the smallest element of a heap that has one.
  mlir::Value pop(mlir::Value size) const;

  /// Replaces the smallest element of a heap that has one.
  void replaceTop(mlir::Value size, mlir::Value value) const;

private:
  KernelBuilder *b = nullptr;
  mlir::Value memory;
};

} // namespace sparsek

#endif // SPARSEK_LIB_CONVERSION_SPARSEKTOVECTOR_HEAP_H

//===- Npy.h - NumPy's .npy files -------------------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_EXECUTIONENGINE_NPY_H
#define SPARSEK_EXECUTIONENGINE_NPY_H

#include "sparsek/ExecutionEngine/Tensor.h"

namespace sparsek {

/// Reads an array in format version 1 to 3: C order, little endian, of f16,
/// f32, f64, bool, int8 to int64. NumPy has no bfloat16: ml_dtypes saves it as
/// two-byte records ('<V2'), and `voidType` says what such records hold.
llvm::Expected<Tensor>
readNpy(llvm::StringRef path,
        std::optional<ElementType> voidType = ElementType::BF16);

/// Reads the same from memory; `name` stands for the file in messages.
llvm::Expected<Tensor>
parseNpy(llvm::StringRef contents, llvm::StringRef name,
         std::optional<ElementType> voidType = ElementType::BF16);

/// Writes format version 1. An i1 becomes bool, an index int64, a bf16 '<V2',
/// which `array.view(ml_dtypes.bfloat16)` turns back.
llvm::Error writeNpy(llvm::StringRef path, const TensorRef &tensor);

} // namespace sparsek

#endif // SPARSEK_EXECUTIONENGINE_NPY_H

//===- Passes.h - Conversions to and from the sparsek dialect ---*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_PASSES_H
#define SPARSEK_CONVERSION_PASSES_H

#include "mlir/Pass/Pass.h"

namespace sparsek {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "sparsek/Conversion/Passes.h.inc"

} // namespace sparsek

#endif // SPARSEK_CONVERSION_PASSES_H

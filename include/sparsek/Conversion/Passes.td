//===- Passes.td - Conversions to and from the sparsek dialect ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_CONVERSION_PASSES
#define SPARSEK_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

#endif // SPARSEK_CONVERSION_PASSES

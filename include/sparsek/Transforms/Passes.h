//===- Passes.h - Passes on no dialect in particular ------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TRANSFORMS_PASSES_H
#define SPARSEK_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace sparsek {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "sparsek/Transforms/Passes.h.inc"

} // namespace sparsek

#endif // SPARSEK_TRANSFORMS_PASSES_H

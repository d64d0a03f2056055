//===- InputSpec.h - What --input accepts -----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TOOLS_SPARSEK_RUN_INPUTSPEC_H
#define SPARSEK_TOOLS_SPARSEK_RUN_INPUTSPEC_H

#include "sparsek/ExecutionEngine/Executable.h"

namespace sparsek {

/// Makes the array that `spec` describes for `argument`: a .npy file, or
/// `KIND:TYPE[:OPTION=VALUE,...]` (see --help of sparsek-run). `index` enters
/// the seed where the specification names none.
llvm::Expected<Tensor>
makeInput(llvm::StringRef spec, const ValueSignature &argument, unsigned index);

} // namespace sparsek

#endif // SPARSEK_TOOLS_SPARSEK_RUN_INPUTSPEC_H

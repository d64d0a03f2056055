//===- EntryPoint.cpp - Kernels as IREE launches them ---------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "EntryPoint.h"

using namespace sparsek;
using cuda::Argument;
using cuda::ArgumentType;

/// Operands and results of the operations; other pointers are workspace.
static constexpr Argument kArrays[] = {
    Argument::Q,         Argument::K,          Argument::V,
    Argument::U,         Argument::Tau,        Argument::Expiry,
    Argument::Sink,      Argument::O,          Argument::Lse,
    Argument::CuSeqlens, Argument::Interior,   Argument::Features,
    Argument::Weight,    Argument::Statistics, Argument::Carried};

EntryPoint::EntryPoint(llvm::ArrayRef<Argument> arguments) {
  for (Argument argument : arguments) {
    if (cuda::getType(argument) != ArgumentType::Pointer)
      scalars.push_back(argument);
    else if (llvm::is_contained(kArrays, argument))
      arrays.push_back(argument);
    else
      parts.push_back(argument);
  }
}

unsigned EntryPoint::getNumWords() const {
  unsigned words = parts.size() + 1;
  for (Argument argument : scalars)
    words += sparsek::getNumWords(argument);
  return words;
}

unsigned sparsek::getNumWords(Argument argument) {
  ArgumentType type = cuda::getType(argument);
  return type == ArgumentType::I32 || type == ArgumentType::F32 ? 1 : 2;
}

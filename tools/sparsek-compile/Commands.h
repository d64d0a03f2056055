//===- Commands.h - Other programs that are called --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TOOLS_SPARSEK_COMPILE_COMMANDS_H
#define SPARSEK_TOOLS_SPARSEK_COMPILE_COMMANDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace sparsek {

/// A program by its name in PATH, or by a path. `hint` says where to get it.
llvm::Expected<std::string> findProgram(llvm::StringRef name,
                                        llvm::StringRef hint);

/// Runs a program to its end. The error holds what it wrote to standard error,
/// as far as that is of use; warnings of a program that succeeds are passed on.
llvm::Error runProgram(llvm::StringRef program,
                       llvm::ArrayRef<llvm::StringRef> arguments);

/// What a program writes to standard output.
llvm::Expected<std::string>
readOutput(llvm::StringRef program, llvm::ArrayRef<llvm::StringRef> arguments);

/// iree-compile of a version that is known to take what is emitted for it:
/// `path`, or the one in PATH.
llvm::Expected<std::string> findIREECompile(llvm::StringRef path);

} // namespace sparsek

#endif // SPARSEK_TOOLS_SPARSEK_COMPILE_COMMANDS_H

//===- Commands.h - Other programs that are called --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSEK_TOOLS_SPARSEK_COMPILE_COMMANDS_H
#define SPARSEK_TOOLS_SPARSEK_COMPILE_COMMANDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace sparsek {

/// Lets SIGINT, SIGTERM and SIGHUP end the program that is running before they
/// end this one. Call it before LLVM sets up its handlers, which remove files
/// and then pass the signal on.
void forwardSignals();

/// A temporary file, which is gone when this is, or by a signal.
class TemporaryFile {
public:
  explicit TemporaryFile(llvm::StringRef ending);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;

  /// Whether there is a file.
  llvm::Error check() const;
  llvm::Error write(llvm::StringRef content) const;
  llvm::StringRef getPath() const { return path; }
  std::string read() const;

private:
  llvm::SmallString<128> path;
  std::error_code error;
};

/// A program by its name in PATH, or by a path. `hint` says where to get it.
llvm::Expected<std::string> findProgram(llvm::StringRef name,
                                        llvm::StringRef hint);

/// Runs a program to its end. The error holds what it wrote to standard error,
/// as far as that is of use; warnings of a program that succeeds are passed on,
/// unless `quiet`.
llvm::Error runProgram(llvm::StringRef program,
                       llvm::ArrayRef<llvm::StringRef> arguments, bool quiet);

/// What a program writes to standard output.
llvm::Expected<std::string>
readOutput(llvm::StringRef program, llvm::ArrayRef<llvm::StringRef> arguments);

/// An error where the programs are missing that make this form of kernels.
llvm::Error checkToolkit(llvm::StringRef format);

/// iree-compile of a version that is known to take what is emitted for it:
/// `path`, or the one in PATH.
llvm::Expected<std::string> findIREECompile(llvm::StringRef path);

} // namespace sparsek

#endif // SPARSEK_TOOLS_SPARSEK_COMPILE_COMMANDS_H

//===- Commands.cpp - Other programs that are called ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <utility>

using namespace sparsek;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

Expected<std::string> sparsek::findProgram(StringRef name, StringRef hint) {
  bool isPath = llvm::sys::path::has_parent_path(name);
  if (isPath && llvm::sys::fs::can_execute(name))
    return name.str();
  if (!isPath)
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return llvm::createStringError(
      "'" + name + "' " +
      (isPath ? "cannot be run: " : "was not found in PATH: ") + hint);
}

namespace {
/// A temporary file.
struct TemporaryFile {
  llvm::SmallString<128> path;
  std::error_code error;

  TemporaryFile()
      : error(llvm::sys::fs::createTemporaryFile("sparsek-compile", "txt",
                                                 path)) {}
  ~TemporaryFile() {
    if (!error)
      llvm::sys::fs::remove(path);
  }
  std::string read() const {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  }
};
} // namespace

/// Lines of output that an error shows.
static constexpr unsigned kShownLines = 40;

static std::string cutLines(StringRef text) {
  llvm::SmallVector<StringRef> lines;
  text.rtrim().split(lines, '\n');
  if (lines.size() <= kShownLines)
    return text.rtrim().str();
  size_t hidden = lines.size() - kShownLines;
  lines.truncate(kShownLines);
  return llvm::join(lines, "\n") +
         ("\n... and " + Twine(hidden) + " more lines").str();
}

/// Standard output and standard error of a program that has succeeded.
static Expected<std::pair<std::string, std::string>>
execute(StringRef program, ArrayRef<StringRef> arguments) {
  TemporaryFile output, errors;
  for (const TemporaryFile *file : {&output, &errors})
    if (file->error)
      return llvm::createStringError("no temporary file can be made: " +
                                     file->error.message());
  llvm::SmallVector<StringRef> command{program};
  command.append(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(output.path),
                                          StringRef(errors.path)};
  std::string reason;
  int status = llvm::sys::ExecuteAndWait(program, command, std::nullopt,
                                         redirects, 0, 0, &reason);
  StringRef name = llvm::sys::path::filename(program);
  if (status < 0)
    return llvm::createStringError(name + " failed: " + reason);
  std::string written = errors.read();
  if (status != 0)
    return llvm::createStringError(name + " failed with exit status " +
                                   Twine(status) + ":\n" + cutLines(written));
  return std::pair(output.read(), std::move(written));
}

Error sparsek::runProgram(StringRef program, ArrayRef<StringRef> arguments) {
  auto written = execute(program, arguments);
  if (!written)
    return written.takeError();
  llvm::errs() << written->second;
  return Error::success();
}

Expected<std::string> sparsek::readOutput(StringRef program,
                                          ArrayRef<StringRef> arguments) {
  auto written = execute(program, arguments);
  if (!written)
    return written.takeError();
  return std::move(written->first);
}

/// The version that the emitted text is made for and tested with.
static constexpr unsigned kMajor = 3, kLeastMinor = 13;

Expected<std::string> sparsek::findIREECompile(StringRef path) {
  StringRef name = path.empty() ? "iree-compile" : path;
  Expected<std::string> program =
      findProgram(name, "pip install 'sparsek[iree]' installs IREE's compiler, "
                        "--iree-compile=PATH names one");
  if (!program)
    return program;
  Expected<std::string> text = readOutput(*program, {"--version"});
  if (!text)
    return text.takeError();
  // "IREE compiler version 3.13.0rc... @ ..."
  constexpr StringRef before = "IREE compiler version ";
  StringRef version = *text;
  size_t at = version.find(before);
  unsigned major = 0, minor = 0;
  bool isKnown = at != StringRef::npos;
  if (isKnown) {
    version = version.drop_front(at + before.size());
    StringRef rest = version;
    isKnown = !rest.consumeInteger(10, major) && rest.consume_front(".") &&
              !rest.consumeInteger(10, minor);
  }
  if (!isKnown)
    return llvm::createStringError("'" + *program +
                                   " --version' names no version of IREE");
  version = version.take_until([](char c) { return c == ' ' || c == '\n'; });
  if (major != kMajor || minor < kLeastMinor)
    return llvm::createStringError(
        "'" + *program + "' is of version " + version + "; versions from " +
        Twine(kMajor) + "." + Twine(kLeastMinor) + " on, and below " +
        Twine(kMajor + 1) + ".0, are accepted");
  return program;
}

//===- Commands.cpp - Other programs that are called ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"

#include "mlir/Target/LLVM/NVVM/Utils.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

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

TemporaryFile::TemporaryFile(StringRef ending)
    : error(
          llvm::sys::fs::createTemporaryFile("sparsek-compile", ending, path)) {
  if (!error)
    llvm::sys::RemoveFileOnSignal(path);
}

TemporaryFile::~TemporaryFile() {
  if (error)
    return;
  llvm::sys::fs::remove(path);
  llvm::sys::DontRemoveFileOnSignal(path);
}

Error TemporaryFile::check() const {
  if (!error)
    return Error::success();
  return llvm::createStringError("no temporary file can be made: " +
                                 error.message());
}

Error TemporaryFile::write(StringRef content) const {
  if (Error missing = check())
    return missing;
  std::error_code failure;
  llvm::raw_fd_ostream os(path, failure);
  if (!failure) {
    os << content;
    os.close();
    failure = os.error();
    os.clear_error();
  }
  if (!failure)
    return Error::success();
  return llvm::createStringError("cannot write '" + path +
                                 "': " + failure.message());
}

std::string TemporaryFile::read() const {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : std::string();
}

/// The group of the program that is running, 0 if none is.
static std::atomic<pid_t> running;

static constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP};

static void forwardSignal(int signal) {
  if (pid_t group = running)
    kill(-group, SIGTERM);
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  raise(signal);
}

void sparsek::forwardSignals() {
  for (int signal : kForwarded) {
    struct sigaction action = {}, before = {};
    action.sa_handler = forwardSignal;
    // What nohup ignores stays so.
    if (sigaction(signal, nullptr, &before) == 0 &&
        before.sa_handler != SIG_IGN)
      sigaction(signal, &action, nullptr);
  }
}

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

/// Starts a program as a group of its own, so that what it starts ends with it.
/// No signal may come before its group is known.
static int start(StringRef program, ArrayRef<StringRef> arguments,
                 StringRef output, StringRef errors) {
  std::vector<std::string> words{program.str()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char *> argv;
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY,
                                   0);
  constexpr int write = O_WRONLY | O_TRUNC;
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output.str().c_str(),
                                   write, 0);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, errors.str().c_str(),
                                   write, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  for (int signal : kForwarded)
    sigaddset(&blocked, signal);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  posix_spawnattr_setsigmask(&attributes, &before);
  pid_t pid = 0;
  int error = posix_spawn(&pid, words[0].c_str(), &files, &attributes,
                          argv.data(), environ);
  if (error == 0)
    running = pid;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

/// Standard output and standard error of a program that has succeeded.
static Expected<std::pair<std::string, std::string>>
execute(StringRef program, ArrayRef<StringRef> arguments) {
  TemporaryFile output("txt"), errors("txt");
  for (const TemporaryFile *file : {&output, &errors})
    if (Error error = file->check())
      return std::move(error);
  StringRef name = llvm::sys::path::filename(program);
  if (int error = start(program, arguments, output.getPath(), errors.getPath()))
    return llvm::createStringError(
        name + " cannot be run: " + std::generic_category().message(error));
  int status = 0;
  pid_t pid = running;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  running = 0;
  std::string written = errors.read();
  if (WIFSIGNALED(status))
    return llvm::createStringError(
        name + " was ended by a signal: " + strsignal(WTERMSIG(status)) + "\n" +
        cutLines(written));
  if (WEXITSTATUS(status) != 0)
    return llvm::createStringError(name + " failed with exit status " +
                                   Twine(WEXITSTATUS(status)) + ":\n" +
                                   cutLines(written));
  return std::pair(output.read(), std::move(written));
}

Error sparsek::runProgram(StringRef program, ArrayRef<StringRef> arguments,
                          bool quiet) {
  auto written = execute(program, arguments);
  if (!written)
    return written.takeError();
  if (!quiet)
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

Error sparsek::checkToolkit(StringRef format) {
  llvm::SmallVector<StringRef> needed;
  if (format == "cubin" || format == "fatbin")
    needed.push_back("ptxas");
  if (format == "fatbin")
    needed.push_back("fatbinary");
  for (StringRef name : needed) {
    llvm::SmallString<128> path(mlir::NVVM::getCUDAToolkitPath());
    llvm::sys::path::append(path, "bin", name);
    if (!llvm::sys::findProgramByName(name) &&
        !llvm::sys::fs::can_execute(path))
      return llvm::createStringError(
          "'" + name + "', which --format=" + format +
          " needs, was not found: the CUDA toolkit, of which it is, must be in "
          "PATH or named by CUDA_HOME; --format=ptx needs none");
  }
  return Error::success();
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

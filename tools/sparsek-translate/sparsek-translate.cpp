//===- sparsek-translate.cpp - Compiled kernels to other forms ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek-c/Tools.h"
#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/Support/CommandLine.h"
#include "sparsek/Support/Version.h"
#include "sparsek/Target/IREESpec.h"
#include "sparsek/Target/Kernels.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace sparsek;
namespace cl = llvm::cl;

static constexpr const char *kOverview =
    R"(sparsek-translate: compiled GPU kernels as files for other programs

EXAMPLES
  sparsek-opt f.mlir --sparsek-nvvm-pipeline=host=false -o kernels.mlir
  sparsek-translate kernels.mlir --emit=files -o kernels      PTX or cubins, launch records
  sparsek-translate kernels.mlir --emit=object --name=attend -o attend.o
  sparsek-translate kernels.mlir --emit=header --name=attend -o attend.h
  sparsek-opt f.mlir --sparsek-emit-iree=cuda | sparsek-translate --emit=iree-spec -o spec.mlir
  cc main.c attend.o -lSparsekRuntime)";

namespace {
enum class Form { Files, Object, Header, IREESpec };

/// Made in main, as in sparsek-run.
struct Options {
  cl::OptionCategory category{"Translation"};
  cl::opt<std::string> inputFile{cl::Positional, cl::desc("<module.mlir>"),
                                 cl::init("-"), cl::cat(category)};
  cl::opt<Form> form{
      "emit", cl::desc("What to make of the kernels"), cl::Required,
      cl::values(
          clEnumValN(Form::Files, "files",
                     "For each gpu.binary NAME.ptx (or .cubin, .fatbin) "
                     "and its launch record NAME.json, in the folder -o"),
          clEnumValN(Form::Object, "object",
                     "An object file with the kernels and a C function "
                     "that launches them on the caller's stream"),
          clEnumValN(Form::Header, "header",
                     "The C header of that object file"),
          clEnumValN(Form::IREESpec, "iree-spec",
                     "A transform spec for iree-compile that puts the only "
                     "public function of a module that sparsek-emit-iree "
                     "left in the place of attention")),
      cl::cat(category)};
  cl::opt<std::string> name{
      "name", cl::value_desc("identifier"),
      cl::desc("What the C functions begin with (default: the name of the "
               "gpu.binary)"),
      cl::cat(category)};
  cl::opt<std::string> output{"o", cl::value_desc("path"), cl::init("-"),
                              cl::desc("The file, or with --emit=files the "
                                       "folder, to write"),
                              cl::cat(category)};
};
} // namespace

static llvm::Error translate(MLIRContext &context, const Options &options) {
  // Ops of IREE.
  context.allowUnregisteredDialects(options.form == Form::IREESpec);
  auto file =
      llvm::MemoryBuffer::getFileOrSTDIN(options.inputFile, /*IsText=*/true);
  if (!file)
    return llvm::createStringError("cannot read '" + options.inputFile +
                                   "': " + file.getError().message());
  llvm::Expected<OwningOpRef<ModuleOp>> module = parseModule(
      context, (*file)->getBuffer(), (*file)->getBufferIdentifier());
  if (!module)
    return module.takeError();
  if (options.form == Form::Files) {
    if (!options.name.empty())
      return llvm::createStringError("--name is for objects and headers");
    StringRef folder = options.output;
    return writeKernelFiles(**module, folder == "-" ? "." : folder);
  }

  // Written when it is complete.
  llvm::SmallVector<char, 0> content;
  llvm::raw_svector_ostream os(content);
  if (options.form == Form::IREESpec) {
    if (!options.name.empty())
      return llvm::createStringError("--name is for objects and headers");
    if (failed(emitIREESpec(**module, os)))
      return llvm::createStringError("no transform spec can be made");
  } else if (llvm::Error error =
                 options.form == Form::Object
                     ? emitKernelObject(**module, options.name, os)
                     : emitKernelHeader(**module, options.name, os))
    return error;
  std::error_code error;
  llvm::ToolOutputFile output(options.output, error, llvm::sys::fs::OF_None);
  if (!error) {
    output.os() << os.str();
    output.os().flush();
    error = output.os().error();
    output.os().clear_error();
  }
  if (error)
    return llvm::createStringError("cannot write '" + options.output +
                                   "': " + error.message());
  output.keep();
  return llvm::Error::success();
}

extern "C" int sparsekTranslateMain(int argc, char **argv) {
  llvm::setBugReportMsg(kBugReportMessage);
  llvm::InitLLVM initLLVM(argc, argv);
  freeOptionNames({"emit", "name", "o"});
  Options options;
  cl::HideUnrelatedOptions(options.category);
  addVersionPrinter();
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  if (llvm::Error error = translate(context, options)) {
    llvm::errs() << "sparsek-translate: error: "
                 << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}

//===- sparsek-opt.cpp - The optimizer driver -----------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CommandLine.h"

#include "sparsek-c/Tools.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Support/CommandLine.h"
#include "sparsek/Support/Version.h"

#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>

using namespace mlir;

namespace {
/// Remembers the pass that failed first.
struct FailedPass : public PassInstrumentation {
  explicit FailedPass(std::string &argument) : argument(argument) {}

  void runAfterPassFailed(Pass *pass, Operation *) override {
    if (argument.empty())
      argument = pass->getArgument().str();
  }

  std::string &argument;
};
} // namespace

/// Whether the first pass is the import. It reads texts of exporters: foreign
/// ops, also in the namespace of the sparsek dialect, where only the pass can
/// tell whether they are valid.
static bool beginsWithImport(const MlirOptMainConfig &config) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  // What is wrong with the pipeline is said when it is made to run.
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) {});
  PassManager passManager(&context, ModuleOp::getOperationName(),
                          PassManager::Nesting::Implicit);
  return succeeded(config.setupPassPipeline(passManager)) &&
         !passManager.empty() &&
         passManager.begin()->getArgument() == "sparsek-import";
}

static LogicalResult run(ArrayRef<const char *> arguments, StringRef input,
                         StringRef output, DialectRegistry &registry) {
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects()) {
    llvm::outs() << "Available Dialects: ";
    llvm::interleaveComma(registry.getDialectNames(), llvm::outs());
    llvm::outs() << "\n";
    return success();
  }
  if (config.shouldListPasses()) {
    printRegisteredPasses();
    return success();
  }
  if (input == "-" &&
      llvm::sys::Process::FileDescriptorIsDisplayed(fileno(stdin)))
    llvm::errs() << "(reading from the terminal; end the input with Ctrl-D)\n";

  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(input, &message);
  std::unique_ptr<llvm::ToolOutputFile> result;
  if (file)
    result = openOutputFile(output, &message);
  if (!result) {
    llvm::errs() << "sparsek-opt: error: " << message << "\n";
    return failure();
  }

  // The pass verifies what it has read.
  if (beginsWithImport(config))
    config.allowUnregisteredDialects(true).verifyOnParsing(false);

  std::string failedPass;
  MlirOptMainConfig requested = config;
  config.setPassPipelineSetupFn([&](PassManager &passManager) {
    passManager.addInstrumentation(std::make_unique<FailedPass>(failedPass));
    return requested.setupPassPipeline(passManager);
  });
  if (succeeded(MlirOptMain(result->os(), std::move(file), registry, config))) {
    result->keep();
    return success();
  }

  // Where failing is expected, or a reproducer was written, say no more.
  constexpr StringRef reproducerOption = "mlir-pass-pipeline-crash-reproducer";
  if (!failedPass.empty() && !config.shouldVerifyDiagnostics() &&
      !llvm::cl::getRegisteredOptions()[reproducerOption]->getNumOccurrences())
    llvm::errs() << "sparsek-opt: pass '" << failedPass
                 << "' failed; to get a file that reproduces this: "
                 << sparsek::quoteForShell(arguments) << " --"
                 << reproducerOption << "=reproducer.mlir\n";
  return failure();
}

extern "C" int sparsekOptMain(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::setBugReportMsg(sparsek::kBugReportMessage);
  sparsek::addVersionPrinter();
  DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  sparsek::registerAllPasses();

  std::string header =
      registerCLIOptions("sparsek optimizer driver\n", registry);
  sparsek::groupOptions();
  auto [input, output] = parseCLIOptions(argc, argv, header);
  return asMainReturnCode(
      run(ArrayRef<const char *>(argv, argc), input, output, registry));
}

//===- sparsek-run.cpp - Compile a module and run it ----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InputSpec.h"
#include "Report.h"

#include "sparsek-c/Tools.h"
#include "sparsek/CUDARuntime/Driver.h"
#include "sparsek/ExecutionEngine/Cost.h"
#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/ExecutionEngine/Npy.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Support/CommandLine.h"
#include "sparsek/Support/Version.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace mlir;
using namespace sparsek;
namespace cl = llvm::cl;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static constexpr const char *kOverview =
    R"(sparsek-run: compile a module for this machine and call one of its functions

EXAMPLES
  sparsek-run f.mlir --input q.npy --input k.npy --output o.npy
  sparsek-run attention.mlir --entry=main --input normal:1x8x4096x64xf32:seed=1 \
      --input normal:1x2x4096x64xf32 --input v=v.npy --repeat=9 --threads=2
  sparsek-run layer.mlir --input arg9=normal:1x64x256xf32 --rest=normal:*:std=0.05 --print
  sparsek-run attention.mlir --pipeline=nvvm --input q.npy --input k.npy --output o.npy

INPUTS
  FILE.npy                 a file; bf16 as ml_dtypes saves it (records of two bytes)
  zeros:TYPE               TYPE is a shape and an element type, 1x8x4096x64xf32; for a
  fill:TYPE:value=0.5      scalar only the element type; '*' stands for the type of the
  iota:TYPE                argument where its shape is static
  random:TYPE:seed=1,low=-1,high=1   uniform; by default from [0, 1), integers 0 or 1
  normal:TYPE:seed=1,mean=0,std=1    the same numbers on every machine
  NAME=...                 any of these for the argument %NAME)";

namespace {
struct Options {
  cl::OptionCategory inputCategory{"Module, inputs and outputs"};
  cl::OptionCategory compileCategory{"Compilation"};
  cl::OptionCategory runCategory{"Running and reporting"};
  cl::opt<std::string> inputFile{cl::Positional, cl::desc("<module.mlir>"),
                                 cl::init("-"), cl::cat(inputCategory)};
  cl::opt<std::string> entryName{
      "entry", cl::value_desc("function"),
      cl::desc("Function to call (default: the only public one)"),
      cl::cat(inputCategory)};
  cl::list<std::string> inputs{
      "input", cl::value_desc("input"),
      cl::desc("The next argument, or the argument NAME; see INPUTS"),
      cl::cat(inputCategory)};
  cl::opt<std::string> rest{
      "rest", cl::value_desc("input"),
      cl::desc("The input for every argument that no --input gives"),
      cl::cat(inputCategory)};
  cl::list<std::string> outputs{"output", cl::value_desc("file.npy"),
                                cl::desc("Where to write the next result"),
                                cl::cat(inputCategory)};
  cl::opt<std::string> pipeline{
      "pipeline", cl::value_desc("name"), cl::init("cpu"),
      cl::desc("How to lower: 'cpu' (default), 'reference', 'nvvm' (for the "
               "GPU), 'gpu-plain' (for the GPU, by definition), or the text of "
               "a pass pipeline"),
      cl::cat(compileCategory)};
  cl::opt<unsigned> optLevel{"opt-level", cl::value_desc("0-3"), cl::init(3),
                             cl::desc("LLVM's optimisation level"),
                             cl::cat(compileCategory)};
  cl::opt<std::string> cpu{
      "cpu", cl::value_desc("name"),
      cl::desc("Processor to compile for (default: this one)"),
      cl::cat(compileCategory)};
  cl::opt<std::string> features{"features", cl::value_desc("+a,-b"),
                                cl::desc("Processor features to add or remove"),
                                cl::cat(compileCategory)};
  cl::list<std::string> sharedLibraries{
      "shared-library", cl::value_desc("file.so"),
      cl::desc("A library with functions that the module calls"),
      cl::cat(compileCategory)};
  cl::opt<std::string> dumpLLVM{"dump-llvm", cl::value_desc("file"),
                                cl::desc("Write the optimised LLVM IR"),
                                cl::cat(compileCategory)};
  cl::opt<std::string> dumpObject{"dump-object", cl::value_desc("file"),
                                  cl::desc("Write the object code"),
                                  cl::cat(compileCategory)};
  cl::opt<unsigned> repeat{
      "repeat", cl::value_desc("n"), cl::init(1),
      cl::desc("Time n calls, after one that is not timed if n > 1"),
      cl::cat(runCategory)};
  cl::opt<unsigned> threads{
      "threads", cl::value_desc("n"), cl::init(0),
      cl::desc("Threads of parallel loops (default: OMP_NUM_THREADS, or "
               "all processors)"),
      cl::cat(runCategory)};
  cl::opt<unsigned> device{
      "device", cl::value_desc("n"), cl::init(0),
      cl::desc("The GPU of functions that run on one, in the driver's order"),
      cl::cat(runCategory)};
  cl::opt<bool> printResults{"print", cl::desc("Print the results"),
                             cl::cat(runCategory)};
  cl::opt<int64_t> printLimit{
      "print-limit", cl::value_desc("n"), cl::init(1000),
      cl::desc("Elements to print of one result"), cl::cat(runCategory)};
  cl::opt<bool> quiet{"quiet", cl::desc("Do not print the report"),
                      cl::cat(runCategory)};
  cl::opt<bool> json{"json", cl::desc("Print the report as one JSON line"),
                     cl::cat(runCategory)};
};
} // namespace

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// The chip to compile for to run on a GPU.
static llvm::Expected<std::string> getChip(unsigned device) {
  llvm::Expected<const cuda::Driver *> driver = cuda::Driver::get();
  if (!driver)
    return driver.takeError();
  auto properties = cuda::getDeviceProperties(**driver, device);
  if (!properties)
    return properties.takeError();
  llvm::Expected<StringRef> chip = cuda::chooseChip(*properties);
  if (!chip)
    return chip.takeError();
  return chip->str();
}

static llvm::Expected<std::string> getPipelineText(const Options &options) {
  StringRef pipeline = options.pipeline;
  if (pipeline == "cpu")
    return "sparsek-cpu-pipeline";
  if (pipeline == "reference")
    return "sparsek-reference-pipeline";
  if (pipeline != "nvvm" && pipeline != "gpu-plain")
    return pipeline.str();
  llvm::Expected<std::string> chip = getChip(options.device);
  if (!chip)
    return chip.takeError();
  return ("sparsek-" + pipeline + "-pipeline{chip=" + *chip + "}").str();
}

/// Says which input belongs to which argument.
static llvm::Expected<SmallVector<StringRef>>
assignInputs(const Signature &signature, const Options &options) {
  SmallVector<StringRef> assigned(signature.arguments.size());
  size_t next = 0;
  for (StringRef input : options.inputs) {
    auto [name, value] = input.split('=');
    auto named =
        llvm::find_if(signature.arguments, [&](const ValueSignature &argument) {
          return !argument.name.empty() && argument.name == name;
        });
    size_t index = named - signature.arguments.begin();
    if (index < assigned.size()) {
      if (!assigned[index].empty())
        return llvm::createStringError("argument '" + name +
                                       "' is given twice");
      assigned[index] = value;
      continue;
    }
    while (next < assigned.size() && !assigned[next].empty())
      ++next;
    if (next == assigned.size())
      return llvm::createStringError("--input='" + input +
                                     "' is one too many for " +
                                     signature.getString());
    assigned[next++] = input;
  }
  for (auto [index, spec] : llvm::enumerate(assigned)) {
    if (!spec.empty())
      continue;
    if (options.rest.empty())
      return llvm::createStringError(
          "no --input for argument " + llvm::Twine(index + 1) + " of " +
          signature.getString() + " (--rest=INPUT gives all others)");
    spec = options.rest;
  }
  return assigned;
}

static llvm::Expected<std::vector<Tensor>>
makeInputs(const Signature &signature, const Options &options) {
  llvm::Expected<SmallVector<StringRef>> specs =
      assignInputs(signature, options);
  if (!specs)
    return specs.takeError();
  std::vector<Tensor> tensors;
  for (auto [index, spec] : llvm::enumerate(*specs)) {
    llvm::Expected<Tensor> tensor =
        makeInput(spec, signature.arguments[index], index);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

static double getSeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

static llvm::Error run(MLIRContext &context, const Options &options) {
  if (options.repeat == 0)
    return llvm::createStringError("--repeat must be at least 1, got 0");
  if (options.optLevel > 3)
    return llvm::createStringError("--opt-level must be 0 to 3, got " +
                                   llvm::Twine(options.optLevel));
  auto file =
      llvm::MemoryBuffer::getFileOrSTDIN(options.inputFile, /*IsText=*/true);
  if (!file)
    return llvm::createStringError("cannot read '" + options.inputFile +
                                   "': " + file.getError().message());
  llvm::Expected<OwningOpRef<ModuleOp>> module = parseModule(
      context, (*file)->getBuffer(), (*file)->getBufferIdentifier());
  if (!module)
    return module.takeError();

  llvm::Expected<std::string> pipeline = getPipelineText(options);
  if (!pipeline)
    return pipeline.takeError();
  CompileOptions compileOptions;
  compileOptions.pipeline = *pipeline;
  compileOptions.configure = [](PassManager &passManager) {
    return applyPassManagerCLOptions(passManager);
  };
  compileOptions.optLevel = options.optLevel;
  compileOptions.cpu = options.cpu;
  compileOptions.features = options.features;
  compileOptions.threads = options.threads;
  compileOptions.device = options.device;
  compileOptions.sharedLibraries.assign(options.sharedLibraries.begin(),
                                        options.sharedLibraries.end());
  compileOptions.llvmIRFile = options.dumpLLVM;
  compileOptions.objectFile = options.dumpObject;
  double start = getSeconds();
  llvm::Expected<std::unique_ptr<Executable>> executable =
      Executable::compile(module->get(), compileOptions);
  if (!executable)
    return executable.takeError();
  Report report;
  report.compileSeconds = getSeconds() - start;

  llvm::Expected<const Signature *> signature =
      (*executable)->getSignature(options.entryName);
  if (!signature)
    return signature.takeError();
  if (options.outputs.size() > (*signature)->results.size())
    return llvm::createStringError(
        "there are " + llvm::Twine(options.outputs.size()) +
        " --output options for " + (*signature)->getString());
  llvm::Expected<std::vector<Tensor>> tensors =
      makeInputs(**signature, options);
  if (!tensors)
    return tensors.takeError();
  SmallVector<TensorRef> refs;
  for (const Tensor &tensor : *tensors)
    refs.push_back(tensor.ref());

  std::vector<Tensor> results;
  MemoryMeter memory;
  unsigned calls = options.repeat;
  for (unsigned i = calls > 1 ? 0 : 1; i <= calls; ++i) {
    // Freed before the clock starts, as a caller in a loop would.
    results.clear();
    double seconds = 0.0;
    if (llvm::Error error =
            (*executable)->call((*signature)->name, refs, results, &seconds))
      return error;
    if (i != 0)
      report.seconds.push_back(seconds);
  }
  report.callBytes = memory.getGrowth();
  report.peakBytes = memory.getPeak();

  for (auto [path, result] : llvm::zip(options.outputs, results))
    if (llvm::Error error = writeNpy(path, result.ref()))
      return error;
  if (options.printResults)
    for (auto [index, result] : llvm::enumerate(results)) {
      llvm::outs() << "result " << index + 1 << ": " << result.getTypeString()
                   << " = ";
      printTensor(llvm::outs(), result, options.printLimit);
      llvm::outs() << "\n";
    }
  if (options.quiet)
    return llvm::Error::success();
  report.signature = (*signature)->getString();
  report.cost = estimateCost(module->get(), (*signature)->name, refs);
  for (const Tensor &tensor : *tensors)
    report.ioBytes += tensor.getNumBytes();
  for (const Tensor &tensor : results)
    report.ioBytes += tensor.getNumBytes();
  if (options.json)
    report.printJSON(llvm::outs());
  else
    report.print(llvm::outs());
  return llvm::Error::success();
}

extern "C" int sparsekRunMain(int argc, char **argv) {
  llvm::setBugReportMsg(kBugReportMessage);
  llvm::InitLLVM initLLVM(argc, argv);
  auto options = makeOptions<Options>();
  cl::HideUnrelatedOptions(
      {&options.inputCategory, &options.compileCategory, &options.runCategory});
  addVersionPrinter();
  registerMLIRContextCLOptions();
  registerPassManagerCLOptions();
  sparsek::registerAllPasses();
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  MLIRContext context(registry);
  if (llvm::Error error = run(context, options)) {
    llvm::errs() << "sparsek-run: error: " << llvm::toString(std::move(error))
                 << "\n";
    return 1;
  }
  return 0;
}

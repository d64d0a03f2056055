//===- sparsek-translate.cpp - Compiled kernels to other forms ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek-c/Tools.h"
#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/ExecutionEngine/Npy.h"
#include "sparsek/ExecutionEngine/Object.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/Pipelines/Pipelines.h"
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

#include <cmath>

using namespace mlir;
using namespace sparsek;
namespace cl = llvm::cl;
using llvm::Twine;

static constexpr const char *kOverview =
    R"(sparsek-translate: compiled GPU kernels as files for other programs

EXAMPLES
  sparsek-opt f.mlir --sparsek-nvvm-pipeline=host=false -o kernels.mlir
  sparsek-translate kernels.mlir --emit=files -o kernels      PTX or cubins, launch records
  sparsek-translate kernels.mlir --emit=object --name=attend -o attend.o
  sparsek-translate kernels.mlir --emit=header --name=attend -o attend.h
  sparsek-opt f.mlir --sparsek-emit-iree=cuda | sparsek-translate --emit=iree-spec -o spec.mlir
  iree-compile model.mlir --compile-to=abi --mlir-print-op-generic -o model.abi.mlir
  sparsek-translate model.abi.mlir --emit=iree-spec --score-weight=w.npy --target=cuda -o spec.mlir
  cc main.c attend.o -lSparsekRuntime)";

namespace {
enum class Form { Files, Object, Header, IREESpec };
enum class IREETarget { CUDA, CPU };

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
                     "A transform spec for iree-compile that replaces "
                     "attention: by the only public function of a module that "
                     "sparsek-emit-iree left, or with --score-weight that of a "
                     "model by sparse attention")),
      cl::cat(category)};
  cl::opt<std::string> name{
      "name", cl::value_desc("identifier"),
      cl::desc("What the C functions begin with (default: the name of the "
               "gpu.binary)"),
      cl::cat(category)};
  cl::opt<std::string> scoreWeight{
      "score-weight", cl::value_desc("w.npy"),
      cl::desc("For iree-spec: weights W[Hs, D] in f32 that score the keys of "
               "each KV head, or one row for all heads"),
      cl::cat(category)};
  cl::opt<IREETarget> target{
      "target", cl::desc("With --score-weight, what iree-compile compiles for"),
      cl::values(clEnumValN(IREETarget::CUDA, "cuda", "NVIDIA GPUs"),
                 clEnumValN(IREETarget::CPU, "llvm-cpu", "CPUs")),
      cl::cat(category)};
  cl::opt<int64_t> topk{
      "topk", cl::init(256), cl::value_desc("k"),
      cl::desc("With --score-weight, selected keys per query (default: 256)"),
      cl::cat(category)};
  cl::opt<int64_t> window{
      "window", cl::init(256), cl::value_desc("w"),
      cl::desc("With --score-weight, size of the window (default: 256)"),
      cl::cat(category)};
  cl::opt<Gate> gate{"gate", cl::init(Gate::KeyValue),
                     cl::desc("With --score-weight, what the gate multiplies:"),
                     cl::values(clEnumValN(Gate::KeyValue, "key_value",
                                           "logits and values (default)"),
                                clEnumValN(Gate::Value, "value", "values"),
                                clEnumValN(Gate::None, "none", "nothing")),
                     cl::cat(category)};
  cl::opt<Norm> norm{
      "norm", cl::init(Norm::None),
      cl::desc("With --score-weight, normalisation of scores:"),
      cl::values(clEnumValN(Norm::None, "none", "none (default)"),
                 clEnumValN(Norm::Timestep, "timestep",
                            "by mean and variance up to each position")),
      cl::cat(category)};
  cl::opt<double> slope{
      "slope", cl::init(0), cl::value_desc("s"),
      cl::desc("With --score-weight, what a position adds to its score"),
      cl::cat(category)};
  cl::opt<bool> anyMask{
      "any-mask",
      cl::desc("With --score-weight, replace attention whatever its mask (by "
               "causal attention, too); without it only causal attention"),
      cl::cat(category)};
  cl::opt<std::string> chip{
      "chip", cl::value_desc("sm_N"), cl::init("sm_90a"),
      cl::desc("The GPU of --target=cuda (default: sm_90a)"),
      cl::cat(category)};
  cl::opt<std::string> format{
      "format", cl::value_desc("ptx|cubin|fatbin"), cl::init("ptx"),
      cl::desc("Kernels of --target=cuda as text (default) or machine code"),
      cl::cat(category)};
  cl::opt<bool> fallback{
      "fallback",
      cl::desc("With --target=cuda: attention and scores without kernels, such "
               "as those in f32, by their definition, which takes longer"),
      cl::cat(category)};
  cl::opt<std::string> cpu{
      "cpu", cl::value_desc("name"),
      cl::desc("The processor of --target=llvm-cpu (default: this one)"),
      cl::cat(category)};
  cl::opt<std::string> output{"o", cl::value_desc("path"), cl::init("-"),
                              cl::desc("The file, or with --emit=files the "
                                       "folder, to write"),
                              cl::cat(category)};
};
} // namespace

/// An option that was given although the others make no use of it.
static llvm::Error checkOptions(const Options &options) {
  bool isSpec = options.form == Form::IREESpec;
  if (!options.name.empty() && (isSpec || options.form == Form::Files))
    return llvm::createStringError("--name is for objects and headers");
  if (options.scoreWeight.getNumOccurrences() != 0) {
    if (!isSpec)
      return llvm::createStringError("--score-weight is for --emit=iree-spec");
    if (options.target.getNumOccurrences() == 0)
      return llvm::createStringError(
          "--score-weight needs --target=cuda or --target=llvm-cpu");
  } else {
    for (const cl::Option *option : std::initializer_list<const cl::Option *>{
             &options.target, &options.topk, &options.window, &options.gate,
             &options.norm, &options.slope, &options.anyMask})
      if (option->getNumOccurrences() != 0)
        return llvm::createStringError("--" + option->ArgStr +
                                       " needs --score-weight");
  }
  bool hasWeight = options.scoreWeight.getNumOccurrences() != 0;
  for (const cl::Option *option : std::initializer_list<const cl::Option *>{
           &options.chip, &options.format, &options.fallback})
    if (option->getNumOccurrences() != 0 &&
        !(hasWeight && options.target == IREETarget::CUDA))
      return llvm::createStringError("--" + option->ArgStr +
                                     " needs --target=cuda");
  if (options.cpu.getNumOccurrences() != 0 &&
      !(hasWeight && options.target == IREETarget::CPU))
    return llvm::createStringError("--cpu needs --target=llvm-cpu");
  if (llvm::Error error = checkChip(options.chip))
    return error;
  return checkImageFormat(options.format);
}

static llvm::Error emitModelSpec(ModuleOp model, const Options &options,
                                 raw_ostream &os) {
  llvm::Expected<Tensor> weights = readNpy(options.scoreWeight);
  if (!weights)
    return weights.takeError();
  llvm::ArrayRef<int64_t> shape = weights->getShape();
  if (weights->getType() != ElementType::F32 || shape.size() != 2 ||
      weights->getNumElements() == 0)
    return llvm::createStringError("'" + options.scoreWeight + "' holds " +
                                   weights->getTypeString() +
                                   ", score weights are W[Hs, D] in f32");
  if (options.topk < 1)
    return llvm::createStringError("C3: --topk must be at least 1, got " +
                                   Twine(options.topk));
  if (options.window < 0)
    return llvm::createStringError("C2: --window must be at least 0, got " +
                                   Twine(options.window));
  if (!std::isfinite(options.slope))
    return llvm::createStringError("C1: --slope must be finite");
  ArrayRef<float> values(weights->getDataAs<float>(),
                         weights->getNumElements());
  for (auto [number, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return llvm::createStringError(
          "'" + options.scoreWeight + "' holds " +
          (std::isnan(value) ? "a NaN" : "an infinity") + " in row " +
          Twine(int64_t(number) / shape[1]) + " and column " +
          Twine(int64_t(number) % shape[1]) + "; score weights are finite");
  IREEModelSpecOptions spec;
  spec.weights = cast<DenseFPElementsAttr>(DenseElementsAttr::get(
      RankedTensorType::get(shape, Float32Type::get(model.getContext())),
      values));
  spec.topk = options.topk;
  spec.window = options.window;
  spec.gate = options.gate;
  spec.norm = options.norm;
  spec.slope = options.slope;
  spec.anyMask = options.anyMask;
  int64_t lanes = 0;
  if (options.target == IREETarget::CPU) {
    llvm::Expected<int64_t> found =
        getVectorLanes(options.cpu, /*features=*/"");
    if (!found)
      return found.takeError();
    lanes = *found;
  }
  spec.emit = [&](OpPassManager &passes) {
    EmitIREEOptions emit;
    emit.cuda = options.target == IREETarget::CUDA;
    emit.llvmCPU = options.target == IREETarget::CPU;
    emit.chip = options.chip.getValue();
    emit.format = options.format.getValue();
    emit.vectorLanes = lanes;
    emit.fallback = options.fallback.getValue();
    buildEmitIREEPipeline(passes, emit);
  };
  if (failed(emitIREEModelSpec(model, spec, os)))
    return llvm::createStringError("no transform spec can be made");
  return llvm::Error::success();
}

static llvm::Error emit(ModuleOp module, const Options &options,
                        llvm::raw_pwrite_stream &os) {
  switch (options.form) {
  case Form::IREESpec:
    if (options.scoreWeight.getNumOccurrences() != 0)
      return emitModelSpec(module, options, os);
    if (failed(emitIREESpec(module, os)))
      return llvm::createStringError("no transform spec can be made");
    return llvm::Error::success();
  case Form::Object:
    return emitKernelObject(module, options.name, os);
  case Form::Header:
    return emitKernelHeader(module, options.name, os);
  case Form::Files:
    break;
  }
  llvm_unreachable("a form that is no file");
}

static llvm::Error translate(MLIRContext &context, const Options &options) {
  if (llvm::Error error = checkOptions(options))
    return error;
  // Ops of IREE.
  context.allowUnregisteredDialects(options.form == Form::IREESpec);
  auto file =
      llvm::MemoryBuffer::getFileOrSTDIN(options.inputFile, /*IsText=*/true);
  if (!file)
    return llvm::createStringError("cannot read '" + options.inputFile +
                                   "': " + file.getError().message());
  auto *parse = options.form == Form::IREESpec ? parseIREEModule : parseModule;
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      parse(context, (*file)->getBuffer(), (*file)->getBufferIdentifier(),
            /*verify=*/true);
  if (!module)
    return module.takeError();
  ScopedDiagnosticHandler printer(&context, [&](Diagnostic &diagnostic) {
    llvm::errs() << formatDiagnostic(diagnostic) << "\n";
    return success();
  });
  if (options.form == Form::Files) {
    StringRef folder = options.output;
    return writeKernelFiles(**module, folder == "-" ? "." : folder);
  }

  // Written when it is complete.
  llvm::SmallVector<char, 0> content;
  llvm::raw_svector_ostream os(content);
  if (llvm::Error error = emit(**module, options, os))
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
  auto options = makeOptions<Options>();
  cl::HideUnrelatedOptions(options.category);
  addVersionPrinter();
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  // Constants and kernels may be long; locations say where.
  context.printOpOnDiagnostic(false);
  if (llvm::Error error = translate(context, options)) {
    llvm::errs() << "sparsek-translate: error: "
                 << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}

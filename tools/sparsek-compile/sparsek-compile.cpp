//===- sparsek-compile.cpp - From a model to a file to run ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Commands.h"
#include "Progress.h"

#include "sparsek-c/Tools.h"
#include "sparsek/Dialect/SparseK/IR/SparseK.h"
#include "sparsek/ExecutionEngine/Object.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Pipelines/Pipelines.h"
#include "sparsek/Support/CommandLine.h"
#include "sparsek/Support/GPUTarget.h"
#include "sparsek/Support/Version.h"
#include "sparsek/Target/Kernels.h"
#include "sparsek/Transforms/KernelBinary.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace sparsek;
namespace cl = llvm::cl;
using llvm::Twine;

static constexpr const char *kOverview =
    R"(sparsek-compile: from a model to a file to run

EXAMPLES
  sparsek-compile layer.mlir -o layer.so                 a library for this CPU, and layer.h
  sparsek-compile layer.mlir --cpu=x86-64-v3 -o layer.o  an object file for another one, and layer.h
  sparsek-compile model.mlir --raise="topk=256 window=256 scores=tensor" -o model.so
                                                         its dense causal attention made sparse first
  sparsek-compile imported.mlir --import="mode=dense" -o imported.so
                                                         with attention ops of IREE, ONNX or torch-mlir in it
  sparsek-compile attention.mlir --target=sm_90a -o attend.o   GPU kernels with C functions, and attend.h
  sparsek-compile attention.mlir --target=sm_80 -o kernels/    the same as PTX and launch records
  sparsek-compile attention.mlir --target=iree-cuda -o attention.vmfb
                                                         a module for IREE's runtime
  sparsek-compile layer.mlir --target=iree-cpu -o iree.mlir    what iree-compile would get

TARGETS AND OUTPUTS
  cpu              NAME.so, NAME.o (both with NAME.h), NAME.ll, NAME.mlir (the LLVM dialect)
  sm_80, sm_90a, ...   NAME.o (with NAME.h), a folder that ends with '/', NAME.mlir (with the kernels)
  iree-cpu, iree-cuda  NAME.vmfb, NAME.mlir (what iree-compile takes))";

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

namespace {
struct Options {
  cl::OptionCategory category{"Compilation"};
  cl::opt<std::string> inputFile{cl::Positional, cl::desc("<module.mlir>"),
                                 cl::init("-"), cl::cat(category)};
  cl::opt<std::string> target{
      "target", cl::value_desc("target"), cl::init("cpu"),
      cl::desc("cpu (default), a GPU such as sm_90a, iree-cpu or iree-cuda"),
      cl::cat(category)};
  cl::opt<std::string> output{"o", cl::value_desc("path"), cl::Required,
                              cl::desc("What to write; its ending says in "
                                       "which form, see above"),
                              cl::cat(category)};
  cl::opt<std::string> raise{
      "raise", cl::value_desc("options"), cl::ValueOptional,
      cl::desc("Replace dense causal attention first, as "
               "--sparsek-raise-attention of sparsek-opt with these options"),
      cl::cat(category)};
  cl::opt<std::string> import{
      "import", cl::value_desc("options"), cl::ValueOptional,
      cl::desc("Replace attention ops of other compilers first, as "
               "--sparsek-import of sparsek-opt with these options"),
      cl::cat(category)};
  cl::opt<unsigned> optLevel{"opt-level", cl::value_desc("0-3"), cl::init(3),
                             cl::desc("LLVM's optimisation level, for cpu"),
                             cl::cat(category)};
  cl::opt<std::string> cpu{
      "cpu", cl::value_desc("name"),
      cl::desc("Processor for cpu and iree-cpu (default: this one)"),
      cl::cat(category)};
  cl::opt<std::string> features{"features", cl::value_desc("+a,-b"),
                                cl::desc("Processor features to add or remove"),
                                cl::cat(category)};
  cl::opt<std::string> format{
      "format", cl::value_desc("ptx|cubin|fatbin"), cl::init("ptx"),
      cl::desc(
          "Kernels as text for the driver (default) or as machine code, "
          "which needs ptxas; for an output .mlir of sm_N also llvm and nvvm"),
      cl::cat(category)};
  cl::opt<std::string> chip{"chip", cl::value_desc("sm_N"), cl::init("sm_90a"),
                            cl::desc("The GPU of iree-cuda (default: sm_90a)"),
                            cl::cat(category)};
  cl::opt<bool> fallback{
      "fallback",
      cl::desc("With iree-cuda: attention and scores without kernels, such as "
               "those in f32, by their definition, which takes longer"),
      cl::cat(category)};
  cl::opt<std::string> name{
      "name", cl::value_desc("identifier"),
      cl::desc("What the C functions of a GPU kernel begin with, and the "
               "header's include guard (default: the name of the output)"),
      cl::cat(category)};
  cl::opt<std::string> compiler{
      "iree-compile", cl::value_desc("path"),
      cl::desc("IREE's compiler (default: the one in PATH)"),
      cl::cat(category)};
  cl::list<std::string> compilerFlags{
      "iree-flag", cl::value_desc("flag"),
      cl::desc("A further argument of iree-compile"), cl::cat(category)};
  cl::opt<bool> quiet{"quiet",
                      cl::desc("Print no remarks, warnings and progress"),
                      cl::cat(category)};
};

enum class Target { CPU, GPU, IREECPU, IREECUDA };
enum class Form { Library, Object, LLVMIR, MLIR, Folder, VMFB };

/// What to make, from the options.
struct Request {
  Target target;
  Form form;
};
} // namespace

static constexpr StringLiteral kIREECUDATarget = "--iree-cuda-target=sm_80";

static llvm::Expected<Request> parseRequest(const Options &options) {
  StringRef target = options.target, output = options.output;
  Request request{};
  SmallVector<std::pair<StringRef, Form>> forms;
  if (target == "cpu") {
    request.target = Target::CPU;
    forms = {{".so", Form::Library},
             {".o", Form::Object},
             {".ll", Form::LLVMIR},
             {".mlir", Form::MLIR}};
  } else if (GPUTarget::get(target)) {
    request.target = Target::GPU;
    forms = {{".o", Form::Object}, {"/", Form::Folder}, {".mlir", Form::MLIR}};
  } else if (target == "iree-cpu" || target == "iree-cuda") {
    request.target = target == "iree-cpu" ? Target::IREECPU : Target::IREECUDA;
    forms = {{".vmfb", Form::VMFB}, {".mlir", Form::MLIR}};
  } else {
    return llvm::createStringError("--target must be cpu, iree-cpu, iree-cuda "
                                   "or a GPU (" +
                                   GPUTarget::getAccepted() + "), got '" +
                                   target + "'");
  }
  for (auto [ending, form] : forms)
    if (output.ends_with(ending)) {
      request.form = form;
      return request;
    }
  std::string endings;
  for (auto [ending, form] : forms)
    endings += (Twine(endings.empty() ? "" : ", ") + "'" + ending + "'").str();
  return llvm::createStringError("for --target=" + target +
                                 " the output must end with one of " + endings +
                                 ", got '" + output + "'");
}

/// An option that says nothing to the target is a mistake.
static llvm::Error checkOptions(const Options &options,
                                const Request &request) {
  bool isCPU = request.target == Target::CPU;
  bool isGPU = request.target == Target::GPU;
  bool isIREECPU = request.target == Target::IREECPU;
  bool isIREECUDA = request.target == Target::IREECUDA;
  bool isMLIR = request.form == Form::MLIR;
  bool isVMFB = request.form == Form::VMFB;
  bool isObject = request.form == Form::Library || request.form == Form::Object;
  struct Use {
    const cl::Option &option;
    bool isUsed;
    StringLiteral where;
  } uses[] = {
      {options.optLevel, isCPU && !isMLIR,
       "cpu with another output than .mlir"},
      {options.cpu, isCPU || isIREECPU, "cpu and iree-cpu"},
      {options.features, isCPU || isIREECPU, "cpu and iree-cpu"},
      {options.format, isGPU || isIREECUDA, "sm_N and iree-cuda"},
      {options.chip, isIREECUDA, "iree-cuda; sm_N names the GPU itself"},
      {options.fallback, isIREECUDA, "iree-cuda"},
      {options.name, isObject, "cpu and sm_N with an output .so or .o"},
      {options.compiler, isVMFB, "iree-cpu and iree-cuda with an output .vmfb"},
      {options.compilerFlags, isVMFB,
       "iree-cpu and iree-cuda with an output .vmfb"}};
  for (const Use &use : uses)
    if (use.option.getNumOccurrences() != 0 && !use.isUsed)
      return llvm::createStringError("--" + use.option.ArgStr +
                                     " is for --target " + use.where);
  if (llvm::Error error = checkChip(options.chip))
    return error;
  SmallVector<StringRef> more;
  if (isGPU && isMLIR)
    more = {"llvm", "nvvm"};
  if (llvm::Error error = checkImageFormat(options.format, more))
    return error;
  constexpr unsigned highest = 3;
  if (options.optLevel > highest)
    return llvm::createStringError("--opt-level must be 0 to 3, got " +
                                   Twine(options.optLevel));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// The output's path with another ending.
static std::string withEnding(StringRef output, StringRef ending) {
  return (output.drop_back(llvm::sys::path::extension(output).size()) + ending)
      .str();
}

/// What can be said about the output before the work begins.
static llvm::Error checkOutput(const Options &options, const Request &request) {
  SmallVector<std::string> paths{options.output};
  if (request.form == Form::Library || request.form == Form::Object)
    paths.push_back(withEnding(options.output, ".h"));
  for (const std::string &path : paths) {
    if (options.inputFile != "-" &&
        llvm::sys::fs::equivalent(path, options.inputFile))
      return llvm::createStringError("the output '" + path +
                                     "' would replace the input");
    std::error_code error;
    if (request.form == Form::Folder) {
      StringRef folder = StringRef(path).rtrim('/');
      if (llvm::sys::fs::exists(folder) && !llvm::sys::fs::is_directory(folder))
        error = std::make_error_code(std::errc::not_a_directory);
    } else if (llvm::sys::fs::is_directory(path)) {
      error = std::make_error_code(std::errc::is_a_directory);
    } else if (llvm::sys::fs::exists(path)) {
      error = llvm::sys::fs::access(path, llvm::sys::fs::AccessMode::Write);
    } else {
      StringRef folder = llvm::sys::path::parent_path(path);
      error = llvm::sys::fs::access(folder.empty() ? "." : folder,
                                    llvm::sys::fs::AccessMode::Write);
    }
    if (error)
      return llvm::createStringError("cannot write '" + path +
                                     "': " + error.message());
  }
  return llvm::Error::success();
}

/// Files with their content: all or none.
static llvm::Error
writeFiles(ArrayRef<std::pair<std::string, StringRef>> contents) {
  SmallVector<std::unique_ptr<llvm::ToolOutputFile>> files;
  for (const auto &[path, content] : contents) {
    std::error_code error;
    files.push_back(std::make_unique<llvm::ToolOutputFile>(
        path, error, llvm::sys::fs::OF_None));
    if (!error) {
      files.back()->os() << content;
      files.back()->os().flush();
      error = files.back()->os().error();
      files.back()->os().clear_error();
    }
    if (error)
      return llvm::createStringError("cannot write '" + path +
                                     "': " + error.message());
  }
  for (auto &file : files)
    file->keep();
  return llvm::Error::success();
}

static llvm::Error writeFile(StringRef path, StringRef content) {
  return writeFiles({{path.str(), content}});
}

static std::string print(ModuleOp module, bool generic) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OpPrintingFlags flags;
  if (generic)
    flags.printGenericOpForm();
  module.print(os, flags);
  os << "\n";
  return text;
}

/// The output's name as a C identifier.
static std::string getIdentifier(const Options &options) {
  if (!options.name.empty())
    return options.name;
  std::string name = llvm::sys::path::stem(options.output).str();
  for (char &c : name)
    if (!llvm::isAlnum(c))
      c = '_';
  if (name.empty() || llvm::isDigit(name.front()))
    name.insert(name.begin(), '_');
  return name;
}

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

static llvm::Error compileForCPU(ModuleOp module, const Options &options,
                                 Form form, Progress &progress) {
  progress.enter("compiling for the CPU");
  llvm::Expected<int64_t> lanes = getVectorLanes(options.cpu, options.features);
  if (!lanes)
    return lanes.takeError();
  CompileOptions compile;
  compile.pipeline =
      ("sparsek-cpu-pipeline{vector-lanes=" + Twine(*lanes) + "}").str();
  compile.configure = [](PassManager &passManager) {
    return applyPassManagerCLOptions(passManager);
  };
  if (form == Form::MLIR) {
    if (llvm::Error error = runPasses(module, compile.pipeline))
      return error;
    return writeFile(options.output, print(module, /*generic=*/false));
  }
  std::string linker;
  if (form == Form::Library) {
    auto found = findProgram("cc", "a C compiler links shared libraries; an "
                                   "output that ends with '.o' needs none");
    if (!found)
      return found.takeError();
    linker = *found;
  }
  compile.optLevel = options.optLevel;
  if (options.cpu != "host")
    compile.cpu = options.cpu;
  compile.features = options.features;
  auto object = compileObject(module, compile,
                              form == Form::LLVMIR ? ObjectForm::LLVMIR
                                                   : ObjectForm::Object);
  if (!object)
    return object.takeError();
  if (form == Form::LLVMIR)
    return writeFile(options.output, object->code);
  auto header = makeObjectHeader(object->entries, getIdentifier(options));
  if (!header)
    return header.takeError();
  std::string headerPath = withEnding(options.output, ".h");
  if (form == Form::Object)
    return writeFiles({{options.output, object->code}, {headerPath, *header}});

  progress.enter("linking");
  TemporaryFile file("o");
  if (llvm::Error error = file.write(object->code))
    return error;
  SmallVector<StringRef> arguments{"-shared", "-o", options.output,
                                   file.getPath(), "-lm"};
  // By its file: Debian has no development package's link for it.
  if (object->usesOpenMP)
    arguments.push_back("-l:libomp.so.5");
  llvm::sys::RemoveFileOnSignal(options.output);
  llvm::Error error = runProgram(linker, arguments, options.quiet);
  if (!error)
    error = writeFile(headerPath, *header);
  if (error)
    llvm::sys::fs::remove(options.output);
  llvm::sys::DontRemoveFileOnSignal(options.output);
  return error;
}

/// Ops that have no kernels; remarks have said why.
static llvm::Error checkKernels(ModuleOp module, StringRef chip) {
  std::string missing;
  module.walk([&](Operation *op) {
    if (isa_and_present<SparseKDialect>(op->getDialect()) &&
        !op->hasAttr(kKernelsAttr) &&
        !StringRef(missing).contains(op->getName().getStringRef()))
      missing +=
          (Twine(missing.empty() ? "" : ", ") + op->getName().getStringRef())
              .str();
  });
  if (missing.empty())
    return llvm::Error::success();
  return llvm::createStringError("no kernel for " + chip +
                                 " computes: " + missing);
}

static llvm::Error compileForGPU(ModuleOp module, const Options &options,
                                 Form form, Progress &progress) {
  if (llvm::Error error = checkToolkit(options.format))
    return error;
  progress.enter("compiling kernels for " + options.target);
  NVVMPipelineOptions pipeline;
  pipeline.host = false;
  pipeline.chip = options.target.getValue();
  pipeline.format = options.format.getValue();
  if (llvm::Error error = runPasses(module, [&](OpPassManager &passes) {
        buildNVVMPipeline(passes, pipeline);
      }))
    return error;
  if (llvm::Error error = checkKernels(module, options.target))
    return error;
  if (form == Form::MLIR)
    return writeFile(options.output, print(module, /*generic=*/false));
  if (form == Form::Folder)
    return writeKernelFiles(module, options.output);
  std::string header;
  SmallVector<char, 0> object;
  llvm::raw_string_ostream headerStream(header);
  llvm::raw_svector_ostream objectStream(object);
  // Several kernels have names of their own.
  std::string name = options.name;
  if (findKernelBinaries(module).size() == 1)
    name = getIdentifier(options);
  if (llvm::Error error = emitKernelHeader(module, name, headerStream))
    return error;
  if (llvm::Error error = emitKernelObject(module, name, objectStream))
    return error;
  return writeFiles({{options.output, objectStream.str()},
                     {withEnding(options.output, ".h"), header}});
}

static llvm::Error compileForIREE(ModuleOp module, const Options &options,
                                  Target target, Form form,
                                  Progress &progress) {
  std::string compiler;
  if (form == Form::VMFB) {
    llvm::Expected<std::string> found = findIREECompile(options.compiler);
    if (!found)
      return found.takeError();
    compiler = *found;
  }
  progress.enter("compiling sparsek ops for IREE");
  bool isCUDA = target == Target::IREECUDA;
  EmitIREEOptions pipeline;
  pipeline.cuda = isCUDA;
  pipeline.llvmCPU = !isCUDA;
  if (isCUDA) {
    if (llvm::Error error = checkToolkit(options.format))
      return error;
    pipeline.chip = options.chip.getValue();
    pipeline.format = options.format.getValue();
    pipeline.fallback = options.fallback.getValue();
  } else {
    llvm::Expected<int64_t> lanes =
        getVectorLanes(options.cpu, options.features);
    if (!lanes)
      return lanes.takeError();
    pipeline.vectorLanes = *lanes;
    // Text is for a stock iree-compile. Ours is told to keep f64.
    pipeline.nativeF64 = form != Form::MLIR;
  }
  if (llvm::Error error = runPasses(module, [&](OpPassManager &passes) {
        buildEmitIREEPipeline(passes, pipeline);
      }))
    return error;
  // Ops of IREE are unregistered here: iree-compile reads their generic form.
  std::string text = print(module, /*generic=*/true);
  if (form == Form::MLIR)
    return writeFile(options.output, text);
  TemporaryFile file("mlir");
  if (llvm::Error error = file.write(text))
    return error;
  // IREE has no code generation for sm_90: what is not ours is compiled for
  // sm_80, which later GPUs run too.
  std::string cpu = "--iree-llvmcpu-target-cpu=";
  cpu += options.cpu.empty() ? "host" : StringRef(options.cpu);
  std::string features =
      "--iree-llvmcpu-target-cpu-features=" + options.features;
  SmallVector<StringRef> arguments{file.getPath(), "-o", options.output};
  if (isCUDA)
    arguments.append({"--iree-hal-target-device=cuda", kIREECUDATarget});
  else
    // For native-f64: iree-compile makes f64 f32 by default.
    arguments.append({"--iree-hal-target-device=local",
                      "--iree-hal-local-target-device-backends=llvm-cpu", cpu,
                      "--iree-input-demote-f64-to-f32=false"});
  if (!isCUDA && !options.features.empty())
    arguments.push_back(features);
  for (const std::string &flag : options.compilerFlags)
    arguments.push_back(flag);
  progress.enter("running iree-compile");
  llvm::Error error = runProgram(compiler, arguments, options.quiet);
  if (!error)
    return error;
  // The file is gone by then.
  std::string message = llvm::toString(std::move(error));
  constexpr StringLiteral name = "NAME.mlir";
  bool isNamed = false;
  for (size_t at = 0;
       (at = message.find(file.getPath(), at)) != std::string::npos;
       at += name.size()) {
    message.replace(at, file.getPath().size(), name);
    isNamed = true;
  }
  if (isNamed)
    message += "\n-o NAME.mlir writes the module that iree-compile gets.";
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Main
//===----------------------------------------------------------------------===//

/// An error for a module of which nothing can be made.
static llvm::Error checkModule(ModuleOp module, Target target) {
  if (target == Target::GPU) {
    bool hasOps = module
                      .walk([](Operation *op) {
                        return isa_and_present<SparseKDialect>(op->getDialect())
                                   ? WalkResult::interrupt()
                                   : WalkResult::advance();
                      })
                      .wasInterrupted();
    if (!hasOps)
      return llvm::createStringError(
          "the module has no sparsek ops, of which kernels are made");
    return llvm::Error::success();
  }
  // Of any dialect: those of IREE are not registered here.
  auto isEntry = [](Operation &op) {
    return (isa<FunctionOpInterface>(op) ||
            op.getName().getStringRef() == "util.func") &&
           op.getNumRegions() == 1 && !op.getRegion(0).empty() &&
           SymbolTable::getSymbolVisibility(&op) ==
               SymbolTable::Visibility::Public;
  };
  if (llvm::none_of(module.getOps(), isEntry))
    return llvm::createStringError(
        "the module has no public function with a body");
  return llvm::Error::success();
}

/// Runs a pass that is to replace something by ops of this project; its remarks
/// say what, and why not.
static llvm::Error replaceAttention(ModuleOp module, StringRef option,
                                    const std::string &pass) {
  auto countOps = [&] {
    int64_t count = 0;
    module.walk([&](Operation *op) {
      count += isa_and_present<SparseKDialect>(op->getDialect());
    });
    return count;
  };
  int64_t before = countOps();
  if (llvm::Error error = runPasses(module, pass))
    return error;
  if (countOps() == before)
    return llvm::createStringError("--" + option +
                                   " found no attention to replace");
  return llvm::Error::success();
}

static llvm::Error compile(MLIRContext &context, const Options &options) {
  llvm::Expected<Request> request = parseRequest(options);
  if (!request)
    return request.takeError();
  if (llvm::Error error = checkOptions(options, *request))
    return error;
  if (llvm::Error error = checkOutput(options, *request))
    return error;
  ScopedDiagnosticHandler printer(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      return failure();
    if (!options.quiet)
      llvm::errs() << formatDiagnostic(diagnostic) << "\n";
    return success();
  });
  Progress progress(options.quiet ||
                    !llvm::sys::Process::StandardErrIsDisplayed());
  progress.enter("reading '" + options.inputFile + "'");
  if (options.inputFile == "-" && llvm::sys::Process::StandardInIsUserInput())
    llvm::errs() << "(reading from the terminal; end the input with Ctrl-D)\n";
  auto file =
      llvm::MemoryBuffer::getFileOrSTDIN(options.inputFile, /*IsText=*/true);
  if (!file)
    return llvm::createStringError("cannot read '" + options.inputFile +
                                   "': " + file.getError().message());
  // Other compilers have ops of their own, and IREE takes them as they are.
  // What is imported is verified then.
  bool imports = options.import.getNumOccurrences() != 0;
  bool isIREE =
      request->target == Target::IREECPU || request->target == Target::IREECUDA;
  context.allowUnregisteredDialects(imports || isIREE);
  auto *parse = imports || isIREE ? parseIREEModule : parseModule;
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      parse(context, (*file)->getBuffer(), (*file)->getBufferIdentifier(),
            /*verify=*/!imports);
  if (!module)
    return module.takeError();
  if (imports) {
    progress.enter("importing attention");
    std::string pass = "sparsek-import{" + options.import + "}";
    if (llvm::Error error = replaceAttention(**module, "import", pass))
      return error;
  }
  if (options.raise.getNumOccurrences() != 0) {
    progress.enter("raising attention");
    std::string pass = "sparsek-raise-attention{" + options.raise + "}";
    if (llvm::Error error = replaceAttention(**module, "raise", pass))
      return error;
  }
  if (llvm::Error error = checkModule(**module, request->target))
    return error;
  switch (request->target) {
  case Target::CPU:
    return compileForCPU(**module, options, request->form, progress);
  case Target::GPU:
    return compileForGPU(**module, options, request->form, progress);
  case Target::IREECPU:
  case Target::IREECUDA:
    return compileForIREE(**module, options, request->target, request->form,
                          progress);
  }
  llvm_unreachable("an unknown target");
}

extern "C" int sparsekCompileMain(int argc, char **argv) {
  forwardSignals();
  llvm::setBugReportMsg(kBugReportMessage);
  llvm::InitLLVM initLLVM(argc, argv);
  auto options = makeOptions<Options>();
  cl::HideUnrelatedOptions(options.category);
  addVersionPrinter();
  registerMLIRContextCLOptions();
  registerPassManagerCLOptions();
  sparsek::registerAllPasses();
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  DialectRegistry registry;
  sparsek::registerAllDialects(registry);
  MLIRContext context(registry);
  // A module may be long; locations say where.
  context.printOpOnDiagnostic(false);
  if (llvm::Error error = compile(context, options)) {
    llvm::errs() << "sparsek-compile: error: "
                 << llvm::toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}

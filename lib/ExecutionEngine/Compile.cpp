//===- Compile.cpp - From LLVM IR to machine code -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include "sparsek/ExecutionEngine/Object.h"

#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/ExecutionEngine/Orc/ObjectTransformLayer.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

using llvm::Twine;
using namespace sparsek;
using namespace sparsek::detail;

std::string sparsek::detail::getPackedName(llvm::StringRef entry) {
  return (Twine("sparsek_call_") + entry).str();
}

/// Adds `void sparsek_call_<entry>(ptr)`, which unpacks the arguments and calls
/// the C interface of the entry.
static llvm::Error addPackedForm(llvm::Module &module, const Signature &entry) {
  llvm::Function *target =
      module.getFunction((Twine("_mlir_ciface_") + entry.name).str());
  size_t numArguments = entry.arguments.size();
  bool hasResultPointer =
      entry.results.size() > 1 ||
      (entry.results.size() == 1 && entry.results.front().isTensor);
  if (!target || target->isDeclaration() ||
      target->arg_size() != numArguments + hasResultPointer)
    return llvm::createStringError(
        "the pipeline left no C interface of '" + Twine(entry.name) +
        "' with the signature " + entry.getString() +
        "; it has to lower func.func with --convert-func-to-llvm and keep the "
        "arguments and results");

  llvm::IRBuilder<> builder(module.getContext());
  llvm::Type *pointer = builder.getPtrTy();
  auto *function = llvm::Function::Create(
      llvm::FunctionType::get(builder.getVoidTy(), {pointer}, false),
      llvm::GlobalValue::ExternalLinkage, getPackedName(entry.name), module);
  builder.SetInsertPoint(
      llvm::BasicBlock::Create(module.getContext(), "", function));
  auto loadSlot = [&](size_t index) -> llvm::Value * {
    llvm::Value *slot =
        builder.CreateConstGEP1_64(pointer, function->getArg(0), index);
    return builder.CreateLoad(pointer, slot);
  };
  llvm::SmallVector<llvm::Value *> arguments;
  if (hasResultPointer)
    arguments.push_back(loadSlot(numArguments));
  for (auto [index, argument] : llvm::enumerate(entry.arguments)) {
    llvm::Value *value = loadSlot(index);
    llvm::Type *type = target->getArg(index + hasResultPointer)->getType();
    if (argument.isTensor != type->isPointerTy())
      return llvm::createStringError("the pipeline changed the type of an "
                                     "argument of '" +
                                     Twine(entry.name) + "'");
    if (!argument.isTensor)
      value = builder.CreateLoad(type, value);
    arguments.push_back(value);
  }
  llvm::Value *result = builder.CreateCall(target, arguments);
  if (!result->getType()->isVoidTy())
    builder.CreateStore(result, loadSlot(numArguments));
  builder.CreateRetVoid();
  return llvm::Error::success();
}

static void
prepareFunctions(llvm::Module &module, const llvm::StringSet<> &kept,
                 const llvm::orc::JITTargetMachineBuilder &builder) {
  std::string features = builder.getFeatures().getString();
  // LLVM would use half of what these machines have.
  bool wide = llvm::StringRef(features).contains("+avx512f");
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (!kept.contains(function.getName()))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    function.addFnAttr("target-cpu", builder.getCPU());
    function.addFnAttr("target-features", features);
    if (wide)
      function.addFnAttr("prefer-vector-width", "512");
  }
}

static void runLLVMPasses(llvm::Module &module, llvm::TargetMachine &machine,
                          unsigned level) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = level >= 2;
  tuning.LoopInterleaving = tuning.LoopUnrolling = level >= 1;
  llvm::PassBuilder passBuilder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  passBuilder.registerModuleAnalyses(modules);
  passBuilder.registerCGSCCAnalyses(graphs);
  passBuilder.registerFunctionAnalyses(functions);
  passBuilder.registerLoopAnalyses(loops);
  passBuilder.crossRegisterProxies(loops, functions, graphs, modules);
  const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::ModulePassManager passes =
      level == 0 ? passBuilder.buildO0DefaultPipeline(levels[0])
                 : passBuilder.buildPerModuleDefaultPipeline(
                       levels[std::min(level, 3u)]);
  passes.run(module, modules);
}

static llvm::Error
writeFile(llvm::StringRef path,
          llvm::function_ref<void(llvm::raw_ostream &)> write) {
  std::error_code error;
  llvm::raw_fd_ostream os(path, error);
  if (!error) {
    write(os);
    os.close();
    error = os.error();
    os.clear_error();
  }
  if (error)
    return llvm::createStringError("cannot write '" + Twine(path) +
                                   "': " + error.message());
  return llvm::Error::success();
}

/// LLVM would only warn, and stop where the rest does not fit.
static llvm::Error checkProcessor(const llvm::Triple &triple,
                                  const CompileOptions &options) {
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!target)
    return llvm::createStringError(reason);
  std::unique_ptr<llvm::MCSubtargetInfo> known(
      target->createMCSubtargetInfo(triple, /*CPU=*/"", /*Features=*/""));
  bool is64Bit = triple.isArch64Bit();
  if (!options.cpu.empty()) {
    std::unique_ptr<llvm::MCSubtargetInfo> chosen;
    bool isKnown = known->isCPUStringValid(options.cpu);
    if (isKnown)
      chosen.reset(target->createMCSubtargetInfo(triple, options.cpu, ""));
    // All x86 processors of the last twenty years are.
    if (!isKnown ||
        (triple.isX86() && is64Bit && !chosen->checkFeatures("+64bit")))
      return llvm::createStringError("there is no processor '" + options.cpu +
                                     "' for " + triple.str());
  }
  llvm::SubtargetFeatures features(options.features);
  for (const std::string &feature : features.getFeatures()) {
    llvm::StringRef name = llvm::StringRef(feature).drop_front();
    if (llvm::none_of(known->getAllProcessorFeatures(),
                      [&](const auto &key) { return name == key.Key; }))
      return llvm::createStringError("there is no processor feature '" + name +
                                     "' for " + triple.str());
  }
  return llvm::Error::success();
}

static llvm::Expected<llvm::orc::JITTargetMachineBuilder>
getTargetMachineBuilder(const CompileOptions &options) {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
  });
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  if (llvm::Error error = checkProcessor(builder->getTargetTriple(), options))
    return std::move(error);
  if (!options.cpu.empty()) {
    builder->setCPU(options.cpu);
    builder->getFeatures() = llvm::SubtargetFeatures();
  }
  llvm::SubtargetFeatures extra(options.features);
  builder->addFeatures(extra.getFeatures());
  builder->setRelocationModel(llvm::Reloc::PIC_);
  const llvm::CodeGenOptLevel levels[] = {
      llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less,
      llvm::CodeGenOptLevel::Default, llvm::CodeGenOptLevel::Aggressive};
  builder->setCodeGenOptLevel(levels[std::min(options.optLevel, 3u)]);
  return builder;
}

llvm::Expected<int64_t> sparsek::getVectorLanes(llvm::StringRef cpu,
                                                llvm::StringRef features) {
  CompileOptions options;
  if (cpu != "host")
    options.cpu = cpu.str();
  options.features = features.str();
  auto builder = getTargetMachineBuilder(options);
  if (!builder)
    return builder.takeError();
  const llvm::Triple &triple = builder->getTargetTriple();
  if (!triple.isX86())
    return 4;
  std::string reason;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, reason);
  std::unique_ptr<llvm::MCSubtargetInfo> info(target->createMCSubtargetInfo(
      triple, builder->getCPU(), builder->getFeatures().getString()));
  return info->checkFeatures("+avx512f") ? 16
         : info->checkFeatures("+avx")   ? 8
                                         : 4;
}

llvm::Expected<HostMachine> HostMachine::create(const CompileOptions &options,
                                                llvm::Module &module) {
  auto builder = getTargetMachineBuilder(options);
  if (!builder)
    return builder.takeError();
  auto machine = builder->createTargetMachine();
  if (!machine)
    return machine.takeError();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  return HostMachine{std::move(*builder), std::move(*machine)};
}

void HostMachine::optimize(llvm::Module &module, const llvm::StringSet<> &kept,
                           unsigned level) const {
  prepareFunctions(module, kept, builder);
  runLLVMPasses(module, *machine, level);
}

bool sparsek::detail::callsOpenMP(const llvm::Module &module) {
  return llvm::any_of(module, [](const llvm::Function &function) {
    return function.isDeclaration() &&
           (function.getName().starts_with("__kmpc_") ||
            function.getName().starts_with("omp_"));
  });
}

static void addLibrary(llvm::orc::LLJIT &jit,
                       llvm::sys::DynamicLibrary library) {
  jit.getMainJITDylib().addGenerator(
      std::make_unique<llvm::orc::DynamicLibrarySearchGenerator>(
          library, jit.getDataLayout().getGlobalPrefix()));
}

llvm::Expected<CompiledCode>
sparsek::detail::compileLLVM(std::unique_ptr<llvm::Module> module,
                             std::unique_ptr<llvm::LLVMContext> context,
                             llvm::ArrayRef<Signature> entries,
                             const CompileOptions &options) {
  llvm::Expected<HostMachine> machine = HostMachine::create(options, *module);
  if (!machine)
    return machine.takeError();
  for (const Signature &entry : entries)
    if (llvm::Error error = addPackedForm(*module, entry))
      return error;
  llvm::StringSet<> kept;
  for (const Signature &entry : entries)
    kept.insert(getPackedName(entry.name));

  CompiledCode code;
  code.usesOpenMP = callsOpenMP(*module);
  machine->optimize(*module, kept, options.optLevel);
  if (!options.llvmIRFile.empty())
    if (llvm::Error error =
            writeFile(options.llvmIRFile, [&](llvm::raw_ostream &os) {
              module->print(os, nullptr);
            }))
      return error;

  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(machine->builder)
                 .setDataLayout(module->getDataLayout())
                 .create();
  if (!jit)
    return jit.takeError();
  code.jit = std::move(*jit);
  std::string reported;
  code.jit->getExecutionSession().setErrorReporter([&](llvm::Error error) {
    reported += (Twine("\n") + llvm::toString(std::move(error))).str();
  });
  if (!options.objectFile.empty())
    code.jit->getObjTransformLayer().setTransform(
        [&](std::unique_ptr<llvm::MemoryBuffer> object)
            -> llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> {
          if (llvm::Error error =
                  writeFile(options.objectFile, [&](llvm::raw_ostream &os) {
                    os << object->getBuffer();
                  }))
            return error;
          return object;
        });

  if (code.usesOpenMP) {
    llvm::Expected<const OpenMPLibrary *> openMP = OpenMPLibrary::get();
    if (!openMP)
      return openMP.takeError();
    addLibrary(*code.jit, llvm::sys::DynamicLibrary((*openMP)->handle));
  }
  for (const std::string &path : options.sharedLibraries) {
    std::string reason;
    auto library = llvm::sys::DynamicLibrary::getLibrary(path.c_str(), &reason);
    if (!library.isValid())
      return llvm::createStringError("cannot load '" + Twine(path) +
                                     "': " + reason);
    addLibrary(*code.jit, library);
  }
  if (llvm::Error error = code.jit->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(getRuntimeSymbols(*code.jit))))
    return error;
  if (llvm::Error error = code.jit->addIRModule(llvm::orc::ThreadSafeModule(
          std::move(module), llvm::orc::ThreadSafeContext(std::move(context)))))
    return error;

  // Compiles everything now: a missing symbol is an error here, not in a call.
  for (const Signature &entry : entries) {
    auto address = code.jit->lookup(getPackedName(entry.name));
    if (!address)
      return llvm::createStringError(
          Twine(llvm::toString(address.takeError())) + reported);
  }
  if (llvm::Error error = code.jit->initialize(code.jit->getMainJITDylib()))
    return error;
  code.jit->getExecutionSession().setErrorReporter(
      [](llvm::Error error) { llvm::consumeError(std::move(error)); });
  return code;
}

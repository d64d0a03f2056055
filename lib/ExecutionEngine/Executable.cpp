//===- Executable.cpp - Compile a module for this CPU and call it ---------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek/ExecutionEngine/Executable.h"

#include "Internal.h"

#include "sparsek/CUDARuntime/Session.h"
#include "sparsek/ExecutionEngine/Object.h"
#include "sparsek/Transforms/DeviceMemory.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

#include <chrono>
#include <cstring>

using namespace mlir;
using namespace sparsek;
using namespace sparsek::detail;

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

/// "file:line:column: " where the location has one inside.
static std::string getLocationString(Location location) {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (auto file = location->findInstanceOf<FileLineColLoc>()) {
    os << file.getFilename().strref() << ":";
    // A module that the text does not name begins nowhere.
    if (file.getLine() != 0)
      os << file.getLine() << ":" << file.getColumn() << ":";
    os << " ";
  } else if (!isa<UnknownLoc>(location)) {
    os << location << ": ";
  }
  return text;
}

static StringRef getSeverityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Remark:
    return "remark";
  case DiagnosticSeverity::Note:
    return "note";
  }
  llvm_unreachable("an unknown severity");
}

std::string sparsek::formatDiagnostic(Diagnostic &diagnostic) {
  std::string text;
  auto append = [&](Diagnostic &each) {
    text.append(getLocationString(each.getLocation()))
        .append(getSeverityName(each.getSeverity()))
        .append(": ")
        .append(each.str());
  };
  append(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes()) {
    text += "\n";
    append(note);
  }
  return text;
}

DiagnosticCollector::DiagnosticCollector(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        std::string added = formatDiagnostic(diagnostic);
        StringRef line = added;
        // Who prints the error says that it is one.
        if (text.empty())
          line.consume_front("error: ");
        else
          text += "\n";
        text += line;
        return success();
      }) {}

llvm::Error DiagnosticCollector::takeError(StringRef fallback) {
  llvm::Error error =
      llvm::createStringError(text.empty() ? fallback.str() : text);
  text.clear();
  return error;
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// Gives the arguments of functions their names in the text as locations.
static void nameArguments(ModuleOp module, const AsmParserState &state) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    const AsmParserState::BlockDefinition *block =
        state.getBlockDef(&function.getBody().front());
    if (!block || block->arguments.size() != function.getNumArguments())
      continue;
    for (auto [argument, definition] :
         llvm::zip_equal(function.getArguments(), block->arguments)) {
      llvm::SMRange range = definition.loc;
      if (!range.isValid())
        continue;
      StringRef name(range.Start.getPointer(),
                     range.End.getPointer() - range.Start.getPointer());
      if (name.consume_front("%"))
        argument.setLoc(NameLoc::get(StringAttr::get(module.getContext(), name),
                                     argument.getLoc()));
    }
  }
}

llvm::Expected<OwningOpRef<ModuleOp>> sparsek::parseModule(MLIRContext &context,
                                                           StringRef text,
                                                           StringRef name,
                                                           bool verify) {
  DiagnosticCollector diagnostics(context);
  llvm::SourceMgr sourceMgr;
  sourceMgr.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name),
                               llvm::SMLoc());
  ParserConfig config(&context, verify);
  if (isBytecode(*sourceMgr.getMemoryBuffer(sourceMgr.getMainFileID()))) {
    if (auto module = parseSourceFile<ModuleOp>(sourceMgr, config))
      return module;
    return diagnostics.takeError(
        (Twine("'") + name + "' is no valid bytecode").str());
  }
  // The parser keeps no value names; its record of the source does.
  AsmParserState state;
  Block parsed;
  if (failed(parseAsmSourceFile(sourceMgr, &parsed, config, &state)))
    return diagnostics.takeError(
        (Twine("'") + name + "' cannot be parsed").str());
  auto module =
      mlir::detail::constructContainerOpForParserIfNecessary<ModuleOp>(
          &parsed, &context, FileLineColLoc::get(&context, name, 0, 0));
  if (!module)
    return diagnostics.takeError(
        (Twine("'") + name + "' holds no module").str());
  nameArguments(*module, state);
  return module;
}

llvm::Expected<OwningOpRef<ModuleOp>>
sparsek::parseIREEModule(MLIRContext &context, StringRef text, StringRef name,
                         bool verify) {
  auto module = parseModule(context, text, name, verify);
  if (module)
    return module;
  std::string message = llvm::toString(module.takeError());
  if (StringRef(message).contains("not found for custom op"))
    message += "\nOps of IREE are read in the generic form, which iree-compile "
               "prints with --mlir-print-op-generic.";
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

namespace {
class ResultFrame;
} // namespace

struct Executable::Impl {
  std::vector<Signature> signatures;
  /// Public functions that cannot be called, and why.
  llvm::StringMap<std::string> refused;
  std::vector<PackedFunction> functions;
  CompiledCode code;
  unsigned threads = 0;
  /// The device of functions that run on one.
  int device = 0;
  /// Whose buffers lie in the memory of the device.
  llvm::StringSet<> onDevice;

  llvm::Error call(const Signature &signature, ArrayRef<TensorRef> inputs,
                   ResultFrame &results) const;
};

Executable::Executable(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Executable::~Executable() {
  // Releases what compiled code registered when it was loaded.
  if (impl->code.jit)
    llvm::consumeError(
        impl->code.jit->deinitialize(impl->code.jit->getMainJITDylib()));
}

llvm::Expected<std::vector<Signature>>
sparsek::detail::prepareEntries(ModuleOp module,
                                llvm::StringMap<std::string> &refused) {
  MLIRContext *context = module.getContext();
  context
      ->loadDialect<bufferization::BufferizationDialect, LLVM::LLVMDialect>();
  auto unit = UnitAttr::get(context);
  auto no = BoolAttr::get(context, false);
  std::vector<Signature> signatures;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal())
      continue;
    llvm::Expected<Signature> signature = ::getSignature(function);
    if (!signature) {
      refused[function.getName()] = llvm::toString(signature.takeError());
      continue;
    }
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), unit);
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
      if (isa<TensorType>(function.getArgument(i).getType()))
        function.setArgAttr(
            i, bufferization::BufferizationDialect::kWritableAttrName, no);
    signatures.push_back(std::move(*signature));
  }
  if (signatures.empty()) {
    std::string text = "the module has no public func.func that can be called";
    for (const auto &entry : refused)
      text.append("\n").append(entry.getValue());
    return llvm::createStringError(text);
  }
  return signatures;
}

/// Adds the passes of a textual pipeline. Its outer `builtin.module(...)` is
/// taken off: the manager would apply it to modules inside the module.
static llvm::Error parsePasses(StringRef text, PassManager &passManager) {
  StringRef pipeline = text.trim();
  if (pipeline.consume_front("builtin.module(") && !pipeline.consume_back(")"))
    return llvm::createStringError(Twine("the pipeline '") + text +
                                   "' lacks a closing parenthesis");
  std::string reason;
  llvm::raw_string_ostream os(reason);
  if (failed(parsePassPipeline(pipeline, passManager, os)))
    return llvm::createStringError(Twine("in the pipeline '") + text +
                                   "': " + StringRef(reason).trim());
  return llvm::Error::success();
}

llvm::Error sparsek::verifyBefore(ModuleOp module, StringRef pipeline) {
  StringRef first = pipeline.trim();
  first.consume_front("builtin.module(");
  if (first.starts_with("sparsek-import"))
    return llvm::Error::success();
  DiagnosticCollector diagnostics(*module.getContext());
  if (failed(verify(module)))
    return diagnostics.takeError("the module is not valid");
  return llvm::Error::success();
}

llvm::Error sparsek::runPasses(ModuleOp module, StringRef pipeline) {
  DiagnosticCollector diagnostics(*module.getContext());
  PassManager passManager(module.getContext(), ModuleOp::getOperationName());
  if (llvm::Error error = parsePasses(pipeline, passManager))
    return error;
  if (failed(passManager.run(module)))
    return diagnostics.takeError("the pipeline failed");
  return llvm::Error::success();
}

llvm::Error sparsek::runPasses(ModuleOp module,
                               llvm::function_ref<void(OpPassManager &)> add) {
  DiagnosticCollector diagnostics(*module.getContext());
  PassManager passManager(module.getContext(), ModuleOp::getOperationName());
  add(passManager);
  if (failed(passManager.run(module)))
    return diagnostics.takeError("the pipeline failed");
  return llvm::Error::success();
}

/// The text of the pipeline. Without options it would fit vectors to the host.
static llvm::Expected<std::string> getPipeline(const CompileOptions &options) {
  bool isOther = !options.cpu.empty() || !options.features.empty();
  if (!isOther || options.pipeline != CompileOptions().pipeline)
    return options.pipeline;
  llvm::Expected<int64_t> lanes = getVectorLanes(options.cpu, options.features);
  if (!lanes)
    return lanes.takeError();
  return (options.pipeline + "{vector-lanes=" + Twine(*lanes) + "}").str();
}

llvm::Error sparsek::detail::runPipeline(ModuleOp module,
                                         const CompileOptions &options,
                                         DiagnosticCollector &diagnostics) {
  PassManager passManager(module.getContext(), ModuleOp::getOperationName());
  if (options.configure && failed(options.configure(passManager)))
    return diagnostics.takeError("the pass manager was not set up");
  if (options.buildPipeline) {
    if (failed(options.buildPipeline(passManager)))
      return diagnostics.takeError("the pipeline cannot be built");
  } else {
    llvm::Expected<std::string> pipeline = getPipeline(options);
    if (!pipeline)
      return pipeline.takeError();
    if (llvm::Error error = parsePasses(*pipeline, passManager))
      return error;
  }
  if (failed(passManager.run(module)))
    return diagnostics.takeError("the pipeline failed");
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Executable>>
Executable::compile(ModuleOp source, const CompileOptions &options) {
  MLIRContext &context = *source.getContext();
  OwningOpRef<ModuleOp> module(source.clone());
  DiagnosticCollector diagnostics(context);

  auto impl = std::make_unique<Impl>();
  impl->threads = options.threads;
  impl->device = options.device;
  auto signatures = prepareEntries(*module, impl->refused);
  if (!signatures)
    return signatures.takeError();
  impl->signatures = std::move(*signatures);
  if (llvm::Error error = runPipeline(*module, options, diagnostics))
    return error;

  for (auto function : module->getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr(kDeviceMemoryAttr))
      impl->onDevice.insert(function.getName());

  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(*module, *llvmContext, "sparsek");
  if (!llvmModule)
    return diagnostics.takeError("the pipeline did not reach LLVM IR");
  llvm::Expected<CompiledCode> code = compileLLVM(
      std::move(llvmModule), std::move(llvmContext), impl->signatures, options);
  if (!code)
    return code.takeError();
  impl->code = std::move(*code);
  for (const Signature &signature : impl->signatures) {
    auto address = impl->code.jit->lookup(getPackedName(signature.name));
    if (!address)
      return address.takeError();
    impl->functions.push_back(address->toPtr<PackedFunction>());
  }
  return std::unique_ptr<Executable>(new Executable(std::move(impl)));
}

llvm::Expected<std::unique_ptr<Executable>>
Executable::compile(MLIRContext &context, StringRef text, StringRef name,
                    const CompileOptions &options) {
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      parseModule(context, text, name);
  if (!module)
    return module.takeError();
  return compile(module->get(), options);
}

ArrayRef<Signature> Executable::getSignatures() const {
  return impl->signatures;
}

llvm::Expected<const Signature *>
Executable::getSignature(StringRef entry) const {
  if (entry.empty() && impl->signatures.size() == 1)
    return &impl->signatures.front();
  for (const Signature &signature : impl->signatures)
    if (signature.name == entry)
      return &signature;
  if (auto it = impl->refused.find(entry); it != impl->refused.end())
    return llvm::createStringError(it->second);
  std::string text =
      entry.empty()
          ? "the module has several functions, name one"
          : (Twine("there is no public function '") + entry + "'").str();
  text += "; available:";
  for (const Signature &signature : impl->signatures)
    text.append("\n  ").append(signature.getString());
  return llvm::createStringError(text);
}

//===----------------------------------------------------------------------===//
// Calling
//===----------------------------------------------------------------------===//

namespace {
/// A memref descriptor as the LLVM dialect lays it out, for any rank: allocated
/// pointer, aligned pointer, offset, sizes, strides.
class Descriptor {
public:
  explicit Descriptor(size_t rank) : words(3 + 2 * rank), rank(rank) {}
  Descriptor(const void *bytes, size_t rank) : Descriptor(rank) {
    std::memcpy(words.data(), bytes, getNumBytes());
  }
  explicit Descriptor(const TensorRef &tensor)
      : Descriptor(tensor.shape.size()) {
    words[0] = words[1] = reinterpret_cast<intptr_t>(tensor.data);
    int64_t stride = 1;
    for (size_t i = rank; i-- > 0;) {
      words[3 + i] = tensor.shape[i];
      words[3 + rank + i] = stride;
      stride *= std::max<int64_t>(tensor.shape[i], 1);
    }
  }

  static size_t getNumBytes(size_t rank) { return 8 * (3 + 2 * rank); }
  size_t getNumBytes() const { return getNumBytes(rank); }
  void *getData() { return words.data(); }
  void *getAllocated() const { return reinterpret_cast<void *>(words[0]); }
  int64_t getOffset() const { return words[2]; }
  char *getStart(unsigned elementBytes) const {
    return reinterpret_cast<char *>(words[1]) + getOffset() * elementBytes;
  }
  ArrayRef<int64_t> getSizes() const { return ArrayRef(words).slice(3, rank); }
  ArrayRef<int64_t> getStrides() const {
    return ArrayRef(words).slice(3 + rank, rank);
  }
  bool isContiguous() const {
    int64_t stride = 1;
    for (size_t i = rank; i-- > 0;) {
      if (getSizes()[i] > 1 && getStrides()[i] != stride)
        return false;
      stride *= getSizes()[i];
    }
    return true;
  }

private:
  SmallVector<int64_t, 16> words;
  size_t rank;
};
} // namespace

static_assert(sizeof(void *) == 8, "descriptors are made of 64-bit words");

static void copyStrided(char *&to, const char *from, ArrayRef<int64_t> sizes,
                        ArrayRef<int64_t> strides, unsigned elementBytes) {
  if (sizes.empty()) {
    std::memcpy(to, from, elementBytes);
    to += elementBytes;
    return;
  }
  for (int64_t i = 0; i < sizes.front(); ++i)
    copyStrided(to, from + i * strides.front() * elementBytes,
                sizes.drop_front(), strides.drop_front(), elementBytes);
}

namespace {
/// The memory that a call returns: decides what the caller may keep and frees
/// the rest.
class ResultCollector {
public:
  explicit ResultCollector(ArrayRef<TensorRef> inputs) {
    for (const TensorRef &input : inputs)
      if (input.data)
        foreign.insert(input.data);
  }

  llvm::Expected<Tensor> collect(const Descriptor &result, ElementType type) {
    unsigned bytes = getByteSize(type);
    void *allocated = result.getAllocated();
    std::shared_ptr<void> owner;
    // Not the first result in an allocation, an argument, or a constant of the
    // compiled module (its allocated pointer is a mark): copied, never freed.
    bool owned = allocated && allocated != kGlobalMark &&
                 foreign.insert(allocated).second;
    if (owned)
      owner = std::shared_ptr<void>(allocated, std::free);
    // Small parts of large allocations are copied too.
    if (owned && result.isContiguous() && result.getOffset() == 0)
      return Tensor(type, result.getSizes(), result.getStart(bytes), owner);
    if (owned)
      delayed.push_back(owner);
    llvm::Expected<Tensor> copy = Tensor::create(type, result.getSizes());
    if (copy && copy->getNumElements() != 0) {
      char *to = copy->getDataAs<char>();
      if (result.isContiguous())
        std::memcpy(to, result.getStart(bytes), copy->getNumBytes());
      else
        copyStrided(to, result.getStart(bytes), result.getSizes(),
                    result.getStrides(), bytes);
    }
    return copy;
  }

private:
  inline static void *const kGlobalMark =
      reinterpret_cast<void *>(uintptr_t(0xdeadbeef));
  llvm::SmallPtrSet<void *, 8> foreign;
  /// Later results may lie in these allocations.
  SmallVector<std::shared_ptr<void>> delayed;
};
} // namespace

namespace {
/// Where the results of a call are put: one after the other, as in a C struct.
class ResultFrame {
public:
  explicit ResultFrame(ArrayRef<ValueSignature> results) {
    size_t bytes = 0;
    for (const ValueSignature &result : results) {
      size_t size = result.isTensor
                        ? Descriptor::getNumBytes(result.shape.size())
                        : getByteSize(result.type);
      bytes = llvm::alignTo(bytes, result.isTensor ? 8 : size);
      offsets.push_back(bytes);
      bytes += size;
    }
    words.resize(llvm::divideCeil(bytes, 8) + 1);
  }

  char *getData() { return reinterpret_cast<char *>(words.data()); }

  /// A tensor, or a scalar as one of rank 0 that is not allocated.
  Descriptor getDescriptor(const ValueSignature &result, size_t index) {
    char *bytes = getData() + offsets[index];
    if (result.isTensor)
      return Descriptor(bytes, result.shape.size());
    Descriptor descriptor(TensorRef{result.type, {}, bytes});
    *static_cast<void **>(descriptor.getData()) = nullptr;
    return descriptor;
  }

private:
  SmallVector<size_t> offsets;
  SmallVector<int64_t> words;
};
} // namespace

llvm::Error Executable::Impl::call(const Signature &signature,
                                   ArrayRef<TensorRef> inputs,
                                   ResultFrame &results) const {
  // One pointer per argument: to a descriptor, or to the scalar itself.
  SmallVector<Descriptor> descriptors;
  descriptors.reserve(inputs.size());
  SmallVector<void *> packed;
  for (auto [input, argument] : llvm::zip_equal(inputs, signature.arguments)) {
    if (argument.isTensor)
      packed.push_back(descriptors.emplace_back(input).getData());
    else
      packed.push_back(input.data);
  }
  packed.push_back(results.getData());
  std::string message;
  if (callGuarded(functions[&signature - signatures.data()], packed.data(),
                  message))
    return llvm::Error::success();
  return llvm::createStringError(Twine("in '") + signature.name +
                                 "': " + message);
}

/// Results in host memory: kept or copied.
static llvm::Error collectResults(const Signature &signature,
                                  ArrayRef<TensorRef> inputs,
                                  ResultFrame &results,
                                  std::vector<Tensor> &outputs) {
  ResultCollector collector(inputs);
  llvm::Error failure = llvm::Error::success();
  for (auto [index, result] : llvm::enumerate(signature.results)) {
    llvm::Expected<Tensor> tensor =
        collector.collect(results.getDescriptor(result, index), result.type);
    if (tensor)
      outputs.push_back(std::move(*tensor));
    else
      failure = llvm::joinErrors(std::move(failure), tensor.takeError());
  }
  return failure;
}

//===----------------------------------------------------------------------===//
// Calling on a device
//===----------------------------------------------------------------------===//

static uint64_t getAddress(const void *data) {
  return reinterpret_cast<uintptr_t>(data);
}

/// Copies of the tensors in the memory of the device.
static llvm::Expected<SmallVector<TensorRef>>
copyToDevice(cuda::Session &session, const Signature &signature,
             ArrayRef<TensorRef> inputs) {
  SmallVector<TensorRef> copies(inputs);
  for (auto [copy, argument] : llvm::zip_equal(copies, signature.arguments)) {
    if (!argument.isTensor)
      continue;
    size_t bytes = *getNumElements(copy.shape) * getByteSize(copy.type);
    llvm::Expected<uint64_t> address = session.allocate(bytes);
    if (!address)
      return address.takeError();
    if (llvm::Error error =
            session.copy(*address, getAddress(copy.data), bytes))
      return std::move(error);
    copy.data = reinterpret_cast<void *>(*address);
  }
  return copies;
}

/// The elements of a result, which lie on the device.
static llvm::Expected<Tensor>
copyToHost(cuda::Session &session, const Descriptor &result, ElementType type) {
  llvm::Expected<Tensor> tensor = Tensor::create(type, result.getSizes());
  if (!tensor || tensor->getNumElements() == 0)
    return tensor;
  unsigned bytes = getByteSize(type);
  // All elements with what is between them.
  int64_t span = 1;
  for (auto [size, stride] :
       llvm::zip_equal(result.getSizes(), result.getStrides()))
    span += (size - 1) * stride;
  bool contiguous = result.isContiguous();
  std::vector<char> strided(contiguous ? 0 : span * bytes);
  char *to = contiguous ? tensor->getDataAs<char>() : strided.data();
  llvm::Error error = session.copy(
      getAddress(to), getAddress(result.getStart(bytes)), span * bytes);
  // Nothing is left in flight when the memory goes away.
  error = llvm::joinErrors(std::move(error), session.synchronize());
  if (error)
    return std::move(error);
  if (!contiguous) {
    char *next = tensor->getDataAs<char>();
    copyStrided(next, strided.data(), result.getSizes(), result.getStrides(),
                bytes);
  }
  return tensor;
}

/// Results in the memory of the device: copied, and freed with the session.
static llvm::Error fetchResults(cuda::Session &session,
                                const Signature &signature,
                                ResultFrame &results,
                                std::vector<Tensor> &outputs) {
  for (auto [index, result] : llvm::enumerate(signature.results)) {
    Descriptor descriptor = results.getDescriptor(result, index);
    llvm::Expected<Tensor> tensor =
        result.isTensor ? copyToHost(session, descriptor, result.type)
                        : ResultCollector({}).collect(descriptor, result.type);
    if (!tensor)
      return tensor.takeError();
    outputs.push_back(std::move(*tensor));
  }
  return llvm::Error::success();
}

namespace {
/// Measures from its construction on, if somebody wants to know.
class Stopwatch {
public:
  explicit Stopwatch(double *seconds) : seconds(seconds), start(now()) {}
  void stop() {
    if (seconds)
      *seconds = std::chrono::duration<double>(now() - start).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  static Clock::time_point now() { return Clock::now(); }
  double *seconds;
  Clock::time_point start;
};
} // namespace

llvm::Error Executable::call(StringRef entry, ArrayRef<TensorRef> inputs,
                             std::vector<Tensor> &outputs,
                             double *seconds) const {
  llvm::Expected<const Signature *> found = getSignature(entry);
  if (!found)
    return found.takeError();
  const Signature &signature = **found;
  if (llvm::Error error = signature.checkArguments(inputs))
    return error;
  if (impl->code.usesOpenMP && impl->threads != 0) {
    llvm::Expected<const OpenMPLibrary *> openMP = OpenMPLibrary::get();
    if (!openMP)
      return openMP.takeError();
    (*openMP)->setNumThreads(impl->threads);
  }
  outputs.clear();
  ResultFrame results(signature.results);
  if (!impl->onDevice.contains(signature.name)) {
    Stopwatch watch(seconds);
    if (llvm::Error error = impl->call(signature, inputs, results))
      return error;
    watch.stop();
    return collectResults(signature, inputs, results, outputs);
  }
  llvm::Expected<std::unique_ptr<cuda::Session>> session =
      cuda::Session::open(impl->device, checkFailed);
  if (!session)
    return session.takeError();
  llvm::Expected<SmallVector<TensorRef>> copies =
      copyToDevice(**session, signature, inputs);
  if (!copies)
    return copies.takeError();
  if (llvm::Error error = (*session)->synchronize())
    return error;
  Stopwatch watch(seconds);
  if (llvm::Error error = impl->call(signature, *copies, results))
    return error;
  if (llvm::Error error = (*session)->synchronize())
    return error;
  watch.stop();
  return fetchResults(**session, signature, results, outputs);
}

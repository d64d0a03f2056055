//===- Sparsek.cpp - C API of sparsek ----------------------------*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparsek-c/Sparsek.h"

#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Support/Version.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <cstdlib>
#include <deque>

using namespace mlir;

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static thread_local std::string lastError;

static void setError(const Twine &message) { lastError = message.str(); }

/// Collects the diagnostics of a context while it lives, and makes them the
/// error of this thread. `fallback` is for failures that explain nothing.
namespace {
class ErrorScope {
public:
  ErrorScope(llvm::SourceMgr &sources, MLIRContext *context)
      : stream(text), handler(sources, context, stream) {}

  void fail(const Twine &fallback) {
    setError(text.empty() ? fallback : Twine(StringRef(text).rtrim()));
  }

private:
  std::string text;
  llvm::raw_string_ostream stream;
  SourceMgrDiagnosticHandler handler;
};
} // namespace

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

struct SparsekModule {
  // Threads of a pool would cost more than they save on modules of this size.
  MLIRContext context{MLIRContext::Threading::DISABLED};
  llvm::SourceMgr sources; // Diagnostics of every later step quote the text.
  OwningOpRef<ModuleOp> op;
};

static const DialectRegistry &allDialects() {
  static const DialectRegistry *registry = [] {
    auto *result = new DialectRegistry;
    sparsek::registerAllDialects(*result);
    sparsek::registerAllPasses();
    return result;
  }();
  return *registry;
}

static LogicalResult runPipeline(ModuleOp op, StringRef pipeline,
                                 llvm::SourceMgr &sources) {
  ErrorScope errors(sources, op.getContext());
  PassManager manager(op.getContext(), ModuleOp::getOperationName());
  std::string message;
  llvm::raw_string_ostream stream(message);
  if (failed(parsePassPipeline(pipeline, manager, stream))) {
    setError("invalid pass pipeline '" + pipeline +
             "': " + StringRef(message).trim());
    return failure();
  }
  if (succeeded(manager.run(op)))
    return success();
  errors.fail("the pipeline '" + pipeline + "' failed without a diagnostic");
  return failure();
}

extern "C" const char *sparsekVersion(void) {
  return SPARSEK_VERSION_STRING " (LLVM " SPARSEK_LLVM_VERSION_STRING ")";
}

extern "C" int32_t sparsekApiVersion(void) { return SPARSEK_API_VERSION; }

extern "C" const char *sparsekLastError(void) { return lastError.c_str(); }

extern "C" SparsekModule *sparsekParse(const char *text, size_t length,
                                       const char *filename,
                                       int32_t allowUnregistered) {
  auto module = std::make_unique<SparsekModule>();
  module->context.appendDialectRegistry(allDialects());
  module->context.allowUnregisteredDialects(allowUnregistered != 0);
  module->sources.AddNewSourceBuffer(
      llvm::MemoryBuffer::getMemBufferCopy(StringRef(text, length), filename),
      llvm::SMLoc());
  ErrorScope errors(module->sources, &module->context);
  module->op = parseSourceFile<ModuleOp>(module->sources, &module->context);
  if (module->op)
    return module.release();
  errors.fail("the text is not a module");
  return nullptr;
}

extern "C" int32_t sparsekRunPipeline(SparsekModule *module,
                                      const char *pipeline) {
  return failed(runPipeline(*module->op, pipeline, module->sources));
}

extern "C" void sparsekPrint(const SparsekModule *module, int32_t generic,
                             SparsekTextCallback callback, void *userData) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  OpPrintingFlags flags;
  if (generic)
    flags.printGenericOpForm();
  module->op.get()->print(stream, flags);
  callback(text.data(), text.size(), userData);
}

extern "C" void sparsekReleaseModule(SparsekModule *module) { delete module; }

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

namespace {
/// What an entry takes or gives, with whether it is passed as a memref
/// descriptor or as a bare scalar.
struct Parameter {
  SparsekDtype dtype;
  SmallVector<int64_t> shape;
  bool isScalar;
};

struct Entry {
  std::string name;
  std::vector<Parameter> arguments, results;
  std::vector<SparsekType> argumentTypes, resultTypes; // views of the above
  SparsekSignature signature;
  void (*function)(void **) = nullptr;
};
} // namespace

static std::optional<SparsekDtype> dtypeOf(Type type) {
  if (type.isF32())
    return SPARSEK_F32;
  if (type.isF16())
    return SPARSEK_F16;
  if (type.isBF16())
    return SPARSEK_BF16;
  if (type.isF64())
    return SPARSEK_F64;
  if (type.isIndex())
    return SPARSEK_I64;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || !integer.isSignless())
    return std::nullopt;
  switch (integer.getWidth()) {
  case 1:
    return SPARSEK_BOOL;
  case 8:
    return SPARSEK_I8;
  case 16:
    return SPARSEK_I16;
  case 32:
    return SPARSEK_I32;
  case 64:
    return SPARSEK_I64;
  default:
    return std::nullopt;
  }
}

static StringRef nameOf(SparsekDtype dtype) {
  static constexpr StringRef names[] = {"f32", "f16", "bf16", "f64", "i1",
                                        "i8",  "i16", "i32",  "i64"};
  return size_t(dtype) < std::size(names) ? names[dtype] : "an unknown type";
}

static size_t sizeOf(SparsekDtype dtype) {
  static constexpr size_t sizes[] = {4, 2, 2, 8, 1, 1, 2, 4, 8};
  return sizes[dtype];
}

static std::optional<Parameter> parameterOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (shaped && (!isa<RankedTensorType, MemRefType>(type)))
    return std::nullopt;
  if (auto memref = dyn_cast<MemRefType>(type))
    if (!memref.getLayout().isIdentity() || memref.getMemorySpace())
      return std::nullopt;
  std::optional<SparsekDtype> dtype =
      dtypeOf(shaped ? shaped.getElementType() : type);
  if (!dtype)
    return std::nullopt;
  Parameter result{*dtype, {}, !shaped};
  if (shaped)
    for (int64_t size : shaped.getShape())
      result.shape.push_back(ShapedType::isDynamic(size) ? SPARSEK_DYNAMIC
                                                         : size);
  return result;
}

static std::vector<SparsekType> typesOf(ArrayRef<Parameter> parameters) {
  std::vector<SparsekType> types;
  for (const Parameter &parameter : parameters)
    types.push_back({parameter.dtype, int32_t(parameter.shape.size()),
                     parameter.shape.data()});
  return types;
}

/// The entries of a module before it is lowered; asks for their C interface.
static std::deque<Entry> takeEntries(ModuleOp op) {
  std::deque<Entry> entries;
  for (auto function : op.getOps<func::FuncOp>()) {
    if (!function.isPublic() || function.isExternal())
      continue;
    Entry entry;
    entry.name = function.getName().str();
    auto describe = [](TypeRange types, std::vector<Parameter> &parameters) {
      return llvm::all_of(types, [&](Type type) {
        std::optional<Parameter> parameter = parameterOf(type);
        if (parameter)
          parameters.push_back(*parameter);
        return parameter.has_value();
      });
    };
    if (!describe(function.getArgumentTypes(), entry.arguments) ||
        !describe(function.getResultTypes(), entry.results))
      continue;
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                      UnitAttr::get(op.getContext()));
    Entry &kept = entries.emplace_back(std::move(entry));
    kept.argumentTypes = typesOf(kept.arguments);
    kept.resultTypes = typesOf(kept.results);
    kept.signature = {kept.argumentTypes.size(), kept.argumentTypes.data(),
                      kept.resultTypes.size(), kept.resultTypes.data()};
  }
  return entries;
}

//===----------------------------------------------------------------------===//
// Engines
//===----------------------------------------------------------------------===//

struct SparsekEngine {
  std::unique_ptr<ExecutionEngine> jit;
  std::deque<Entry> entries; // Addresses are handed out, so they stay.
};

extern "C" SparsekCompileOptions sparsekDefaultCompileOptions(void) {
  return {"sparsek-cpu-pipeline", 3};
}

/// The number of pointers that the C interface of an entry takes: one per
/// argument, and one to the results in front if those are in memory.
static size_t numInterfaceArguments(const Entry &entry) {
  bool inMemory = entry.results.size() > 1 ||
                  (entry.results.size() == 1 && !entry.results[0].isScalar);
  return entry.arguments.size() + inMemory;
}

static std::string interfaceName(const Entry &entry) {
  return "_mlir_ciface_" + entry.name;
}

/// A pipeline may drop a function or change how it is called; both would
/// otherwise show up as a crash in the call.
static LogicalResult checkLowered(ModuleOp op, const std::deque<Entry> &entries,
                                  StringRef pipeline) {
  for (const Entry &entry : entries) {
    auto function = op.lookupSymbol<LLVM::LLVMFuncOp>(interfaceName(entry));
    if (!function) {
      setError("the pipeline '" + pipeline + "' leaves no C interface for @" +
               entry.name + ": it must convert func.func to llvm.func");
      return failure();
    }
    if (function.getNumArguments() != numInterfaceArguments(entry)) {
      setError("the pipeline '" + pipeline + "' changes the arguments of @" +
               entry.name + " from " + Twine(numInterfaceArguments(entry)) +
               " to " + Twine(function.getNumArguments()) +
               ": results must be returned, not passed as arguments");
      return failure();
    }
  }
  return success();
}

static llvm::Expected<std::unique_ptr<ExecutionEngine>> makeJit(ModuleOp op,
                                                                int optLevel) {
  static const bool initialised = !llvm::InitializeNativeTarget() &&
                                  !llvm::InitializeNativeTargetAsmPrinter();
  if (!initialised)
    return llvm::createStringError("LLVM has no code generator for this host");
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return builder.takeError();
  auto level = static_cast<llvm::CodeGenOptLevel>(optLevel);
  builder->setCodeGenOptLevel(level);
  auto machine = builder->createTargetMachine();
  if (!machine)
    return machine.takeError();
  ExecutionEngineOptions options;
  auto transformer = makeOptimizingTransformer(optLevel, 0, machine->get());
  options.transformer = transformer;
  options.jitCodeGenOptLevel = level;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  return ExecutionEngine::create(op, options, std::move(*machine));
}

extern "C" SparsekEngine *sparsekCompile(const SparsekModule *module,
                                         const SparsekCompileOptions *options) {
  SparsekCompileOptions chosen =
      options ? *options : sparsekDefaultCompileOptions();
  if (chosen.optLevel < 0 || chosen.optLevel > 3) {
    setError("optLevel must be 0, 1, 2 or 3, got " + Twine(chosen.optLevel));
    return nullptr;
  }
  StringRef pipeline = chosen.pipeline ? chosen.pipeline : "";
  // The clone shares the context, whose only other user is this thread.
  OwningOpRef<ModuleOp> op(module->op.get().clone());
  auto &sources = const_cast<llvm::SourceMgr &>(module->sources);
  auto engine = std::make_unique<SparsekEngine>();
  engine->entries = takeEntries(*op);
  if (engine->entries.empty()) {
    setError("the module has no public function of ranked tensors, memrefs or "
             "scalars of f32, f16, bf16, f64, i1, i8, i16, i32, i64 or index");
    return nullptr;
  }
  if (failed(runPipeline(*op, pipeline, sources)) ||
      failed(checkLowered(*op, engine->entries, pipeline)))
    return nullptr;
  ErrorScope errors(sources, op->getContext());
  auto jit = makeJit(*op, chosen.optLevel);
  if (!jit) {
    errors.fail("cannot compile the lowered module: " +
                llvm::toString(jit.takeError()));
    return nullptr;
  }
  engine->jit = std::move(*jit);
  for (Entry &entry : engine->entries) {
    auto function = engine->jit->lookupPacked(interfaceName(entry));
    if (!function) {
      setError("cannot link @" + entry.name + ": " +
               llvm::toString(function.takeError()));
      return nullptr;
    }
    entry.function = *function;
  }
  return engine.release();
}

extern "C" size_t sparsekNumEntries(const SparsekEngine *engine) {
  return engine->entries.size();
}

extern "C" const char *sparsekEntryName(const SparsekEngine *engine,
                                        size_t index) {
  return engine->entries[index].name.c_str();
}

static const Entry *findEntry(const SparsekEngine *engine, StringRef name) {
  for (const Entry &entry : engine->entries)
    if (entry.name == name)
      return &entry;
  std::string known;
  for (const Entry &entry : engine->entries)
    known += (known.empty() ? "" : ", ") + entry.name;
  setError("no entry named '" + name + "'; the module has " + known);
  return nullptr;
}

extern "C" const SparsekSignature *
sparsekEntrySignature(const SparsekEngine *engine, const char *entry) {
  const Entry *found = findEntry(engine, entry);
  return found ? &found->signature : nullptr;
}

extern "C" void sparsekReleaseEngine(SparsekEngine *engine) { delete engine; }

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

namespace {
/// MLIR's memref descriptor of any rank as words: the allocated and the aligned
/// pointer, the offset, the sizes, the strides.
class Descriptor {
public:
  static size_t numWords(size_t rank) { return 3 + 2 * rank; }

  static void write(int64_t *words, const SparsekArray &array) {
    words[0] = words[1] = reinterpret_cast<int64_t>(array.data);
    words[2] = 0;
    int64_t stride = 1;
    for (int32_t i = array.rank - 1; i >= 0; --i) {
      words[3 + i] = array.shape[i];
      words[3 + array.rank + i] = stride;
      stride *= array.shape[i];
    }
  }

  static void *allocated(const int64_t *words) {
    return reinterpret_cast<void *>(words[0]);
  }
  static void *data(const int64_t *words, SparsekDtype dtype) {
    return reinterpret_cast<char *>(words[1]) + words[2] * sizeOf(dtype);
  }
};
} // namespace

struct SparsekResults {
  std::vector<int64_t> memory; // what the function wrote: a struct of results
  std::vector<SparsekArray> arrays;
  SmallVector<void *> owned;

  ~SparsekResults() {
    for (void *pointer : owned)
      std::free(pointer);
  }
};

static std::string typeText(SparsekDtype dtype, ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (int64_t size : shape) {
    if (size == SPARSEK_DYNAMIC)
      stream << "?x";
    else
      stream << size << "x";
  }
  stream << nameOf(dtype);
  return text;
}

static bool isRowMajor(const SparsekArray &array) {
  if (!array.strides)
    return true;
  int64_t stride = 1;
  for (int32_t i = array.rank - 1; i >= 0; --i) {
    // Where at most one element lies, its stride is never used.
    if (array.shape[i] > 1 && array.strides[i] != stride)
      return false;
    stride *= array.shape[i];
  }
  return true;
}

static LogicalResult checkArgument(const Entry &entry, size_t index,
                                   const SparsekArray &array) {
  const Parameter &expected = entry.arguments[index];
  ArrayRef<int64_t> shape(array.shape, array.rank);
  bool fits = array.dtype == expected.dtype &&
              shape.size() == expected.shape.size() &&
              llvm::all_of(llvm::zip(shape, expected.shape), [](auto sizes) {
                auto [got, want] = sizes;
                return got >= 0 && (want == SPARSEK_DYNAMIC || got == want);
              });
  if (!fits) {
    setError("argument " + Twine(index) + " of @" + entry.name + " must be " +
             typeText(expected.dtype, expected.shape) + ", got " +
             typeText(array.dtype, shape));
    return failure();
  }
  if (!isRowMajor(array)) {
    setError("argument " + Twine(index) + " of @" + entry.name +
             " must be in row-major order without gaps; pass a copy");
    return failure();
  }
  return success();
}

extern "C" SparsekResults *sparsekCall(const SparsekEngine *engine,
                                       const char *name,
                                       const SparsekArray *arguments,
                                       size_t numArguments) {
  const Entry *entry = findEntry(engine, name);
  if (!entry)
    return nullptr;
  if (numArguments != entry->arguments.size()) {
    setError("@" + entry->name + " takes " + Twine(entry->arguments.size()) +
             " arguments, got " + Twine(numArguments));
    return nullptr;
  }
  for (size_t i = 0; i < numArguments; ++i)
    if (failed(checkArgument(*entry, i, arguments[i])))
      return nullptr;

  // A packed call takes the address of every value. For a memref the value is
  // itself the address of a descriptor.
  std::vector<std::vector<int64_t>> descriptors(numArguments);
  SmallVector<void *> values(numArguments + 1);
  SmallVector<void *> packed;
  auto results = std::make_unique<SparsekResults>();
  bool resultsInMemory =
      numInterfaceArguments(*entry) > entry->arguments.size();
  if (resultsInMemory)
    packed.push_back(&values[numArguments]);
  for (size_t i = 0; i < numArguments; ++i) {
    if (entry->arguments[i].isScalar) {
      packed.push_back(arguments[i].data);
      continue;
    }
    descriptors[i].resize(Descriptor::numWords(arguments[i].rank));
    Descriptor::write(descriptors[i].data(), arguments[i]);
    values[i] = descriptors[i].data();
    packed.push_back(&values[i]);
  }

  // The struct of results has C layout: descriptors are whole words, scalars
  // are aligned to their size.
  SmallVector<size_t> offsets;
  size_t bytes = 0;
  for (const Parameter &result : entry->results) {
    size_t size = result.isScalar
                      ? sizeOf(result.dtype)
                      : 8 * Descriptor::numWords(result.shape.size());
    bytes = llvm::alignTo(bytes, std::min<size_t>(size, 8));
    offsets.push_back(bytes);
    bytes += size;
  }
  results->memory.resize(llvm::divideCeil(bytes, 8));
  values[numArguments] = results->memory.data();
  if (!entry->results.empty() && !resultsInMemory)
    packed.push_back(results->memory.data());

  entry->function(packed.data());

  for (auto [result, offset] : llvm::zip(entry->results, offsets)) {
    char *start = reinterpret_cast<char *>(results->memory.data()) + offset;
    int32_t rank = result.shape.size();
    if (result.isScalar) {
      results->arrays.push_back({start, result.dtype, 0, nullptr, nullptr});
      continue;
    }
    auto *words = reinterpret_cast<int64_t *>(start);
    results->arrays.push_back({Descriptor::data(words, result.dtype),
                               result.dtype, rank, words + 3,
                               words + 3 + rank});
    // A result that is an argument, or the same buffer twice, is not ours to
    // free (again).
    void *allocated = Descriptor::allocated(words);
    bool borrowed = llvm::is_contained(results->owned, allocated);
    for (const SparsekArray &argument : ArrayRef(arguments, numArguments))
      borrowed |= argument.data == allocated;
    if (!borrowed)
      results->owned.push_back(allocated);
  }
  return results.release();
}

extern "C" const SparsekArray *sparsekResultArray(const SparsekResults *results,
                                                  size_t index) {
  return &results->arrays[index];
}

extern "C" void sparsekReleaseResults(SparsekResults *results) {
  delete results;
}

//===- Sparsek.cpp - C API of sparsek -------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Internal.h"

#include "sparsek/ExecutionEngine/Executable.h"
#include "sparsek/InitAllDialects.h"
#include "sparsek/InitAllPasses.h"
#include "sparsek/Support/Version.h"

#include <deque>

using namespace mlir;
using sparsek::ElementType;
using sparsek::capi::setError;

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

static const DialectRegistry &allDialects() {
  static const DialectRegistry *registry = [] {
    auto *result = new DialectRegistry;
    sparsek::registerAllDialects(*result);
    sparsek::registerAllPasses();
    return result;
  }();
  return *registry;
}

SparsekModule::SparsekModule() {
  context.appendDialectRegistry(allDialects());
  // Messages say where they belong; they need not repeat the operation.
  context.printOpOnDiagnostic(false);
}

extern "C" const char *sparsekVersion(void) {
  return SPARSEK_VERSION_STRING " (LLVM " SPARSEK_LLVM_VERSION_STRING ")";
}

extern "C" int32_t sparsekApiVersion(void) { return SPARSEK_API_VERSION; }

extern "C" SparsekModule *sparsekParse(const char *text, size_t length,
                                       const char *filename,
                                       int32_t allowUnregistered) {
  auto module = std::make_unique<SparsekModule>();
  module->context.allowUnregisteredDialects(allowUnregistered != 0);
  auto parsed =
      sparsek::parseModule(module->context, StringRef(text, length), filename,
                           /*verify=*/allowUnregistered == 0);
  if (!parsed) {
    setError(parsed.takeError());
    return nullptr;
  }
  module->op = std::move(*parsed);
  module->verified = allowUnregistered == 0;
  return module.release();
}

extern "C" int32_t sparsekRunPipeline(SparsekModule *module,
                                      const char *pipeline) {
  llvm::Error error = module->verified
                          ? llvm::Error::success()
                          : sparsek::verifyBefore(*module->op, pipeline);
  if (!error)
    error = sparsek::runPasses(*module->op, pipeline);
  if (error) {
    setError(std::move(error));
    return 1;
  }
  module->verified = true;
  return 0;
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
// Types
//===----------------------------------------------------------------------===//

static SparsekDtype dtypeOf(ElementType type) {
  switch (type) {
  case ElementType::I1:
    return SPARSEK_BOOL;
  case ElementType::I8:
    return SPARSEK_I8;
  case ElementType::I16:
    return SPARSEK_I16;
  case ElementType::I32:
    return SPARSEK_I32;
  case ElementType::I64:
  case ElementType::Index:
    return SPARSEK_I64;
  case ElementType::F16:
    return SPARSEK_F16;
  case ElementType::BF16:
    return SPARSEK_BF16;
  case ElementType::F32:
    return SPARSEK_F32;
  case ElementType::F64:
    return SPARSEK_F64;
  }
  llvm_unreachable("no other element type");
}

/// The element type of an argument. i64 serves for index, which C has not.
static std::optional<ElementType> elementTypeOf(SparsekDtype dtype,
                                                ElementType expected) {
  if (dtypeOf(expected) == dtype)
    return expected;
  for (ElementType type :
       {ElementType::I1, ElementType::I8, ElementType::I16, ElementType::I32,
        ElementType::I64, ElementType::F16, ElementType::BF16, ElementType::F32,
        ElementType::F64})
    if (dtypeOf(type) == dtype)
      return type;
  return std::nullopt;
}

namespace {
/// A signature in C, with the memory that it points to.
struct Entry {
  std::string name;
  std::deque<SmallVector<int64_t>> shapes;
  std::vector<SparsekType> arguments, results;
  SparsekSignature signature;

  explicit Entry(const sparsek::Signature &source) : name(source.name) {
    addTypes(source.arguments, arguments);
    addTypes(source.results, results);
    signature = {arguments.size(), arguments.data(), results.size(),
                 results.data()};
  }
  Entry(const Entry &) = delete;

private:
  void addTypes(ArrayRef<sparsek::ValueSignature> values,
                std::vector<SparsekType> &types) {
    for (const sparsek::ValueSignature &value : values) {
      SmallVector<int64_t> &shape = shapes.emplace_back();
      for (int64_t size : value.shape)
        shape.push_back(ShapedType::isDynamic(size) ? SPARSEK_DYNAMIC : size);
      types.push_back({value.name.c_str(), dtypeOf(value.type),
                       int32_t(shape.size()), shape.data()});
    }
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Engines
//===----------------------------------------------------------------------===//

struct SparsekEngine {
  std::unique_ptr<sparsek::Executable> executable;
  std::deque<Entry> entries; // Addresses are handed out, so they stay.
};

extern "C" SparsekCompileOptions sparsekDefaultCompileOptions(void) {
  return {"sparsek-cpu-pipeline", nullptr, 3, 0, 0};
}

extern "C" SparsekEngine *sparsekCompile(const SparsekModule *module,
                                         const SparsekCompileOptions *options) {
  SparsekCompileOptions chosen =
      options ? *options : sparsekDefaultCompileOptions();
  if (chosen.optLevel < 0 || chosen.optLevel > 3) {
    setError("optLevel must be 0, 1, 2 or 3, got " + Twine(chosen.optLevel));
    return nullptr;
  }
  if (chosen.threads < 0) {
    setError("threads must not be negative, got " + Twine(chosen.threads));
    return nullptr;
  }
  if (chosen.device < 0) {
    setError("device must not be negative, got " + Twine(chosen.device));
    return nullptr;
  }
  sparsek::CompileOptions compileOptions;
  compileOptions.pipeline = chosen.pipeline ? chosen.pipeline : "";
  compileOptions.cpu = chosen.cpu ? chosen.cpu : "";
  compileOptions.optLevel = chosen.optLevel;
  compileOptions.threads = chosen.threads;
  compileOptions.device = chosen.device;
  if (!module->verified)
    if (llvm::Error error =
            sparsek::verifyBefore(module->op.get(), compileOptions.pipeline)) {
      setError(std::move(error));
      return nullptr;
    }
  auto executable =
      sparsek::Executable::compile(module->op.get(), compileOptions);
  if (!executable) {
    setError(executable.takeError());
    return nullptr;
  }
  auto engine = std::make_unique<SparsekEngine>();
  engine->executable = std::move(*executable);
  for (const sparsek::Signature &source : engine->executable->getSignatures())
    engine->entries.emplace_back(source);
  return engine.release();
}

extern "C" size_t sparsekNumEntries(const SparsekEngine *engine) {
  return engine->entries.size();
}

extern "C" const char *sparsekEntryName(const SparsekEngine *engine,
                                        size_t index) {
  return engine->entries[index].name.c_str();
}

extern "C" const SparsekSignature *
sparsekEntrySignature(const SparsekEngine *engine, const char *name) {
  for (const Entry &entry : engine->entries)
    if (entry.name == name)
      return &entry.signature;
  // The engine knows why: there is none, or it has types that are not accepted.
  setError(engine->executable->getSignature(name).takeError());
  return nullptr;
}

extern "C" void sparsekReleaseEngine(SparsekEngine *engine) { delete engine; }

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

struct SparsekResults {
  std::vector<sparsek::Tensor> tensors;
  std::vector<SparsekArray> arrays;
};

static bool isRowMajor(const SparsekArray &array) {
  int64_t stride = 1;
  for (int32_t i = array.rank - 1; array.strides && i >= 0; --i) {
    // Where at most one element lies, its stride is never used.
    if (array.shape[i] > 1 && array.strides[i] != stride)
      return false;
    stride *= array.shape[i];
  }
  return true;
}

extern "C" SparsekResults *sparsekCall(const SparsekEngine *engine,
                                       const char *name,
                                       const SparsekArray *arguments,
                                       size_t numArguments) {
  auto signature = engine->executable->getSignature(name);
  if (!signature) {
    setError(signature.takeError());
    return nullptr;
  }
  SmallVector<sparsek::TensorRef> inputs;
  for (size_t i = 0; i < numArguments; ++i) {
    const SparsekArray &array = arguments[i];
    ElementType expected = i < (*signature)->arguments.size()
                               ? (*signature)->arguments[i].type
                               : ElementType::F32;
    std::optional<ElementType> type = elementTypeOf(array.dtype, expected);
    if (!type || array.rank < 0) {
      setError("argument " + Twine(i + 1) + " of '" + name +
               "' has an invalid element type or rank");
      return nullptr;
    }
    if (!isRowMajor(array)) {
      setError("argument " + Twine(i + 1) + " of '" + name +
               "' must be in row-major order without gaps; pass a copy");
      return nullptr;
    }
    inputs.push_back({*type, ArrayRef(array.shape, array.rank), array.data});
  }
  auto results = std::make_unique<SparsekResults>();
  if (llvm::Error error =
          engine->executable->call(name, inputs, results->tensors)) {
    setError(std::move(error));
    return nullptr;
  }
  for (const sparsek::Tensor &tensor : results->tensors)
    results->arrays.push_back({tensor.getData(), dtypeOf(tensor.getType()),
                               int32_t(tensor.getShape().size()),
                               tensor.getShape().data(), nullptr});
  return results.release();
}

extern "C" const SparsekArray *sparsekResultArray(const SparsekResults *results,
                                                  size_t index) {
  return &results->arrays[index];
}

extern "C" void sparsekReleaseResults(SparsekResults *results) {
  delete results;
}
